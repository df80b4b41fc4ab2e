import ArgumentParser
import CLI
import Common
import Crypto
import Files
import Glibc
import Logging

/// `notify send TYPE`: keeps an event, then delivers.
struct SendCommand: Tool {
  static let configuration = CommandConfiguration(
    commandName: "send",
    abstract: "Keep an event, print its id, and deliver what waits.",
    usage: "notify send TYPE [OPTION]…",
    discussion: """
      TYPE is one of run.started, run.finished, run.failed, run.interrupted, stage.milestone, \
      portal.outage_began, portal.outage_ended, health.critical, health.recovered, documents.failed. When the id is \
      printed, the event is on the disk, and is tried until it has arrived.

      \(ToolExit.table)
      """)

  @Argument(help: ArgumentHelp("What happened.", valueName: "type"))
  var type: String

  @Option(help: ArgumentHelp("Send this JSON object as its data.", valueName: "json"))
  var data = "{}"

  @Option(help: ArgumentHelp("Ping with this exit code.", valueName: "code"))
  var exitStatus: Int32?

  @OptionGroup var receivers: ReceiverOptions
  @OptionGroup var patience: PatienceOptions
  @OptionGroup var log: LogOptions

  func perform(stop: ShutdownSignal, logger: Logger) throws -> ToolExit {
    guard let kind = Event.Kind(named: type) else {
      let near = NearestName.of(type, among: Event.Kind.allCases.map(\.rawValue))
      throw Fatal(
        .usage,
        "\(Format.quoted(type)) is no type of event\(near.map { "; did you mean \($0)?" } ?? "")")
    }
    guard var data = (try? JSON(parsing: data))?.object else {
      throw Fatal(.usage, "--data must be a JSON object")
    }
    data["machine"] = data["machine"] ?? .string(Machine.name)
    let post = try receivers.open(stop: stop, logger: logger)
    let event = Event(kind, .object(data))
    try post.add([event])
    try Console.answer("\(event.id)\n")
    guard patience.patience.seconds > 0 else { return .success }
    post.deliver(exitStatus.map(PingSignal.end), patience: patience.patience.seconds)
    return try post.exitCode()
  }
}

/// `notify observe`: what `validate monitor --notify` saw, on standard input.
struct ObserveCommand: Tool {
  static let configuration = CommandConfiguration(
    commandName: "observe",
    abstract: "Read a look at a stage, and send what is news in it.",
    usage: "validate monitor --notify … (calls it)",
    discussion: ToolExit.table)

  @OptionGroup var receivers: ReceiverOptions
  @OptionGroup var patience: PatienceOptions
  @OptionGroup var log: LogOptions

  func perform(stop: ShutdownSignal, logger: Logger) throws -> ToolExit {
    var text = ""
    while let line = readLine(strippingNewline: false), text.utf8.count < 1 << 20 { text += line }
    guard let look = try? JSON(parsing: text), let subject = look["subject"]?.string else {
      throw Fatal(.notRecords, "standard input is no look at a stage")
    }
    let post = try receivers.open(stop: stop, logger: logger)
    let changes = Changes(
      look, since: try post.deliverer.outbox.seen(subject), now: Time.wall(),
      run: StateFolder.variable("CONVEYOR_RUN_ID"), machine: Machine.name)
    try post.add(changes.events, seen: (subject, .object(changes.state)))
    post.deliver(nil, patience: patience.patience.seconds)
    return try post.exitCode()
  }
}

/// `notify ping start|CODE`.
struct PingCommand: Tool {
  static let configuration = CommandConfiguration(
    commandName: "ping", abstract: "Ping that a run starts, or how it ended.",
    usage: "notify ping start|CODE --ping URL", discussion: ToolExit.table)

  @Argument(help: ArgumentHelp("start, or an exit code.", valueName: "signal"))
  var signal: String

  @OptionGroup var receivers: ReceiverOptions
  @OptionGroup var patience: PatienceOptions
  @OptionGroup var log: LogOptions

  func perform(stop: ShutdownSignal, logger: Logger) throws -> ToolExit {
    let code = Int32(signal).flatMap { 0...255 ~= $0 ? $0 : nil }
    guard let signal = signal == "start" ? PingSignal.start : code.map(PingSignal.end) else {
      throw Fatal(.usage, "a ping is start or an exit code from 0 to 255")
    }
    let post = try receivers.open(stop: stop, logger: logger)
    post.deliver(signal, patience: patience.patience.seconds)
    return try stop.exitCode()
  }
}

/// `notify status`: reads what is configured, and prints what waits.
struct StatusCommand: Tool {
  static let configuration = CommandConfiguration(
    commandName: "status", abstract: "Print what waits for which receiver; 69: one is disabled.",
    usage: "notify status [OPTION]…", discussion: ToolExit.table)

  @OptionGroup var receivers: ReceiverOptions
  @OptionGroup var log: LogOptions

  func perform(stop: ShutdownSignal, logger: Logger) throws -> ToolExit {
    let post = try receivers.open(stop: stop, logger: logger)
    let lines = try post.deliverer.outbox.lines()
    let ours = Set(post.deliverer.endpoints.map(\.key))
    var texts = post.deliverer.endpoints.filter { endpoint in
      !lines.contains { $0.key == endpoint.key }
    }.map { "\($0.shown): nothing was sent yet" }
    for line in lines {
      let other = ours.contains(line.key) ? "" : " (not configured now)"
      texts.append("\(line.shown)\(other): \(Self.words(line, now: Time.wall()))")
    }
    if let ping = post.deliverer.ping { texts.append("\(ping.shown): pings") }
    try Console.answer(texts.map { Format.printable($0) + "\n" }.joined())
    return lines.contains { ours.contains($0.key) && $0.isDisabled } ? .unavailable : .success
  }

  private static func words(_ line: Outbox.Line, now: Int64) -> String {
    guard !line.isDisabled else {
      return "disabled, it answered HTTP 410; enable it with: conveyor notify test"
    }
    guard let next = line.next else { return "nothing waits" }
    let seconds = max(0, Double(next.subtractingClamped(now)) / 1e9)
    return "\(Format.counted(line.waiting, "event")) waiting, next attempt in "
      + Format.duration(seconds: seconds) + (line.why.isEmpty ? "" : " (\(line.why))")
  }
}

/// `notify test`: an event without meaning, to see it arrive; a receiver that was disabled is tried again.
struct TestCommand: Tool {
  static let configuration = CommandConfiguration(
    commandName: "test", abstract: "Send a test event to every receiver, also to disabled ones.",
    usage: "notify test [OPTION]…", discussion: ToolExit.table)

  @OptionGroup var receivers: ReceiverOptions
  @OptionGroup var log: LogOptions

  func perform(stop: ShutdownSignal, logger: Logger) throws -> ToolExit {
    let post = try receivers.open(stop: stop, logger: logger)
    for endpoint in post.deliverer.endpoints {
      try post.deliverer.outbox.set(endpoint, isDisabled: false)
    }
    let event = Event(.test, .object(["machine": .string(Machine.name)]))
    try post.add([event])
    post.deliver(nil, patience: Sender.timeout)
    let code = try post.exitCode()
    if code == .success { try Console.answer("delivered \(event.id)\n") }
    return code
  }
}

/// This machine, as events name it.
enum Machine {
  static var name: String {
    var name = utsname()
    guard uname(&name) == 0 else { return "" }
    return withUnsafePointer(to: &name.nodename) {
      $0.withMemoryRebound(to: CChar.self, capacity: 65) { String(cString: $0) }
    }
  }
}
