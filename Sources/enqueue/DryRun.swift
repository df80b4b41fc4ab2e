import Common
import Index
import Config

/// Writes what a run would claim, in pages, so that a million documents need no memory and hold no
/// lock while whoever reads takes their time.
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
