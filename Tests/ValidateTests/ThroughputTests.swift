import Testing

@testable import Page
@testable import validate

@Suite struct ThroughputTests {
  /// 2026-11-23 18:00, a Monday.
  private static let hour = 498_738

  @Test func hoursWithHolesFilled() {
    let throughput = Throughput([(Self.hour, 7), (Self.hour + 2, 5)])
    #expect(throughput.step == .hour)
    #expect(
      throughput.bars == [
        .init(since: "2026-11-23 18:00", completed: 7),
        .init(since: "2026-11-23 19:00", completed: 0),
        .init(since: "2026-11-23 20:00", completed: 5),
      ])
  }

  @Test func nothingIsNothing() { #expect(Throughput([]).bars.isEmpty) }

  @Test func moreThanThreeDaysAreDays() {
    #expect(Throughput([(Self.hour, 1), (Self.hour + 71, 1)]).step == .hour)
    let days = Throughput([(Self.hour, 1), (Self.hour + 5, 2), (Self.hour + 72, 4)])
    #expect(days.step == .day)
    #expect(days.bars.map(\.since).first == "2026-11-23")
    #expect(days.bars.map(\.completed) == [3, 0, 0, 4])
  }

  @Test func weeksBeginOnMondays() {
    let weeks = Throughput([(Self.hour, 1), (Self.hour + 6 * 24, 2), (Self.hour + 100 * 24, 4)])
    #expect(weeks.step == .week)
    #expect(weeks.bars.first == .init(since: "2026-11-23", completed: 3))
    #expect(weeks.bars.last?.completed == 4)
    #expect(weeks.bars.reduce(0) { $0 + $1.completed } == 7)
  }

  @Test func hoursBeyondAllClocksAreNamed() {
    for hour in [Int.max / 1000, Int.min / 1000, 2_600_000_000] {
      #expect(Throughput([(hour, 1)]).bars.map(\.completed) == [1])
    }
  }

  @Test func aWrongClockCostsNoMemory() {
    let years = Throughput([(0, 1), (Self.hour, 2)])
    #expect(years.bars.count == Throughput.most)
    #expect(years.bars.last?.completed == 2)
    #expect(years.before == 1)
  }
}
