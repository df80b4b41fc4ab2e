import ArgumentParser
import CLI
import Common
import Index
import Logging
import Config

/// Which documents.
struct SelectionOptions: ParsableArguments {
  @OptionGroup var stages: StageOptions

  @Option(
    help: ArgumentHelp("Take these books, like 238-3971 or 1000-; repeatable.", valueName: "range"))
  var books: [String] = []

  @Option(
    help: ArgumentHelp("Take this instrument_type_parsed, exactly; repeatable.", valueName: "name"))
  var type: [String] = []

  @Option(
    help: .rare("Leave out this instrument_type_parsed, exactly; repeatable.", valueName: "name"))
  var exclude: [String] = []

  @Option(
    help: ArgumentHelp(
      "Take this priority, from 1 to 4; repeatable.", valueName: "n"))
  var priority: [Int] = []

  @Option(help: .rare("Take this source, like DuProcess; repeatable.", valueName: "name"))
  var source: [String] = []

  @Option(
    help: .rare("Take documents filed on this day or later, like 1951-03-04.", valueName: "day"),
    transform: day)
  var since: Day?

  @Option(
    help: .rare("Take documents filed on this day or before.", valueName: "day"), transform: day)
  var until: Day?

  @Option(
    name: .customLong("class"),
    help: .rare(
      "Take failed documents with an error of this class; repeatable.", valueName: "name"))
  var errorClass: [String] = []

  @OptionGroup var portals: PortalOptions

  @Option(
    help: .rare(
      "Take documents whose ids are in this file, one a line (-: stdin).", valueName: "file"))
  var select: String?

  @Option(help: ArgumentHelp("Take at most this many documents.", valueName: "n"))
  var limit: Int?

  func validate() throws {
    for text in books where Stage.range(text) == nil {
      throw ValidationError("--books must be a range like 238-3971; it is \(text).")
    }
    for value in priority where !(1...4).contains(value) {
      throw ValidationError("--priority must be from 1 to 4; it is \(value).")
    }
    for text in errorClass where Selection.errorClass(text) == nil {
      throw ValidationError(
        "--class must be one of \(Selection.errorClassNames); it is \(text).")
    }
    if let since, let until, until < since {
      throw ValidationError("--until \(until) is before --since \(since).")
    }
    if let limit, limit < 1 {
      throw ValidationError("--limit must be 1 or more; it is \(limit).")
    }
  }

  private static func day(_ text: String) throws -> Day {
    guard let day = Day(text) else { throw ValidationError("it must be a day like 1951-03-04") }
    return day
  }

  /// The stage's selection with the filters that replace its own. `retrying` is about failed documents,
  /// whatever the stage says. Throws where the stage's portals have none of the books, or its key names a field
  /// that records do not have: each document would fail for it.
  func selection(
    retrying: Bool, stop: ShutdownSignal, logger: Logger
  ) throws(Fatal) -> Selection {
    let stage = try stages.load()
    try stage?.checkKey()
    var selection = stage?.selection ?? Selection()
    if !books.isEmpty { selection.books = books.compactMap(Stage.range) }
    if !type.isEmpty { selection.types = type }
    if !exclude.isEmpty { selection.excludedTypes = exclude }
    if !priority.isEmpty { selection.priorities = priority }
    if !source.isEmpty { selection.sources = source }
    if let since { selection.since = since }
    if let until { selection.until = until }
    if retrying { selection.retriesFailed = true }
    if !errorClass.isEmpty { selection.errorClasses = errorClass }
    guard selection.retriesFailed || errorClass.isEmpty else {
      throw Fatal(.usage, "--class needs `enqueue retry` or a stage with status: failed.")
    }
    if let select { selection.ids = try IdFile.ids(select, stop: stop) }
    if let limit { selection.limit = limit }
    let names = portals.names(stage)
    if !selection.books.isEmpty, let known = try PortalBooks(names, in: portals.portalsDir) {
      let served = try known.served(of: selection.books)
      // Open ranges (1000-) are narrowed as a matter of course.
      if served.map(\.count).reduce(0, +) < selection.books.map(\.count).reduce(0, +) {
        logger.info("left out books that no portal of the stage has")
      }
      if !selection.spreads { selection.books = served }
    }
    return selection
  }
}

extension Stage {
  /// Throws where the key names a field that no record has. With a plugin in the pipeline, which may add fields, only
  /// where the name is almost that of one.
  fileprivate func checkKey() throws(Fatal) {
    guard let key, let template = try? Template(key) else { return }
    let own = ["fetch", "optimize", "upload", "validate"]
    let rejection = RecordFieldNames.rejection(
      to: template, extra: ["folder"], isClosed: pipeline.allSatisfy(own.contains))
    if let rejection { throw Fatal(.configuration, "the key of the stage \(name): \(rejection)") }
  }
}

/// Whether the index has what a selection names: a value that is written a little differently selects nothing, and
/// "nothing is left to do" would be taken for success.
struct SelectionCheck {
  let index: any DocumentIndex
  /// What the command line named, and not the stage: each of these values has to be there.
  let types: [String]
  /// The types that are left out.
  let excluded: [String]
  let sources: [String]
  let logger: Logger

  /// Throws where the index has documents, and a value that was named is of none of them; or where it has none of
  /// the stage's types, or none of the ids.
  func check(_ selection: Selection) throws {
    try check(types, selection.types, .type, "--type")
    // A type that is written a little differently would be fetched all the same.
    try check(excluded, excluded, .type, "--exclude")
    try check(sources, selection.sources, .source, "--source")
    if let ids = selection.ids { try check(ids) }
  }

  private func check(_ ids: [Int]) throws {
    var missing = 0
    var first: Int?
    for start in stride(from: 0, to: ids.count, by: Self.batch) {
      let batch = ids[start..<min(start + Self.batch, ids.count)]
      let known = try index.statuses(of: batch.map(String.init))
      missing += batch.count - known.count
      first = first ?? batch.first { known[String($0)] == nil }
    }
    guard let first else { return }
    let some = "\(Format.counted(missing, "id")) of \(Format.count(ids.count))"
    let words = "\(some) in --select, like \(first)"
    guard try missing < ids.count || index.counts(Selection()).total == 0 else {
      throw Fatal(.configuration, "the index has no document with \(words)")
    }
    logger.warning("the index has no document with \(words)")
  }

  /// Ids in one question to the index.
  private static let batch = 10_000

  private func check(
    _ named: [String], _ all: [String], _ column: NamedColumn, _ option: String
  ) throws {
    guard !all.isEmpty else { return }
    // Asking costs a look at the whole table; where a stage's values select something, they are right.
    if named.isEmpty {
      var selection = Selection()
      if column == .type { selection.types = all } else { selection.sources = all }
      guard try index.preview(selection, count: 1).isEmpty else { return }
    }
    let known = try index.values(of: column)
    guard !known.isEmpty else { return }
    if named.isEmpty, all.contains(where: known.contains) { return }
    guard let missing = (named.isEmpty ? all : named).first(where: { !known.contains($0) }) else {
      return
    }
    let nearest = NearestName.of(missing, among: known)
    let few = known.sorted().prefix(10).map { Format.quoted($0) }.joined(separator: ", ")
    throw Fatal(
      .configuration,
      Format.printable(
        "\(named.isEmpty ? "the stage: its values of" : option): no document of the index has the "
          + "\(column == .type ? "type" : "source") \(Format.quoted(missing)); "
          + (nearest.map { "did you mean \(Format.quoted($0))?" }
            ?? "there are \(few)\(known.count > 10 ? ", …" : "")")))
  }
}
