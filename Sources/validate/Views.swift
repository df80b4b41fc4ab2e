import Common
import Files
import Glibc
import Index
import Page

/// What `validate report` and `validate monitor` show of an index.
struct Views: Sendable {
  let index: any DocumentIndex
  let selection: Selection
  /// What the selection is called.
  let subject: String
  /// The folder where the tools of a run note their outages.
  var outages: String?

  func report(asJSON isJSON: Bool) throws -> String {
    let report = try index.report(selection)
    return isJSON ? report.json.description + "\n" : report.text(now: Time.wall())
  }

  /// How the run fares now.
  func monitor() throws -> Monitor {
    let now = Time.wall()
    return Monitor(
      try index.health(selection),
      outages: outages.map { OutageReport.current(in: $0, now: now) } ?? [], now: now)
  }

  /// Writes the report to files: one a table in the folder `csv`, a page of HTML. Throws with exit code 74.
  func writeReport(csv directory: String?, html path: String?) throws {
    let report = try index.report(selection)
    if let directory {
      guard mkdir(directory, 0o755) == 0 || errno == EEXIST else {
        throw Fatal(
          .inputOutput, "cannot make the folder \(directory): \(String(cString: strerror(errno)))")
      }
      for table in report.tables {
        try WholeFile.write(
          Array(CSV.text(table).utf8), to: "\(directory)/\(table.name).csv", what: "the report")
      }
    }
    if let path {
      let page = HTMLReport(report: report, subject: subject, now: Time.wall()).page
      try WholeFile.write(Array(page.utf8), to: path, what: "the report")
    }
  }
}

/// Documents whose book or page is another at the portal, as CSV on stdout, a page of them at a time.
struct MismatchList: Sendable {
  private static let page = 10_000
  static let columns = [
    "instrument_number", "book", "page", "actual_book", "actual_page", "instrument_type",
  ]

  let index: any DocumentIndex
  let selection: Selection

  /// Writes all of them, in the order of the index.
  func write() throws -> ToolExit {
    guard try Console.answer(CSV.line(Self.columns)) else { return .success }
    var last = 0
    while true {
      let rows = try index.mismatches(selection, after: last, count: Self.page)
      let text = rows.map { CSV.line(Self.fields($0)) }.joined()
      guard let end = rows.last, try Console.answer(text) else { return .success }
      last = end.id
    }
  }

  static func fields(_ row: Mismatch) -> [String] {
    let numbers = [row.instrumentNumber, row.book, row.page, row.actualBook, row.actualPage]
    return numbers.map { $0.map { String($0) } ?? "" } + [CSV.safe(row.type ?? "")]
  }
}

/// Shows something again and again until Ctrl+C: in place on a terminal, one after the other
/// elsewhere.
struct Watch: Sendable {
  /// Between two looks.
  let seconds: Double
  let stop: ShutdownSignal

  func run(_ text: () throws -> String) throws -> ToolExit {
    let isTerminal = isatty(STDOUT_FILENO) == 1
    if isTerminal { try Console.answer("\u{1B}[2J") }
    repeat {
      let text = try text()
      guard try Console.answer(isTerminal ? Self.inPlace(text) : text) else { return .success }
    } while stop.sleep(seconds: seconds)
    return .interrupted
  }

  /// From the upper left corner on; what was longer before is cleared.
  static func inPlace(_ text: String) -> String {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    return "\u{1B}[H" + lines.joined(separator: "\u{1B}[K\n") + "\u{1B}[J"
  }
}
