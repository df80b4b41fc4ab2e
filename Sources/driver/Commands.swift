import ArgumentParser
import Common
import Files
import Glibc
import Subprocesses

/// `run OPTION…`: checks what has to be there, asks, and prints the programs of the run for the script.
struct PrepareRun: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Check what a run needs, ask whether to start, and print its programs.")

  @Argument(parsing: .captureForPassthrough, help: "What `conveyor run` was given.")
  var words: [String] = []

  func run() throws {
    var notice = Notice(programs: Driver.programs())
    do {
      var preflight = try Driver.preflight(.run, words)
      notice = Notice(programs: preflight.programs, settings: preflight.settings)
      preflight.programs.lastWords = notice.lastWords
      try begin(preflight, notice)
    } catch {
      notice.failedToBegin(error)
      throw error
    }
  }

  private func begin(_ preflight: Preflight, _ notice: Notice) throws {
    let settings = preflight.settings
    for line in settings.withoutEffect(for: .run) { Driver.say(line) }
    let plan = try preflight.plan()
    let todo = try preflight.check(plan)
    let way = (plan.names).joined(separator: " → ")
    Driver.say("stage \(plan.stage): \(way), into \(SecretRedactor.setting(plan.to))")
    Driver.say("state: \(plan.state)")
    guard todo > 0 else {
      Driver.say("nothing is left to do")
      guard !settings.isDryRun else { return }
      try preflight.sweep(plan)
      return notice.hadNothingToDo(plan)
    }
    if settings.isDryRun {
      Driver.say("dry run: what would be requested, for ten documents at most")
      return try plan.show(plan.preview(), files: nil)
    }
    guard settings.assumesYes || isatty(STDIN_FILENO) == 0 || isWanted() else {
      return Driver.say("not started")
    }
    try plan.makeFolders()
    let run = "\(RunPlan.time())-\(getppid())"
    notice.started(plan, run: run, todo: todo)
    try plan.show(
      plan.programs(todo: todo), files: (plan.log, plan.summary), run: run, notice: notice)
  }

  private func isWanted() -> Bool {
    Console.write("Start download? (y/n) ")
    return readLine()?.lowercased().hasPrefix("y") == true
  }
}

/// `work OPTION…`: the same for a machine that works for a head elsewhere.
struct PrepareWork: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "work", abstract: "Check what a worker needs, and print its programs.")

  @Argument(parsing: .captureForPassthrough, help: "What `conveyor work` was given.")
  var words: [String] = []

  func run() throws {
    let preflight = try Driver.preflight(.work, words)
    for line in preflight.settings.withoutEffect(for: .work) { Driver.say(line) }
    let plan = try preflight.workerPlan()
    try preflight.checkWorker(plan)
    Driver.say(
      "stage \(plan.stage): \(plan.names.joined(separator: " → ")), into \(SecretRedactor.setting(plan.to))"
    )
    Driver.say("state: \(plan.state)")
    try plan.makeFolders()
    try plan.show(plan.programs(todo: 0), files: (plan.log, nil))
  }
}

extension RunPlan {
  /// Makes what has to be there before the programs begin.
  fileprivate func makeFolders() throws {
    umask(0o077)
    // The limiter of all runs is beside the state, or in the user's own place.
    let place =
      settings.limiter == nil ? limiter.lastIndex(of: "/").map { String(limiter[..<$0]) } : nil
    for folder in [spool, place].compactMap(\.self) where !folder.isEmpty {
      let failure = Folders.make(folder)
      guard failure != 0 else { continue }
      let reason = String(cString: strerror(failure))
      throw Fatal(.inputOutput, "cannot make the state folder \(folder): \(reason)")
    }
  }

  /// Prints the programs of a run for the script.
  fileprivate func show(
    _ programs: [Program], files: (log: String, summary: String?)?, run: String? = nil,
    notice: Notice? = nil
  ) throws {
    let driver = "\(ProgramPath.ownFolder)/conveyor-driver"
    let ending =
      (files.map { ["--log", $0.log] + ($0.summary.map { ["--summary", $0] } ?? []) } ?? [])
      + (limit.map { ["--limit", "\($0)"] } ?? [])
      + (notice?.isWanted == true ? ["--stage", stage] : [])
    var variables = ((try? Driver.site.get())?.variables ?? [:])
      .merging(settings.environment) { $1 }
    variables["CONVEYOR_RUN_ID"] = run ?? "\(Self.time())-\(getppid())"
    if notice?.isWanted == true { variables["CONVEYOR_NOTIFY_STATE"] = outbox }
    let words = PlanLines(
      variables: variables.map { "\($0.key)=\($0.value)" }.sorted(), programs: programs,
      before: files == nil ? [] : recovery(),
      judge: [driver, "judge", "--programs", programs.map(\.name).joined(separator: ",")],
      end: [driver, "end"] + ending,
      companion: notice.map { $0.companion(of: self, driver) } ?? [])
    try Console.answer(words.text)
  }

  fileprivate static func time() -> String {
    String(Time.timestamp().prefix { $0 != "." }.filter { $0 != "-" && $0 != ":" })
  }
}

/// `judge --programs A,B,C STATUS…`: the exit status of a pipeline, with words for what a signal ended.
struct Judge: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Turn the statuses of a pipeline's programs into one.")

  @Option(help: "Their names, with commas between.")
  var programs: String

  @Flag(help: "The run was told to stop.")
  var stopped = false

  @Argument(help: "How each of them ended.")
  var statuses: [Int32]

  func run() throws {
    let names = programs.split(separator: ",").map(String.init)
    let verdict = Verdict(Array(zip(names, statuses)).map { ($0, $1) }, wasStopped: stopped)
    for line in verdict.lines { Driver.say(line) }
    Glibc.exit(verdict.code)
  }
}

/// `end STATUS SIGNALS`: how the run ended, with where its log is.
struct End: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Say how a run ended.")

  @Option(help: "The log of the run.")
  var log: String?

  @Option(help: "The summary of the run.")
  var summary: String?

  @Option(help: "How many documents the run takes.")
  var limit: Int?

  @Option(help: "The stage, where receivers are to be told of the end.")
  var stage: String?

  @Argument(help: "How the pipeline ended.")
  var status: Int32

  @Argument(help: "How many signals it was sent.")
  var signals = 0

  func run() throws {
    let files = log.map { ($0, summary) }
    let verdict = Verdict(pipeline: status, signals: signals, files: files, limit: limit)
    for line in verdict.lines { Driver.say(line) }
    if let stage {
      Notice(programs: Driver.programs()).ended(stage, verdict.code, log: log, summary: summary)
    }
    Glibc.exit(verdict.code)
  }
}

/// `follow OPTION…`: beside a run, has receivers told what happens, until standard input ends: the script and its
/// programs hold the other side.
struct Follow: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Beside a run, tell receivers of webhooks what happens.")

  @Argument(parsing: .captureForPassthrough, help: "Options of `validate monitor`.")
  var words: [String] = []

  func run() throws {
    let notice = Notice(programs: Driver.programs())
    let isStarted = startThread { [words] in notice.follow(words) }
    guard isStarted else { return }
    // Its children die with it, and what they had not sent is kept.
    while readLine() != nil {}
    Glibc.exit(0)
  }
}

/// `doctor OPTION…`.
struct Examine: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor", abstract: "Check what is installed and reachable.")

  @Argument(parsing: .captureForPassthrough, help: "What `conveyor doctor` was given.")
  var words: [String] = []

  func run() throws {
    let code = try Doctor(preflight: try Driver.preflight(.doctor, words)).run {
      try Console.answer($0.line + "\n")
    }
    Glibc.exit(code)
  }
}

/// `plan OPTION…`: what a run with these options can expect.
struct Plan: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Predict the workers, the documents an hour and the end of a run.")

  @Argument(parsing: .captureForPassthrough, help: "What `conveyor plan` was given.")
  var words: [String] = []

  func run() throws { try Driver.preflight(.plan, words).forecast() }
}

/// `options COMMAND`: the options of `run` or `doctor`.
struct Options: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Print the options of a command, made from the help of the tools.")

  @Argument(help: "run, work, doctor or plan.")
  var command = "run"

  @Flag(help: "Also the rare ones.")
  var all = false

  func run() throws {
    guard let command = RunSettings.Command(rawValue: command) else {
      throw ValidationError("options are those of run, work, doctor or plan")
    }
    let help = OptionHelp(table: try Driver.table(Driver.programs()))
    try Console.answer(help.lines(for: command, all: all).joined(separator: "\n") + "\n")
  }
}

/// `version`: what is installed, and what it is linked with.
struct About: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "version",
    abstract: "Print version and commit, and the versions of all libraries.")

  func run() throws {
    let programs = Driver.programs()
    var libraries = Set(Version.libraries)
    var lines = Version.text(of: "conveyor").split(separator: "\n").prefix(1).map(String.init)
    for tool in Programs.tools {
      guard let said = try? programs.run(tool, ["--version"], .captured), said.status == 0 else {
        lines.append("\(tool) cannot say its version (conveyor doctor)")
        continue
      }
      if let other = Version.difference(said.lines.first, of: tool) { lines.append(other) }
      libraries.formUnion(
        (said.lines.dropFirst().first ?? "").split(separator: ", ").map(String.init))
    }
    lines.append(libraries.sorted { $0.lowercased() < $1.lowercased() }.joined(separator: ", "))
    try Console.answer(lines.map { "\($0)\n" }.joined())
  }
}

extension Version {
  /// How the first line of a tool's `--version` differs from ours; `nil` where it is the same version. Pure.
  static func difference(_ line: String?, of tool: String) -> String? {
    let expected = text(of: tool).prefix { $0 != "\n" }
    guard line ?? "" != expected else { return nil }
    return "\(Format.printable(line ?? "")) is not \(expected)"
  }
}
