import Common
import Index
import Stages

/// Documents whose book or page is another at the portal, as CSV on stdout, a page of them at a time.
struct MismatchList: Sendable {
  private static let page = 10_000
  static let columns = [
    "instrument_number", "book", "page", "actual_book", "actual_page", "instrument_type",
  ]

  let index: any DocumentIndex
  let selection: Selection

  /// Writes all of them, in the order of the index.
  func write() throws -> ExitCode {
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
