import Common
import Glibc
import Index
import Config

/// What an operator wants to know before a run: that the index is there and as we need it, what the
/// stage has to do, and its most frequent types. For people on stderr; the number of documents to do,
/// with those in progress, which a run that died may have left, on stdout.
struct Preflight {
  let url: String
  let connections: Int
  let selection: Selection
  /// Whether to ask, where something is missing that can be added: not in a dry run.
  let mayAsk: Bool
  let stop: ShutdownSignal

  /// `check`: whether the selection can be served from the index. `estimate`: how long that takes.
  func run(
    check: (any DocumentIndex) throws -> Void, estimate: (any DocumentIndex) throws -> [String]
  ) throws -> ToolExit {
    let index = try ready()
    try check(index)
    let counts = try index.counts(selection)
    for line in CountsOutput.table(counts) { say(line) }
    if counts.unknown > 0 {
      say(
        "\(counts.unknown) documents have a download_status that is none of the five, and no run finds "
          + "them: see `enqueue --migrate --dry-run`")
    }
    let types = try index.typeCounts(selection, top: 20)
    if !types.isEmpty { say("most frequent types that are pending:") }
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
    let advice = "`enqueue --migrate` adds what is missing; other columns and rows stay as they are"
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

/// Whoever sits at the terminal.
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
