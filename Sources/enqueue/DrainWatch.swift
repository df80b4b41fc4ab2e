import Common
import Index
import Logging

/// Looks whether an operator has ordered the stage to stop (``StopOrder``), every two seconds, by its key: a run obeys
/// within that, or as soon as it reaches the index again.
struct DrainWatch: Sendable {
  /// Seconds between two looks.
  private static let interval = 2.0

  let index: any DocumentIndex
  let stage: String?
  let logger: Logger
  /// Happens when nothing more is to be claimed.
  let isOrdered = Latch()

  /// The order that holds now.
  func order() throws -> StopOrder? { try index.stopOrders().order(for: stage) }

  /// Looks until there is an order, or until `ended`. An index that cannot be read is the feeding's to meet: it cannot
  /// claim either.
  func run(until ended: Latch) {
    var hasWarned = false
    while ended.sleep(seconds: Self.interval) {
      do {
        guard let order = try order() else { continue }
        logger.critical(
          "\(order.text). Nothing more is claimed, what was begun is settled. \(order.advice)")
        isOrdered.happen()
        return
      } catch {
        if !hasWarned {
          logger.warning("could not look for orders to stop: \(Fatal(describing: error).message)")
        }
        hasWarned = true
      }
    }
  }
}
