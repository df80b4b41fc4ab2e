import Common

/// The programs of a run and what each is given. Pure.
struct RunPlan: Sendable {
  /// One program of the pipeline.
  struct Program: Sendable, Equatable {
    let name: String
    let isPlugin: Bool
    /// Its path and its arguments.
    let words: [String]
  }

  /// What this machine does.
  enum Role: Sendable {
    /// All of it.
    case alone
    /// It claims and settles, and other machines do what is between.
    case head
    /// It does what is between.
    case worker
  }

  let settings: RunSettings
  var role = Role.alone
  let stage: String
  let to: String
  let state: String
  /// The limiter where no other one was asked for.
  let limiter: String
  /// The tools and plugins between `enqueue` and `validate`.
  let middle: [String]
  /// Where each program is.
  let paths: [String: String]

  /// The names of all programs.
  var names: [String] {
    switch role {
    case .alone: ["enqueue"] + middle + ["validate"]
    case .head: ["enqueue", "queue", "validate"]
    case .worker: ["queue"] + middle + ["queue"]
    }
  }
  /// Where `notify` keeps what waits: beside the limiter, so that one outbox is for all runs.
  var outbox: String {
    settings.state ?? limiter.lastIndex(of: "/").map { String(limiter[..<$0]) } ?? state
  }
  var spool: String { "\(state)/spool" }
  var log: String { settings.value("fetch", "log-file") ?? "\(state)/conveyor.log" }
  var summary: String { settings.value("validate", "summary") ?? "\(state)/summary.json" }
  var limit: Int? { settings.value("enqueue", "limit").flatMap { Int($0) } }

  /// The programs that bring `todo` documents into the store.
  func programs(todo: Int) -> [Program] {
    names.enumerated().map { place, name in
      guard Self.isTool(name) else { return program(name, []) }
      let base = name == "queue" ? queue(isFirst: place == 0) : base(name, todo)
      return program(name, base + common(name) + settings.words(name))
    }
  }

  /// The programs that settle what workers answered to a head that was killed.
  func recovery() -> [Program] {
    guard role == .head else { return [] }
    let settle = ["--settle", "--no-records", "--progress", "never", "--spool", spool]
    return [
      program("queue", ["recover", "--queue", settings.queue ?? stage] + common("queue")),
      program("validate", settle + common("validate")),
    ]
  }

  private static func isTool(_ name: String) -> Bool {
    OptionTable.tools.contains(name) || name == "queue"
  }

  /// What `queue` is given, at the beginning of a worker's pipeline, its end, or in a head's.
  private func queue(isFirst: Bool) -> [String] {
    let name = ["--queue", settings.queue ?? stage]
    func given(_ option: String, _ value: String?) -> [String] { value.map { [option, $0] } ?? [] }
    if role == .head { return ["send"] + name + given("--window", settings.window) }
    if isFirst {
      return ["take"] + name + given("--in-flight", settings.inFlight)
        + given("--idle", settings.idle)
    }
    return ["give"] + name + ["--spool", spool, "--no-records"]
  }

  /// The programs that show what would be requested, for ten documents at most.
  func preview() -> [Program] {
    let first = "\(min(limit ?? 10, 10))"
    let claim = ["--stage", stage] + settings.words("enqueue") + ["--limit", first, "--dry-run"]
    let fetch = ["--stage", stage, "--state", state] + settings.words("fetch") + ["--dry-run"]
    return [program("enqueue", claim), program("fetch", fetch)]
  }

  private func program(_ name: String, _ arguments: [String]) -> Program {
    Program(name: name, isPlugin: !Self.isTool(name), words: [paths[name] ?? name] + arguments)
  }

  /// What makes a tool part of this run.
  private func base(_ tool: String, _ todo: Int) -> [String] {
    let place = ["--stage", stage, "--state", state]
    switch tool {
    case "enqueue": return place
    case "fetch":
      return place + ["--spool", spool] + (settings.limiter == nil ? ["--limiter", limiter] : [])
    case "optimize": return ["--state", state]
    case "upload": return ["--to", to] + place
    case "validate":
      // Without a filter, validate asks the index how much the stage has to do.
      let total = isFiltered ? ["--total", "\(min(limit ?? todo, todo))"] : []
      return ["--settle"] + place + ["--spool", spool, "--no-records", "--summary", summary] + total
    default: return []
    }
  }

  /// Whether the run takes only some of the stage's documents: what enqueue alone is told narrows the selection,
  /// but for how it claims.
  private var isFiltered: Bool {
    let pace = ["lease", "no-wait", "workers", "portals-dir", "portal-base", "rate-limit-delay"]
    let common = Set(settings.given("validate").map(\.option.name))
    return settings.given("enqueue").contains {
      !pace.contains($0.option.name) && !common.contains($0.option.name)
    }
  }

  /// The terminal is the progress line's: what happened to which document is in the log and the summary.
  private func common(_ tool: String) -> [String] {
    let asked = ["verbose", "quiet", "log-level", "log-format"].contains { settings.has(tool, $0) }
    return ["--log-file", log] + (asked ? [] : ["--quiet"])
  }
}

/// A plan as the script reads it: a line a word, each with an equals sign before it, so that none is empty, and
/// with its backslashes and line ends written as printf(1) reads them. A group of words begins with what it is
/// and how many follow.
struct PlanLines: Sendable {
  let variables: [String]
  let programs: [RunPlan.Program]
  /// What runs before them, one behind the other.
  var before: [RunPlan.Program] = []
  /// The command that turns the programs' statuses into one.
  let judge: [String]
  /// The command that says how the run ended.
  let end: [String]
  /// The program beside the run, if there is one.
  var companion: [String] = []

  var text: String {
    var groups = [("environment", variables)]
    groups += before.map { ("before", $0.words) }
    groups += programs.map { ($0.isPlugin ? "plugin" : "tool", $0.words) }
    groups += [("judge", judge), ("end", end)]
    if !companion.isEmpty { groups.append(("companion", companion)) }
    return groups.flatMap { [$0.0, "\($0.1.count)"] + $0.1 }.map(Self.line).joined()
  }

  private static func line(_ word: String) -> String {
    "=" + word.replacing("\\", with: "\\\\").replacing("\n", with: "\\n") + "\n"
  }
}
