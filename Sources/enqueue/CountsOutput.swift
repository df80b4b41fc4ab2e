import Common
import Config
import Index

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

/// Writes what a run would claim, in pages, so that a million documents need no memory and hold no
/// lock while the reader takes its time.
struct DryRun {
  private static let page = 1000

  let index: any DocumentIndex
  let selection: Selection
  let output: LineWriter
  let stop: ShutdownSignal

  func run() throws {
    // Where one of the parts has less than its share, a run takes more of the others.
    for part in selection.parts.isEmpty ? [selection] : selection.parts { try run(part) }
  }

  private func run(_ selection: Selection) throws {
    var left = selection.limit ?? .max
    var position: PreviewPosition?
    while left > 0, !stop.isRequested {
      let wanted = min(left, Self.page)
      let records = try index.preview(selection, count: wanted, after: position)
      guard output.write(records.map { JSON.object($0.fields).serialized() }) else { return }
      left -= records.count
      guard records.count == wanted, let last = records.last.flatMap(PreviewPosition.init) else {
        return
      }
      position = last
    }
  }
}
