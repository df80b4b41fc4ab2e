import Common
import Testing

@Suite struct OutageWatchTests {
  private let second: Int64 = 1_000_000_000

  @Test func aDocumentsOwnBadLuckIsNoOutage() {
    var watch = OutageWatch(threshold: 3)
    let verdicts = (0..<100).map { _ in watch.failed("the same", now: 0) }
    #expect(verdicts.allSatisfy { $0 == .ownFault })
    let another = watch.failed("another", now: 0)
    let wasOutage = watch.succeeded()
    let third = watch.failed("a third", now: 0)
    #expect(another == .ownFault && !wasOutage && third == .ownFault)
  }

  @Test func severalInARowAre() {
    var watch = OutageWatch(threshold: 3, base: 5, cap: 12, longest: 60)
    _ = watch.failed("a", now: 0)
    _ = watch.failed("b", now: 0)
    let pauses = (0..<9).map { _ in watch.failed("c", now: second) }
    #expect(pauses == [5, 5, 5, 10, 10, 10, 12, 12, 12].map { .outage(pause: $0) })
    let tooLong = watch.failed("d", now: 62 * second)
    let wasOutage = watch.succeeded()
    let next = watch.failed("a", now: 63 * second)
    #expect(tooLong == .ownFault && wasOutage && next == .ownFault)
  }
}
