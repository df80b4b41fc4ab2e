import Common
import Index

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
