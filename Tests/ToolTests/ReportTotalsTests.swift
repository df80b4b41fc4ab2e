import Common
import Foundation
import Support
import Testing

/// A row as a table may have it, with whatever may be missing.
struct OddRow: Sendable {
  var status: String?
  var book: Int?
  var priority: Int?
  var type: String?
  var sizes: (original: Int?, stored: Int?)
  var completedAt: String?
  var errorClass: String?
  var error: String?
  var isMismatch = false
  var optimized: (outcome: String?, reason: String?)

  var isCompleted: Bool { status == "completed" }
  var isAbsent: Bool { status == "failed" && errorClass == "absent" }
  var isFailed: Bool { status == "failed" && !isAbsent }
  /// Whether the report counts it among the errors.
  var hasError: Bool { isFailed || (status == "pending" && error != nil) }

  /// Made by chance. `isFree`: a table without constraints, of texts.
  init(_ random: inout SystemRandomNumberGenerator, isFree: Bool) {
    func pick<T>(_ values: [T]) -> T { values[Int.random(in: values.indices, using: &random)] }
    let statuses = [
      "pending", "in_progress", "completed", "completed", "failed", "failed", "skipped",
    ]
    status = pick(statuses.map { Optional($0) } + [nil] + (isFree ? ["", "Completed"] : []))
    book = pick([1, 42, 499, 500, 501, 3971, nil])
    if !isFree { book = book ?? 7 }
    priority = pick([1, 2, 3, 4, nil])
    type = pick((1...30).map { "TYPE \($0)" } + [nil, ""])
    sizes = (pick([nil, 1000, 5_000_000]), pick([nil, 900, 1200]))
    let days = pick([1, 3, 60, 900])
    let date = Date(timeIntervalSince1970: 1_790_000_000 - .random(in: 0...Double(days) * 86_400))
    completedAt = pick([Self.format.string(from: date), nil, isFree ? "not a time" : "infinity"])
    errorClass = pick(["absent", "network", "bad_pdf", nil])
    error = pick(["it said no", nil])
    isMismatch = Bool.random(using: &random)
    let outcomes = ["images", "ghostscript", "repaired", "kept", nil, isFree ? "odd" : "kept"]
    optimized = (
      pick(outcomes), pick(["the file is signed", "the result is not smaller", "x", nil])
    )
  }

  private static let format = {
    let format = DateFormatter()
    format.locale = Locale(identifier: "en_US_POSIX")
    format.timeZone = TimeZone(identifier: "UTC")
    format.dateFormat = "yyyy-MM-dd HH:mm:ss.SSS"
    return format
  }()

  static let columns = """
    source, page, download_status, book, download_priority, instrument_type_parsed, original_bytes,
    content_bytes, downloaded_at, error_class, download_error, book_page_mismatch,
    optimize_outcome, optimize_reason
    """

  /// As SQL values, with a page of its own.
  func values(_ page: Int) -> String {
    func text(_ value: String?) -> String { value.map { "'\($0)'" } ?? "NULL" }
    func number(_ value: Int?) -> String { value.map(String.init) ?? "NULL" }
    return "("
      + [
        "'S'", "\(page)", text(status), number(book), number(priority), text(type),
        number(sizes.original), number(sizes.stored), text(completedAt), text(errorClass),
        text(error), isMismatch ? "TRUE" : "FALSE", text(optimized.outcome),
        text(optimized.reason),
      ].joined(separator: ", ") + ")"
  }
}

/// Every form of the report has the same totals, and they are those of the rows, counted by hand.
@Suite("The report's totals")
struct ReportTotalsTests {
  private let folder: TemporaryDirectory

  init() throws { folder = try TemporaryDirectory() }

  /// Columns of a table with their sums, by the table's name: what people and machines read.
  private typealias Sums = [String: [String: Int]]

  private func rows(isFree: Bool) -> [OddRow] {
    var random = SystemRandomNumberGenerator()
    return (0..<Int.random(in: 1...500)).map { _ in OddRow(&random, isFree: isFree) }
  }

  private func expected(_ rows: [OddRow]) -> Sums {
    func count(_ isCounted: (OddRow) -> Bool) -> Int { rows.filter(isCounted).count }
    let completed = count(\.isCompleted)
    return [
      "status": ["documents": rows.count],
      "priorities": [
        "documents": rows.count, "completed": completed, "failed": count(\.isFailed),
        "absent": count(\.isAbsent),
      ],
      "types": [
        "documents": rows.count, "completed": completed, "failed": count(\.isFailed),
        "absent": count(\.isAbsent),
      ],
      "throughput": ["completed": completed],
      // Where nothing was optimized, there is no table.
      "optimization": [
        "documents": rows.contains {
          $0.isCompleted && !["odd", nil].contains($0.optimized.outcome)
        } ? completed : 0
      ],
      "errors": ["documents": count(\.hasError)],
      "mismatches": [
        "completed": completed, "mismatches": count { $0.isCompleted && $0.isMismatch },
      ],
    ]
  }

  @Test("SQLite: a table of somebody's own, without constraints", arguments: 1...3)
  func sqlite(round: Int) throws {
    let rows = rows(isFree: true)
    let path = "\(folder.path)/index.db"
    let columns =
      "id INTEGER PRIMARY KEY, source TEXT, gin, instrument_number, book_volume, book, page, "
      + "instrument_type_raw, instrument_type_parsed, document_type, file_date, num_pages, "
      + "download_status, download_priority, download_attempts DEFAULT 0, downloaded_at, "
      + "download_error, gcs_path, actual_book, actual_page, book_page_mismatch, updated_at"
    let made = try run(
      "/usr/bin/sqlite3", ["-bail", path], lines: ["CREATE TABLE index_documents (\(columns));"])
    try #require(made.code == 0, "\(made)")
    let ready = try run("enqueue", ["init", "--index", path])
    try #require(ready.code == 0, "\(ready)")
    let values = rows.enumerated().map { $1.values($0 + 1) }.joined(separator: ",\n")
    let filled = try run(
      "/usr/bin/sqlite3", ["-bail", path],
      lines: ["INSERT INTO index_documents (\(OddRow.columns)) VALUES \(values);"])
    try #require(filled.code == 0, "\(filled)")
    try check(path, rows)
  }

  @Test(
    "PostgreSQL: the users' table",
    .enabled(if: PostgresServer.isInstalled, "PostgreSQL is not installed"), arguments: 1...2)
  func postgres(round: Int) throws {
    let rows = rows(isFree: false)
    let database = try Database()
    try database.rows(UsersTable.sql)
    let ready = try run("enqueue", ["migrate", "--index", database.url])
    try #require(ready.code == 0, "\(ready)")
    let values = rows.enumerated().map { $1.values($0 + 1) }.joined(separator: ",\n")
    try database.rows("INSERT INTO index_documents (\(OddRow.columns)) VALUES \(values)")
    try check(database.url, rows)
  }

  private func check(_ index: String, _ rows: [OddRow]) throws {
    let wanted = expected(rows)
    func report(_ options: String...) throws -> String {
      let end = try run(
        "validate", ["report", "--index", index] + options, directory: folder.path)
      #expect(end.code == 0, "\(end)")
      return end.text
    }
    let json = try JSON(parsing: try report("--json"))
    _ = try report("--csv", "tables", "--html", "report.html")
    let (text, csv) = (textSums(try report()), try csvSums(Array(wanted.keys)))
    let page = htmlSums(try String(contentsOfFile: "\(folder.path)/report.html", encoding: .utf8))
    for (table, columns) in wanted {
      for (column, sum) in columns {
        let place = "\(table).\(column) of \(rows.count) rows"
        #expect(csv[table]?[column] ?? 0 == sum, "CSV: \(place)")
        #expect(text[table]?[column] ?? 0 == sum, "text: \(place)")
        #expect(page[table]?[column] ?? 0 == sum, "HTML: \(place)")
        #expect(sums(json, table, column) == sum, "JSON: \(place)")
      }
    }
    try checkStatus(json, rows)
    try checkBytes(json, rows)
  }

  private func checkStatus(_ json: JSON, _ rows: [OddRow]) throws {
    let status = try #require(json["status"])
    #expect(status["total"]?.int == rows.count)
    for name in ["pending", "in_progress", "completed", "skipped"] {
      #expect(status[name]?.int == rows.count { $0.status == name }, "\(name)")
    }
    #expect(status["failed"]?.int == rows.count(where: \.isFailed))
    #expect(status["absent"]?.int == rows.count(where: \.isAbsent))
    let parts = status.object?.members.filter { $0.name != "total" }.compactMap(\.value.int) ?? []
    #expect(parts.reduce(0, +) == rows.count)
  }

  private func checkBytes(_ json: JSON, _ rows: [OddRow]) throws {
    let measured = rows.filter {
      $0.isCompleted && $0.sizes.original != nil && $0.sizes.stored != nil
    }
    #expect(json["original_bytes"]?.int == measured.reduce(0) { $0 + ($1.sizes.original ?? 0) })
    #expect(json["stored_bytes"]?.int == measured.reduce(0) { $0 + ($1.sizes.stored ?? 0) })
    #expect(
      json["completed_without_sizes"]?.int == rows.count(where: \.isCompleted) - measured.count)
  }

  // How each form is read ---------------------------------------------------------------------

  private func sums(_ json: JSON, _ table: String, _ column: String) -> Int {
    switch table {
    case "status": return json["status"]?["total"]?.int ?? -1
    case "throughput":
      let throughput = json["throughput"]
      let steps = throughput?["steps"]?.array ?? []
      return steps.reduce(0) { $0 + ($1["completed"]?.int ?? 0) }
        + (throughput?["unknown"]?.int ?? 0) + (throughput?["before"]?.int ?? 0)
    default:
      let names = [
        "documents": ["errors": "count", "optimization": "documents"][table] ?? "total"
      ]
      let name = names[column] ?? column
      return json[table]?.array?.reduce(0) { $0 + ($1[name]?.int ?? 0) } ?? -1
    }
  }

  private func add(_ header: [String], _ rows: [[String]]) -> [String: Int] {
    var sums: [String: Int] = [:]
    for row in rows {
      for (name, cell) in zip(header, row) {
        if let number = Int(cell.replacing(",", with: "")) { sums[name, default: 0] += number }
      }
    }
    return sums
  }

  private func csvSums(_ tables: [String]) throws -> Sums {
    var sums: Sums = [:]
    for table in tables {
      let text = try String(contentsOfFile: "\(folder.path)/tables/\(table).csv", encoding: .utf8)
      let lines = text.split(separator: "\n").map {
        $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
      }
      sums[table] = add(lines[0], Array(lines.dropFirst()))
    }
    return sums
  }

  private static let titles = [
    "Documents by status": "status", "By priority": "priorities", "By type": "types",
    "Results of optimize": "optimization",
    "Completed by": "throughput", "Most frequent errors": "errors",
    "Mismatches by book": "mismatches",
  ]

  /// Tables of the text: a title, a line of names, lines of cells with two blanks between them.
  private func textSums(_ text: String) -> Sums {
    var sums: Sums = [:]
    for part in text.components(separatedBy: "\n\n") {
      let lines = part.split(separator: "\n").map(String.init)
      guard let name = Self.titles.first(where: { lines[0].hasPrefix($0.key) })?.value else {
        continue
      }
      let cells = lines.dropFirst().map { line in
        line.split(separator: /\s\s+/).map { $0.trimmingCharacters(in: .whitespaces) }
      }
      // A cell of books that is empty in the row of sums: counted from the right.
      let header = cells.first ?? []
      let rows = cells.dropFirst().map { row in
        name == "mismatches" && row.count < header.count
          ? [""] + Array(repeating: "", count: header.count - row.count - 1) + row : row
      }
      sums[name] = add(header, Array(rows))
    }
    return sums
  }

  private func htmlSums(_ page: String) -> Sums {
    var sums: Sums = [:]
    for part in page.components(separatedBy: "<section id=\"").dropFirst() {
      let name = String(part.prefix { $0 != "\"" })
      let rows = part.components(separatedBy: "<tr>").dropFirst().map { row in
        row.components(separatedBy: "<t").dropFirst().map { cell in
          String(cell.drop { $0 != ">" }.dropFirst().prefix { $0 != "<" })
        }
      }
      sums[name] = add(rows.first ?? [], Array(rows.dropFirst()))
    }
    return sums
  }
}
