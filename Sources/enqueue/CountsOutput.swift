import Common
import Index
import Config

/// What `enqueue status`, `count` and `types` print. Pure.
enum CountsOutput {
  private static func rows(_ counts: StatusCounts) -> [(name: String, count: Int)] {
    (counts.unknown > 0 ? counts.named : counts.named.dropLast()) + [("total", counts.total)]
  }

  static func json(_ counts: StatusCounts) -> String {
    var object = JSONObject()
    for row in rows(counts) { object[row.name] = .int(row.count) }
    return JSON.object(object).description
  }

  static func table(_ counts: StatusCounts) -> [String] {
    func line(_ name: String, _ count: String, _ share: String) -> String {
      Format.padRight(name, 12) + Format.padLeft(count, 12) + Format.padLeft(share, 9)
    }
    let rows = rows(counts)
    let shares =
      Format.percents(rows.dropLast().map(\.count)) + [
        Format.percent(counts.total, of: counts.total)
      ]
    return [line("status", "count", "percent")]
      + zip(rows, shares).map { line($0.name, Format.count($0.count), $1) }
  }

  static func types(_ types: [(type: String, count: Int)]) -> [String] {
    ["type\tcount"] + types.map { "\(Format.printable($0.type))\t\($0.count)" }
  }
}

extension StatusCounts {
  /// How many documents a run would work on: a stage that tries failed ones again revives them first.
  func upcoming(_ selection: Selection) -> Int {
    selection.retriesFailed ? pending + retriable : pending
  }
}
