import Files
import Common
import Glibc
import Index
import Config

/// Answers what ``ReportOptions`` ask of an index.
struct Views: Sendable {
  let index: any DocumentIndex
  let selection: Selection
  /// What the selection is called.
  let subject: String
  /// The folder where the tools of a run note their outages.
  var outages: String?

  /// Shows a view, once or until `stop`.
  func show(_ view: ReportOptions.View, _ options: ReportOptions, stop: ShutdownSignal) throws
    -> ToolExit
  {
    switch view {
    case .mismatches: return try MismatchList(index: index, selection: selection).write()
    case .report where options.csv != nil || options.html != nil:
      try writeFiles(options)
      return .success
    case .report, .monitor:
      guard let seconds = options.watch else {
        let (text, code) = try render(view, options)
        try Output.write(text)
        return code
      }
      return try Watch(seconds: seconds, stop: stop).run { try render(view, options).text }
    }
  }

  private func render(
    _ view: ReportOptions.View, _ options: ReportOptions
  ) throws -> (text: String, code: ToolExit) {
    if view == .monitor {
      let now = Time.wall()
      let monitor = Monitor(
        try index.health(selection),
        outages: outages.map { OutageReport.current(in: $0, now: now) } ?? [], now: now)
      return (options.json ? monitor.json.description + "\n" : monitor.text, monitor.exitCode)
    }
    let report = try index.report(selection)
    return (
      options.json ? report.json.description + "\n" : report.text(now: Time.wall()), .success
    )
  }

  private func writeFiles(_ options: ReportOptions) throws {
    let report = try index.report(selection)
    if let directory = options.csv {
      guard mkdir(directory, 0o755) == 0 || errno == EEXIST else {
        throw Fatal(
          .inputOutput, "cannot make the folder \(directory): \(String(cString: strerror(errno)))")
      }
      for table in report.tables {
        try WholeFile.write(
          Array(CSV.text(table).utf8), to: "\(directory)/\(table.name).csv", what: "the report")
      }
    }
    if let path = options.html {
      let page = HTMLReport(report: report, subject: subject, now: Time.wall()).page
      try WholeFile.write(Array(page.utf8), to: path, what: "the report")
    }
    if options.json { try Output.write(report.json.description + "\n") }
  }
}

/// What is asked for goes to stdout.
enum Output {
  /// Writes a text. False where nobody reads it any more, which is no failure.
  @discardableResult
  static func write(_ text: String) throws(Fatal) -> Bool {
    let failure = writeAll(Array(text.utf8), to: STDOUT_FILENO)
    guard failure == 0 || failure == EPIPE else {
      throw Fatal(.inputOutput, "cannot write to stdout: \(String(cString: strerror(failure)))")
    }
    return failure == 0
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
    guard try Output.write(CSV.line(Self.columns)) else { return .success }
    var last = 0
    while true {
      let rows = try index.mismatches(selection, after: last, count: Self.page)
      let text = rows.map { CSV.line(Self.fields($0)) }.joined()
      guard let end = rows.last, try Output.write(text) else { return .success }
      last = end.id
    }
  }

  static func fields(_ row: Mismatch) -> [String] {
    let numbers = [row.instrumentNumber, row.book, row.page, row.actualBook, row.actualPage]
    return numbers.map { $0.map { String($0) } ?? "" } + [CSV.safe(row.type ?? "")]
  }
}
