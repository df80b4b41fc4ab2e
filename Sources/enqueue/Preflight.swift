import ArgumentParser
import CLI
import Common
import Glibc
import Index
import Logging
import Config

/// `enqueue preflight`.
struct PreflightCommand: Tool {
  static let configuration = CommandConfiguration(
    commandName: "preflight",
    abstract: "Show what a run would find, and what it lacks.",
    usage: "enqueue preflight --index URL [OPTION]…",
    discussion: """
      Shows counts, types and the shortest duration on stderr, offers to add the columns that the table \
      lacks, and prints how many documents a run \
      would work on.

      \(ToolExit.table)
      """)

  @OptionGroup var documents: SelectedDocuments
  @OptionGroup var access: PortalAccessOptions

  @Flag(name: .dryRun, help: .dryRun)
  var dryRun = false

  @OptionGroup var log: LogOptions

  func perform(stop: ShutdownSignal, logger: Logger) throws -> ToolExit {
    let selection = try documents.filter.selection(retrying: false, stop: stop, logger: logger)
    return try Preflight(
      url: documents.place.index, connections: documents.place.pool.dbPool, selection: selection,
      stage: try documents.filter.stages.load()?.name, mayAsk: !dryRun, stop: stop
    ).run(
      check: { try documents.check(selection, in: $0, logger) },
      estimate: { try estimate($0, selection) })
  }

  /// How long a run of the stage takes at least, and what it cannot exceed. Empty without portals; where
  /// a portal's file cannot be read, `fetch` says so, and here it costs the estimate alone.
  private func estimate(_ index: any DocumentIndex, _ selection: Selection) throws -> [String] {
    let filter = documents.filter
    let stage = try filter.stages.load()
    let portals: [PortalOutline]
    do throws(Fatal) {
      var outlines: [PortalOutline] = []
      for name in filter.portals.names(stage) {
        outlines.append(
          try PortalOutline(
            named: name, in: filter.portals.portalsDir, base: access.portalBase))
      }
      portals = outlines
    } catch { return ["no estimate: \(error.message)"] }
    var parts: [StartEstimate.Part] = []
    for (portal, books) in PortalOutline.division(of: selection.books, among: portals)
    where !books.isEmpty {
      var share = selection
      share.books = books
      let counts = try index.counts(share)
      let delay = access.rateLimitDelay?.seconds ?? portal.delay ?? stage?.rateLimitDelay ?? 0.5
      parts.append(
        .init(
          host: portal.host, delay: delay, requests: portal.requests,
          documents: counts.upcoming(selection) + counts.inProgress))
    }
    return StartEstimate(parts, limit: selection.limit).lines
  }
}

/// What an operator wants to know before a run: that the index is there and as we need it, what the
/// stage has to do, and its most frequent types. For people on stderr; the number of documents to do,
/// with those in progress, which a run that died may have left, on stdout.
struct Preflight {
  let url: String
  let connections: Int
  let selection: Selection
  /// The stage's name, if it is one.
  let stage: String?
  /// Whether to ask, where something is missing that can be added: not in a dry run.
  let mayAsk: Bool
  let stop: ShutdownSignal

  /// `check`: whether the selection can be served from the index. `estimate`: how long that takes.
  func run(
    check: (any DocumentIndex) throws -> Void, estimate: (any DocumentIndex) throws -> [String]
  ) throws -> ToolExit {
    let index = try ready()
    try check(index)
    if let order = try index.stopOrders().order(for: stage) {
      throw Fatal(.unavailable, "\(order.text). \(order.advice)")
    }
    let counts = try index.counts(selection)
    for line in CountsOutput.table(counts) { say(line) }
    if counts.unknown > 0 {
      say(
        "\(counts.unknown) documents have an unknown download_status, and no run finds them. See "
          + "`enqueue migrate --dry-run`.")
    }
    let types = try index.typeCounts(selection, top: 20)
    if !types.isEmpty { say("most frequent pending types:") }
    for type in types {
      say(Format.padLeft(Format.count(type.count), 12) + "  " + Format.printable(type.type))
    }
    for line in try estimate(index) { say(line) }
    LineWriter(descriptor: STDOUT_FILENO, stop: stop)
      .write([Array(String(counts.upcoming(selection) + counts.inProgress).utf8)])
    return try stop.exitCode()
  }

  /// The index, once it has what we need.
  private func ready() throws -> any DocumentIndex {
    if case .postgres(let url) = try IndexURL(url) {
      let migration = try PostgresMigration(url: url, stop: stop)
      let missing = try migration.missing()
      if !missing.isEmpty { try offer(migration, missing) }
    }
    return try openIndex(url, connections: connections, stop: stop)
  }

  private func offer(_ migration: PostgresMigration, _ missing: [String]) throws {
    let lack = "\(migration.name) lacks \(missing.joined(separator: ", "))"
    let advice = "`enqueue migrate` adds what is missing; other columns and rows stay as they are"
    guard mayAsk, isatty(STDIN_FILENO) == 1, isatty(STDERR_FILENO) == 1 else {
      throw Fatal(.configuration, "\(lack); \(advice)")
    }
    say("\(lack)\n\(advice)")
    put("Add it now? (y/n) ")
    guard Terminal.answersYes(stop) else {
      if stop.isRequested { return }
      throw Fatal(.configuration, "\(lack); nothing was changed")
    }
    for change in try migration.run() { say("made \(change)") }
  }

  private func say(_ line: String) { put(line + "\n") }

  private func put(_ text: String) { Console.write(text) }
}

/// The person at the terminal.
enum Terminal {
  /// Reads a line of standard input: whether it begins with y. No answer, or a stop, is none.
  static func answersYes(_ stop: ShutdownSignal) -> Bool {
    var descriptors = [
      pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0),
      pollfd(fd: stop.descriptor, events: Int16(POLLIN), revents: 0),
    ]
    while poll(&descriptors, 2, -1) < 0, errno == EINTR {}
    guard !stop.isRequested, let answer = readLine() else { return false }
    return answer.lowercased().hasPrefix("y")
  }
}
