import Common
import Glibc

/// A named selection of the index with the settings that go with it: one file in `stages/`.
package struct Stage: Sendable, Equatable {
  /// The file's name without its ending.
  package let name: String
  /// What it is for, in one line.
  package var description = ""
  package var selection = Selection()
  /// Portal files, by name, that documents are routed to by their book.
  package var portals: [String] = []
  /// The tools between `enqueue` and `validate`, plugins included.
  package var pipeline = ["fetch", "optimize", "upload"]
  /// How an object's key is built (docs/upload.md).
  package var key: String?
  /// Names for ranges of books: what `{folder}` stands for in a key.
  package var folders: [Folder] = []
  /// Threads of `fetch`, where no option says otherwise.
  package var workers: Int?
  /// Seconds between two requests to a host, where no option says otherwise.
  package var rateLimitDelay: Double?

  /// A name for a range of books.
  package struct Folder: Sendable, Equatable {
    package let name: String
    package let books: ClosedRange<Int>
  }

  /// The folder that a book is in.
  package func folder(ofBook book: Int) -> String? {
    folders.first { $0.books.contains(book) }?.name
  }
}

extension Stage {
  /// Finds and reads a stage: a path to a file, or a name in the folders `path` (``SearchPath``).
  package init(named name: String, in path: String) throws(Fatal) {
    let file = try SearchPath(path).find("stage", named: name)
    try self.init(path: file, delivered: path)
  }

  /// Reads a stage file, and what it extends: a file beside it, or else one in the folders `delivered`.
  package init(path: String, delivered: String? = nil) throws(Fatal) {
    let file = path.split(separator: "/").last.map(String.init) ?? path
    name = file.hasSuffix(".yaml") ? String(file.dropLast(5)) : file
    try read(path: path, delivered: delivered, depth: 0)
  }

  private mutating func read(path: String, delivered: String?, depth: Int) throws(Fatal) {
    var settings = try SettingsFile(path: path).settings()
    if let parent = try settings.string("extends") {
      guard depth < 5 else { throw settings.wrong("extends", "no circle") }
      let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
      let others = delivered.map { SearchPath($0).folders } ?? []
      let places = ["\(folder)\(parent).yaml"] + others.map { "\($0)/\(parent).yaml" }
      // A file may extend the one of the same name that it comes before.
      guard let found = places.first(where: { $0 != path && access($0, F_OK) == 0 }) else {
        throw settings.wrong(
          "extends",
          "a stage that is there, and is \(Format.quoted(parent)); looked for "
            + places.joined(separator: " and "))
      }
      // The delivered one may be what a file of the same name is made from.
      try read(path: found, delivered: delivered, depth: depth + 1)
    }
    description = try settings.string("description") ?? description
    try readSelection(&settings)
    let portals = try settings.strings("portals")
    if !portals.isEmpty { self.portals = portals }
    let pipeline = try settings.strings("pipeline")
    if !pipeline.isEmpty { self.pipeline = pipeline }
    key = try settings.string("key") ?? key
    var folders: [Folder] = []
    for (name, text) in try settings.pairs("folders") {
      guard let books = Self.range(text) else {
        throw settings.wrong("folders.\(name)", "a range of books like 238-999")
      }
      folders.append(Folder(name: name, books: books))
    }
    if !folders.isEmpty { self.folders = folders }
    workers = try settings.parsed("workers", "a number from 1 to 512", Self.workers) ?? workers
    rateLimitDelay =
      try settings.parsed("rate-limit-delay", "seconds, like 0.5", Time.span) ?? rateLimitDelay
    try settings.finish()
  }

  private mutating func readSelection(_ settings: inout Settings) throws(Fatal) {
    let books = try settings.list("books", "ranges like 238-3971", Self.range)
    if !books.isEmpty { selection.books = books }
    let types = try settings.strings("types")
    if !types.isEmpty { selection.types = types }
    let excluded = try settings.strings("exclude")
    if !excluded.isEmpty { selection.excludedTypes = excluded }
    let priorities = try settings.list("priorities", "numbers from 1 to 4") { text in
      Int(text).flatMap { (1...4).contains($0) ? $0 : nil }
    }
    if !priorities.isEmpty { selection.priorities = priorities }
    let sources = try settings.strings("sources")
    if !sources.isEmpty { selection.sources = sources }
    selection.retriesFailed =
      try settings.parsed("status", "pending or failed") {
        DocumentStatus($0) == .failed ? true : DocumentStatus($0) == .pending ? false : nil
      } ?? selection.retriesFailed
    let classes = try settings.list(
      "classes", "error classes (\(Selection.errorClassNames))", Selection.errorClass)
    if !classes.isEmpty { selection.errorClasses = classes }
    guard selection.retriesFailed || selection.errorClasses.isEmpty else {
      throw settings.wrong("classes", "together with status: failed")
    }
    selection.since =
      try settings.parsed("since", "a day like 1951-03-04") { Day($0) } ?? selection.since
    selection.until =
      try settings.parsed("until", "a day like 1951-12-31") { Day($0) } ?? selection.until
    selection.limit =
      try settings.parsed("limit", "a number from 1") { text in
        Int(text).flatMap { $0 > 0 ? $0 : nil }
      } ?? selection.limit
    selection.spreads =
      try settings.parsed("spread", "true or false") { Bool($0) } ?? selection.spreads
  }

  private static func workers(_ text: String) -> Int? {
    Int(text).flatMap { (1...512).contains($0) ? $0 : nil }
  }

  /// A range of books with both ends included: `238-3971`, `1000-` or `55`. A book is an `integer` of
  /// PostgreSQL's: a range that goes beyond ends there.
  package static func range(_ text: String) -> ClosedRange<Int>? {
    let parts = text.split(separator: "-", omittingEmptySubsequences: false)
    let greatest = Int(Int32.max)
    guard parts.count <= 2, let first = Int(parts[0]), (0...greatest).contains(first) else {
      return nil
    }
    guard parts.count == 2 else { return first...first }
    guard !parts[1].isEmpty else { return first...greatest }
    guard let last = Int(parts[1]), last >= first else { return nil }
    return first...min(last, greatest)
  }
}
