import Common
import Glibc
import Support
import Testing

@testable import Index

/// An index of a test's own, which checks can also reach behind the interface.
protocol IndexFixture: Sendable {
  /// A connection of its own.
  func open() throws -> any DocumentIndex

  /// Runs SQL from outside and returns the rows as texts.
  @discardableResult
  func sql(_ text: String) throws -> [[String]]

  /// The monitoring views for its database.
  var views: String { get }

  /// An SQL expression: so many seconds from now.
  func time(_ seconds: Int) -> String

  /// A trigger that looks at each change of a row for which `condition` holds (with NEW and OLD): it says
  /// `words`, or, without any, keeps the row as it was.
  func addTrigger(_ condition: String, _ words: String?) throws
}

extension IndexFixture {
  /// A connection to the index, filled with documents.
  func open(with documents: [Document]) throws -> any DocumentIndex {
    let index = try open()
    #expect(try index.add(documents.map(\.row)).added == documents.count)
    return index
  }

  /// Columns of the document on a page, each value as text.
  func row(page: Int, _ columns: String) throws -> [String] {
    try #require(sql("SELECT \(columns) FROM index_documents WHERE page = \(page)").first)
  }
}

/// A document of a test.
struct Document {
  var book = 238
  var page: Int
  var priority = 3
  var type = "DEED"
  var source = "DuProcess"
  var status = "pending"

  var row: ImportedRow {
    ImportedRow([
      "source": source, "book": String(book), "page": String(page),
      "instrument_type_parsed": type, "download_priority": String(priority),
      "download_status": status,
    ])
  }

  /// So many documents on the pages from 1.
  static func pages(_ count: Int) -> [Document] { (1...count).map { Document(page: $0) } }
}

/// One behaviour that every index has. The same checks run against each of them.
struct Check: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let run: @Sendable (any IndexFixture) throws -> Void

  init(_ name: String, _ run: @escaping @Sendable (any IndexFixture) throws -> Void) {
    testDescription = name
    self.run = run
  }
}

extension Run {
  /// A run of this process.
  static func test(_ id: String = "a", lease: Double = 600) -> Run {
    Run(
      id: id, host: LeaseOwner.thisHost, process: ProcessIdentity.this?.description ?? "",
      leaseSeconds: lease)
  }
}

/// The text of a file in the folder `sql`.
func sqlFile(_ name: String) throws -> String {
  let root = #filePath.split(separator: "/").dropLast(3).reduce("") { "\($0)/\($1)" }
  let file = try #require(fopen("\(root)/sql/\(name)", "r"))
  defer { fclose(file) }
  var bytes = [UInt8](repeating: 0, count: 1 << 16)
  let count = fread(&bytes, 1, bytes.count, file)
  return String(decoding: bytes.prefix(count), as: UTF8.self)
}

/// The pages of records, in their order.
func pages(_ records: [DocumentRecord]) -> [Int] { records.compactMap { $0["page"]?.int } }

/// The lease of the only record.
func lease(_ records: [DocumentRecord]) throws -> Lease {
  try #require(records.count == 1 ? Lease(records[0]) : nil)
}

/// A SQLite file and the `sqlite3` program, which is nobody's code of ours.
struct SQLiteFixture: IndexFixture {
  let directory: TemporaryDirectory
  var path: String { "\(directory.path)/index.db" }

  var views: String { "views.sqlite.sql" }

  init() throws { directory = try TemporaryDirectory() }

  func open() throws -> any DocumentIndex { try openIndex("sqlite:\(path)", creating: true) }

  func time(_ seconds: Int) -> String {
    "strftime('%Y-%m-%d %H:%M:%f', 'now', '\(seconds) seconds')"
  }

  func addTrigger(_ condition: String, _ words: String?) throws {
    let action = words.map { "ABORT, '\($0)'" } ?? "IGNORE"
    try sql(
      """
      CREATE TRIGGER odd BEFORE UPDATE ON index_documents WHEN \(condition)
      BEGIN SELECT RAISE(\(action)); END
      """)
  }

  @discardableResult
  func sql(_ text: String) throws -> [[String]] {
    try directory.write(text, to: "question.sql")
    let command = "sqlite3 -bail -cmd '.timeout 5000' '\(path)' < '\(directory.path)/question.sql'"
    let pipe = try #require(popen(command, "r"))
    var output: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while case let count = fread(&buffer, 1, buffer.count, pipe), count > 0 {
      output += buffer.prefix(count)
    }
    try #require(pclose(pipe) == 0, "sqlite3 refuses: \(text)")
    // Each row ends with a line end; one empty value is an empty line.
    return String(decoding: output, as: UTF8.self)
      .split(separator: "\n", omittingEmptySubsequences: false).dropLast()
      .map { $0.split(separator: "|", omittingEmptySubsequences: false).map(String.init) }
  }
}
