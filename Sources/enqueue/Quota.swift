import Common
import Index

/// Counts the documents of a run with a limit. One that comes back to be tried again is not a new one.
struct Quota {
  private let limit: Int?
  private var seen: Set<String> = []

  init(limit: Int?) { self.limit = limit }

  var isReached: Bool { limit.map { seen.count >= $0 } ?? false }

  /// How many to claim, of at most `batch`.
  func next(_ batch: Int) -> Int {
    guard let limit, !isReached else { return batch }
    return min(batch, limit - seen.count)
  }

  mutating func count(_ records: [Record]) {
    guard limit != nil else { return }
    for record in records { seen.insert(record.id) }
  }
}

/// Notices when an index does not move.
struct StallWatch {
  /// Seconds without change that are worth a word.
  static let limit = 600.0

  private let limit: Double
  private var last: (outlook: Outlook, since: Int64)?

  init(limit: Double = limit) { self.limit = limit }

  /// Whether documents are in progress here and nothing changed for the limit, since this was last
  /// true.
  mutating func isStalled(_ outlook: Outlook, now: Int64 = Time.monotonic()) -> Bool {
    var outlook = outlook
    outlook.secondsToNext = nil
    guard let last, last.outlook == outlook else {
      last = (outlook, now)
      return false
    }
    guard outlook.inProgressHere > 0, Double(now - last.since) / 1e9 >= limit else { return false }
    self.last = (outlook, now)
    return true
  }
}
