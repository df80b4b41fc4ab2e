import Common
import Config

/// Counts the documents of a run with a limit, and says what to claim next. One that comes back to be
/// tried again is not a new one.
///
/// A selection that spreads its limit takes as much from each of its ranges of books; what one of them does not
/// have, the others give.
struct Shares {
  /// What one claim is to ask for.
  struct Share {
    let selection: Selection
    let count: Int
    fileprivate let part: Int?
  }

  private let whole: Selection
  private var parts: [(selection: Selection, left: Int)] = []
  private var seen: Set<String> = []

  init(_ selection: Selection) {
    whole = selection
    parts = selection.parts.map { (selection: $0, left: $0.limit ?? 0) }
  }

  var isReached: Bool { whole.limit.map { seen.count >= $0 } ?? false }

  /// Documents that the limit still leaves; `nil` without one.
  var left: Int? { whole.limit.map { max(0, $0 - seen.count) } }

  /// What to claim, of at most `size` documents.
  func next(_ size: Int) -> Share {
    guard let left, left > 0 else { return Share(selection: whole, count: size, part: nil) }
    guard let part = parts.firstIndex(where: { $0.left > 0 }) else {
      return Share(selection: whole, count: min(size, left), part: nil)
    }
    return Share(
      selection: parts[part].selection, count: min(size, left, parts[part].left), part: part)
  }

  /// Notes that there is nothing for a share. Whether there may be for another.
  mutating func exhaust(_ share: Share) -> Bool {
    guard let part = share.part else { return false }
    parts[part].left = 0
    return true
  }

  mutating func count(_ records: [DocumentRecord], _ share: Share) {
    guard whole.limit != nil else { return }
    for record in records { seen.insert(record.id) }
    if let part = share.part { parts[part].left -= records.count }
  }
}
