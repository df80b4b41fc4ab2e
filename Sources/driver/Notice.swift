import Common
import Files
import Glibc
import Subprocesses
import Synchronization

/// Tells the receivers of webhooks and pings what becomes of a run, by the tool `notify`. Where none is named,
/// it does nothing; whatever it comes to, it changes neither the run nor its exit status.
struct Notice: Sendable {
  let programs: Programs
  /// Variables for `notify` besides those of this process.
  private let variables: [String: String]
  /// The stage that was asked for, if one was.
  private let stage: String?
  /// What the programs of a preflight said; kept where somebody is to be told.
  let lastWords: LastWords?

  /// `settings` are `nil` where the command line could not be read: then the environment says who is told.
  init(programs: Programs, settings: RunSettings? = nil) {
    self.programs = programs
    var variables = settings?.environment ?? [:]
    variables["CONVEYOR_STATE"] = settings?.state
    self.variables = variables
    stage = settings?.stage ?? programs.environment["CONVEYOR_STAGE"]
    let isWanted = Self.isWanted(programs.environment.merging(variables) { $1 })
    lastWords = isWanted && settings?.isDryRun != true ? LastWords() : nil
  }

  /// Whether anybody is to be told anything.
  var isWanted: Bool { lastWords != nil }

  private static func isWanted(_ environment: [String: String]) -> Bool {
    ["CONVEYOR_WEBHOOK", "CONVEYOR_PING", "CONVEYOR_NOTIFY_WEBHOOK", "CONVEYOR_NOTIFY_PING"]
      .contains { environment[$0]?.isEmpty == false }
  }

  /// Keeps that the run starts; ``follow(_:)`` sends it.
  func started(_ plan: RunPlan, run: String, todo: Int) {
    guard isWanted else { return }
    var data = common(plan.stage, run)
    data["documents"] = .int(todo)
    data["to"] = .string(SecretRedactor.setting(plan.to))
    send("run.started", data, ["--patience", "0"], ["CONVEYOR_NOTIFY_STATE": plan.outbox])
  }

  /// A run that finds nothing to do is well, and no news: who watches for its pings is told.
  func hadNothingToDo(_ plan: RunPlan) {
    guard isWanted else { return }
    notify(["ping", "0"], ["CONVEYOR_NOTIFY_STATE": plan.outbox])
  }

  /// The preflight found a reason not to start.
  func failedToBegin(_ error: any Error) {
    guard isWanted else { return }
    var data = common(stage, nil)
    let ended = error as? Preflight.Ended
    let fatal = Fatal(describing: error)
    let code = ended?.status ?? fatal.code.rawValue
    data["phase"] = .string("preflight")
    add(code, to: &data)
    let words = ended == nil ? fatal.message : lastWords?.last ?? ""
    data["reason"] = .string(String(Format.printable(SecretRedactor.message(words)).prefix(2000)))
    send("run.failed", data, ["--exit-status", "\(code)"])
  }

  /// The run has ended.
  func ended(_ stage: String, _ code: Int32, log: String?, summary: String?) {
    guard isWanted else { return }
    let run = programs.environment["CONVEYOR_RUN_ID"]
    var data = common(stage, run)
    add(code, to: &data)
    data["log"] = log.map(JSON.string)
    data["summary"] = summary.flatMap { Self.summary($0, of: run) }
    let type =
      switch ToolExit(rawValue: code) {
      case .success, .documentsFailed: "run.finished"
      case .interrupted: "run.interrupted"
      default: "run.failed"
      }
    send(type, data, ["--exit-status", "\(code)"])
  }

  /// Looks at the run again and again, and has told what is news. Does not return.
  func follow(_ words: [String]) {
    notify(["ping", "start"], [:])
    while true {
      let began = Time.monotonic()
      _ = try? programs.run("validate", ["monitor", "--notify"] + words, .dropped)
      let cost = Double(Time.monotonic() - began) / 1e9
      usleep(UInt32(min(600, max(Self.betweenLooks, 20 * cost)) * 1e6))
    }
  }

  /// Seconds between two looks; at a large index more, so that looking stays below a twentieth.
  private static let betweenLooks = 15.0

  /// The program that follows a run.
  func companion(of plan: RunPlan, _ driver: String) -> [String] {
    guard isWanted else { return [] }
    return [driver, "follow", "--stage", plan.stage, "--state", plan.state, "--log-file", plan.log]
  }

  /// What `notify status` says.
  func status() throws(Fatal) -> Programs.Finished {
    try programs.run("notify", ["status"], .captured, with: variables)
  }

  private func common(_ stage: String?, _ run: String?) -> JSONObject {
    ["stage": stage.map(JSON.string), "run": run.map(JSON.string)]
  }

  private func add(_ code: Int32, to data: inout JSONObject) {
    data["exit_code"] = .int(Int(code))
    data["meaning"] = ToolExit(rawValue: code).map { .string($0.meaning) }
  }

  /// The summary, if it is this run's: one that was killed leaves that of the run before.
  private static func summary(_ path: String, of run: String?) -> JSON? {
    let text = TextFile.lines(path).joined()
    guard let json = try? JSON(parsing: text), let end = json["finished_at"]?.string, let run,
      end.filter({ $0 != "-" && $0 != ":" }).prefix(15) >= run.prefix(15)
    else { return nil }
    return json
  }

  private func send(
    _ type: String, _ data: JSONObject, _ words: [String], _ more: [String: String] = [:]
  ) {
    notify(["send", type, "--data", JSON.object(data).description] + words, more)
  }

  private func notify(_ words: [String], _ more: [String: String]) {
    do {
      _ = try programs.run("notify", words, with: variables.merging(more) { $1 })
    } catch { Driver.say("could not notify: \(Fatal(describing: error).message)") }
  }
}

/// The end of what programs say to people, which goes on to them.
final class LastWords: Sendable {
  private static let most = 4096
  private let text = Mutex("")

  /// The last line that says something.
  var last: String? {
    text.withLock(\.self).split(separator: "\n").last.map(String.init)
  }

  /// Runs `body` with a descriptor for errors, which are kept and passed on; `nil` where there is no pipe to be had.
  func keeping<T>(_ body: (Int32) throws(Fatal) -> T) throws(Fatal) -> T? {
    guard let pipe = try? Launch.makePipe() else { return nil }
    let result: Result<T, Fatal>
    do {
      result = try withCompanion {
        self.copy(from: pipe.output)
        close(pipe.output)
      } _: {
        defer { close(pipe.input) }
        do throws(Fatal) { return .success(try body(pipe.input)) } catch { return .failure(error) }
      }
    } catch {
      close(pipe.output)
      close(pipe.input)
      return nil
    }
    return try result.get()
  }

  private func copy(from descriptor: Int32) {
    var buffer = [UInt8](repeating: 0, count: Self.most)
    while true {
      let count = read(descriptor, &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return }
      let bytes = Array(buffer[..<count])
      _ = writeAll(bytes, to: STDERR_FILENO)
      text.withLock { $0 = String(($0 + String(decoding: bytes, as: UTF8.self)).suffix(Self.most)) }
    }
  }
}
