import ArgumentParser
import CLI
import Common
import Files
import Glibc
import Logging

/// The command `notify`: delivers what waits. Its subcommands add to that.
@main
struct Notify: Tool {
  static let configuration = CommandConfiguration(
    commandName: "notify",
    abstract: "Deliver the events that wait for their receivers.",
    usage: "notify [OPTION]…\nnotify SUBCOMMAND [OPTION]…",
    discussion: """
      Sends webhooks as Standard Webhooks 1.0.0 has them, signed with CONVEYOR_WEBHOOK_SECRET or a file. Events are \
      kept in the state folder until they have arrived. The driver and `validate monitor --notify` call it.

        conveyor notify test --webhook https://example.org/hook

      \(ToolExit.table)
      """,
    subcommands: [
      SendCommand.self, ObserveCommand.self, PingCommand.self, StatusCommand.self, TestCommand.self,
    ])

  @OptionGroup var receivers: ReceiverOptions
  @OptionGroup var patience: PatienceOptions
  @OptionGroup var log: LogOptions

  func perform(stop: ShutdownSignal, logger: Logger) throws -> ToolExit {
    let post = try receivers.open(stop: stop, logger: logger)
    post.deliver(nil, patience: patience.patience.seconds)
    return try post.exitCode()
  }
}

/// Who is told, and where what waits is kept.
struct ReceiverOptions: ParsableArguments {
  @Option(help: .init("Send events to this https URL; repeatable.", valueName: "url"))
  var webhook: [String] = []

  @Option(help: .init("Sign with the key in this file, or with two keys.", valueName: "file"))
  var webhookSecretFile: String?

  @Option(help: .init("Ping this URL: /start, and /CODE in the end.", valueName: "url"))
  var ping: String?

  @Option(help: .state)
  var state: String?

  /// Reads what is configured, and opens the outbox. Throws with exit code 77 or 78. An outbox that cannot be used
  /// only costs what cannot be delivered at once: who wants to hear of a full disk has to be told of it.
  func open(stop: ShutdownSignal, logger: Logger) throws(Fatal) -> Post {
    // One variable names several: no URL has a blank.
    var endpoints: [Endpoint] = []
    for text in webhook.flatMap({ $0.split(whereSeparator: \.isWhitespace) }) {
      let endpoint = try Endpoint(String(text), "the webhook")
      if !endpoints.contains(endpoint) { endpoints.append(endpoint) }
    }
    let keys = endpoints.isEmpty ? nil : try signingKeys()
    var ping: Endpoint?
    if let text = self.ping { ping = try Endpoint(text, "the URL for pings") }
    guard !endpoints.isEmpty || ping != nil else {
      throw Fatal(
        .configuration, "no receiver is named. Name one with --webhook URL or --ping URL.")
    }
    var lock: String?
    let outbox: Outbox
    do throws(Fatal) {
      let folder = try StateFolder(named: state)
      let place = state ?? String(folder.limiter.dropLast("/limiter.sqlite".count))
      let path = "\(place)/outbox.sqlite"
      umask(0o077)
      _ = Folders.make(place)
      outbox = try Outbox(path)
      lock = "\(path).lock"
    } catch {
      logger.warning("\(error.message). What cannot be delivered at once is lost.")
      outbox = try Outbox(":memory:")
    }
    return Post(
      deliverer: Deliverer(
        outbox: outbox, endpoints: endpoints, keys: keys, ping: ping, stop: stop, logger: logger),
      lock: lock)
  }

  private func signingKeys() throws(Fatal) -> SigningKeys {
    if let path = webhookSecretFile {
      let what = "the secret file \(path)"
      let bytes = try SecretFile.read(path, what)
      return try SigningKeys(String(decoding: bytes, as: UTF8.self), what)
    }
    guard let text = StateFolder.variable("CONVEYOR_WEBHOOK_SECRET"), !text.isEmpty else {
      throw Fatal(
        .configuration,
        """
        webhooks are signed, and there is no key: set CONVEYOR_WEBHOOK_SECRET_FILE to a file with one \
        (docs/notify.md)
        """)
    }
    return try SigningKeys(text, "CONVEYOR_WEBHOOK_SECRET")
  }
}

struct PatienceOptions: ParsableArguments {
  @Option(help: .init("Try for this long; 0: only keep it.", valueName: "time"))
  var patience = TimeSpan(seconds: 60)
}

/// An outbox with those whom it is for.
struct Post: Sendable {
  let deliverer: Deliverer
  fileprivate let lock: String?

  func deliver(_ signal: PingSignal?, patience: Double) {
    deliverer.run(signal, patience: patience, lock: lock)
  }

  func add(
    _ events: [Event], seen: (subject: String, state: JSON)? = nil
  ) throws(Fatal) {
    let dropped = try deliverer.outbox.add(events, to: deliverer.endpoints, seen: seen)
    if dropped > 0 {
      deliverer.logger.warning(
        "the outbox is full (\(Outbox.capacity) events): dropped \(Format.counted(dropped, "event"))"
      )
    }
  }

  /// 69 where something still waits, with why.
  func exitCode() throws(Fatal) -> ToolExit {
    let keys = Set(deliverer.endpoints.map(\.key))
    let waiting = try deliverer.outbox.lines().filter { keys.contains($0.key) && $0.waiting > 0 }
    for line in waiting {
      deliverer.logger.warning(
        """
        \(Format.counted(line.waiting, "event")) not delivered to \(line.shown)\
        \(line.why.isEmpty ? "" : ": \(line.why)"). The next run tries again, or: conveyor notify
        """)
    }
    if deliverer.stop.isRequested { return try deliverer.stop.exitCode() }
    return waiting.isEmpty ? .success : .unavailable
  }
}
