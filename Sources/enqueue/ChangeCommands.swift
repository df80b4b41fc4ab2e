import ArgumentParser
import CLI
import Common
import Index
import Logging
import Config

/// `enqueue init`.
struct InitCommand: Tool {
  static let configuration = CommandConfiguration(
    commandName: "init",
    abstract: "Create an empty index: a file, or a table.",
    usage: "enqueue init --index URL [OPTION]…", discussion: ToolExit.table)

  @Option(help: .index)
  var index: String

  @OptionGroup var log: LogOptions

  func perform(stop: ShutdownSignal, logger: Logger) throws -> ToolExit {
    try IndexSetup(url: index, creates: true, isDryRun: false).run(stop: stop)
  }
}

/// `enqueue migrate`.
struct MigrateCommand: Tool {
  static let configuration = CommandConfiguration(
    commandName: "migrate",
    abstract: "Add missing columns and indexes to an existing table.",
    usage: "enqueue migrate --index URL [OPTION]…",
    discussion: """
      Changes nothing else, and is safe to repeat.

        enqueue migrate --dry-run --index postgres://me@db/madison

      \(ToolExit.table)
      """)

  @Option(help: .index)
  var index: String

  @Flag(name: .dryRun, help: .dryRun)
  var dryRun = false

  @OptionGroup var log: LogOptions

  func perform(stop: ShutdownSignal, logger: Logger) throws -> ToolExit {
    try IndexSetup(url: index, creates: false, isDryRun: dryRun).run(stop: stop)
  }
}

/// `enqueue retry`.
struct RetryCommand: Tool {
  static let configuration = CommandConfiguration(
    commandName: "retry",
    abstract: "Set failed documents back to pending.",
    usage: "enqueue retry [ID…] --index URL [OPTION]…",
    discussion: """
      Attempts are counted from 0 again. Without an ID, all that the options select; with one, a skipped document \
      comes back, too.

        enqueue retry 184223 184224 --index postgres:
        enqueue retry --class network --dry-run --index postgres:

      \(ToolExit.table)
      """)

  @Argument(help: .ids)
  var ids: [Int] = []

  @OptionGroup var documents: SelectedDocuments

  @Flag(name: .dryRun, help: .dryRun)
  var dryRun = false

  @OptionGroup var log: LogOptions

  func perform(stop: ShutdownSignal, logger: Logger) throws -> ToolExit {
    var (index, selection) = try documents.open(retrying: true, stop: stop, logger: logger)
    if !ids.isEmpty { (selection.ids, selection.includesSkipped) = (ids, true) }
    try reportStaying(ids, but: [.failed, .skipped], in: index)
    let limit = documents.filter.limit
    let count: Int
    if dryRun {
      let counts = try index.counts(selection)
      let all = counts.retriable + (selection.includesSkipped ? counts.skipped : 0)
      count = min(all, limit ?? .max)
    } else {
      count = try index.requeueFailed(selection, limit: limit)
    }
    let kind = ids.isEmpty ? "failed document" : "failed or skipped document"
    let changed = "\(Format.counted(count, kind)) back to pending"
    say(dryRun ? "would set \(changed)" : "set \(changed)")
    return .success
  }
}

/// Says which of these documents a command leaves as they are, and why: those of another status than it changes. Returns
/// the others.
@discardableResult
private func reportStaying(
  _ ids: [Int], but changed: Set<DocumentStatus>, in index: any DocumentIndex
) throws -> [Int] {
  let statuses = try index.statuses(of: ids.map(String.init))
  return ids.filter { id in
    let status = statuses[String(id)]
    if let status, changed.contains(status) { return true }
    say("\(id) stays: \(status.map { "it is \($0.word)" } ?? "there is no such document")")
    return false
  }
}

/// `enqueue skip`.
struct SkipCommand: Tool {
  static let configuration = CommandConfiguration(
    commandName: "skip",
    abstract: "Mark documents as not wanted.",
    usage: "enqueue skip ID… --why TEXT --index URL [OPTION]…",
    discussion: """
      Only those that are pending or failed: what a run works on, or the store has, stays as it is.

        enqueue skip 184223 --why "sealed by the court" --index postgres:

      \(ToolExit.table)
      """)

  @Argument(help: .ids)
  var ids: [Int]

  @Option(help: .why)
  var why: String

  @OptionGroup var place: IndexOptions

  @Flag(name: .dryRun, help: .dryRun)
  var dryRun = false

  @OptionGroup var log: LogOptions

  func perform(stop: ShutdownSignal, logger: Logger) throws -> ToolExit {
    let index = try place.open(stop: stop)
    let wanted = try reportStaying(ids, but: [.pending, .failed], in: index)
    let count = dryRun ? wanted.count : try index.skip(wanted, why: Format.printable(why))
    say("\(dryRun ? "would mark" : "marked") \(Format.counted(count, "document")) as skipped")
    return .success
  }
}

/// `enqueue stop`, or `conveyor stop`.
struct StopCommand: Tool {
  static let configuration = CommandConfiguration(
    commandName: "stop",
    abstract: "End all runs of a stage in order.",
    usage: """
      enqueue stop --drain [--stage NAME] [--why TEXT] --index URL
      enqueue stop --lift [--stage NAME] --index URL
      """,
    discussion: """
      Runs of the stage, on any machine, claim nothing more within seconds, settle what they have begun, and end \
      with 130. New ones do not begin (69), until the order is lifted. Without --stage: all runs on the index. With \
      neither --drain nor --lift, it prints the orders.

        conveyor stop --drain --stage stage-mid-filtered --why "upgrade" --index postgres:

      \(ToolExit.table)
      """)

  @Flag(help: "Claim nothing more; finish what was begun.")
  var drain = false

  @Flag(help: "Take the order back.")
  var lift = false

  @Option(help: .why)
  var why: String?

  @OptionGroup var stages: StageOptions
  @OptionGroup var place: IndexOptions
  @OptionGroup var log: LogOptions

  func validate() throws {
    if drain, lift { throw ValidationError("--drain and --lift are opposites: give one of them.") }
  }

  func perform(stop: ShutdownSignal, logger: Logger) throws -> ToolExit {
    let index = try place.open(stop: stop)
    let stage = try stages.load()?.name ?? ""
    if drain {
      try index.order(stop: stage, by: StopOrder.author, why: Format.printable(why ?? ""))
    }
    if lift {
      let isLifted = try index.lift(stop: stage)
      say(isLifted ? "lifted: new runs begin again" : "there was no such order")
    }
    let orders = try index.stopOrders()
    return try stop.print(orders.isEmpty ? ["no orders to stop"] : orders.map(\.text))
  }
}

extension ArgumentHelp {
  fileprivate static let ids = ArgumentHelp("The documents.", valueName: "id")
  fileprivate static let why = ArgumentHelp(
    "Say why, to all who ask or meet it.", valueName: "text")
}

/// Makes an index ready, and says on stderr what was done.
private struct IndexSetup {
  let url: String
  /// Whether a table is made where there is none.
  let creates: Bool
  let isDryRun: Bool

  func run(stop: ShutdownSignal) throws -> ToolExit {
    let changes: [String]
    switch try IndexURL(url) {
    case .sqlite(let path):
      let plan = creates ? [] : try SQLiteIndex.plan(path: path)
      if isDryRun {
        changes = plan
      } else {
        let adding = "would add "
        let added = plan.filter { $0.hasPrefix(adding) }.map {
          "added \($0.dropFirst(adding.count))"
        }
        changes = added + (try SQLiteIndex(path: path, creating: true).mend().map { "set \($0)" })
        say("\(path) is ready")
      }
    case .postgres(let url):
      let migration = try PostgresMigration(url: url, stop: stop)
      changes =
        isDryRun
        ? try migration.plan() : try migration.run(creating: creates).map { "made \($0)" }
    }
    for change in changes { say(change) }
    if changes.isEmpty { say("nothing to change") }
    return .success
  }
}

private func say(_ line: String) {
  Console.write("enqueue: \(Format.printable(line))\n")
}
