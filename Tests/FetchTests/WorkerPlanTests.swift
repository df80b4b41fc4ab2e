import Common
import Foundation
import Limiter
import Support
import Testing

@testable import fetch

/// A portal with a day's rhythm that the real controller works with, and what fetch would note of it.
struct SimulatedWeeks {
  /// Monday, 2026-01-05, 00:00 by the clock of the portal.
  var monday = 1_767_571_200
  var delay = 0.5
  var latency = 0.8
  /// Requests a second at night, and in office hours.
  var night = 16.0
  var office = 4.0
  var offset: (Int) -> Int = { _ in 0 }
  /// Days, from the first one on, that are like weekends.
  var holidays: Set<Int> = []

  func capacity(_ time: Int) -> Double {
    let local = time + offset(time)
    let day = Int((Double(local - monday) / 86_400).rounded(.down))
    let hour = ((local - monday) / 3600 % 24 + 24) % 24
    let isWorkingDay = (0...4).contains((day % 7 + 7) % 7) && !holidays.contains(day)
    return isWorkingDay && (8..<17).contains(hour) ? office : night
  }

  /// Good answers a second and what each takes, for a number of workers (Little's law, up to the knee).
  func flow(_ time: Int, _ workers: Int, _ delay: Double) -> (rate: Double, latency: Double) {
    let capacity = capacity(time)
    let busy = Double(workers)
    let slow = max(latency, busy / capacity)
    guard delay > 0, busy / slow > 1 / delay else { return (busy / slow, slow) }
    return (1 / delay, latency)
  }

  /// The samples of a time that real workers, or so many, spend with it.
  func samples(
    from first: Int, days: Double, fixed: Int? = nil, requestsPerDocument: Int = 1,
    host: String = "portal:443", seed: UInt64 = 1
  ) -> [WindowSample] {
    var random = SeededRandom(seed: seed)
    var workers = AdaptiveWorkers(maximum: 64, delay: delay)
    var noise = 0.0
    var clock = 0.0
    return stride(from: first, to: first + Int(days * 86_400), by: 20).map { time in
      let count = fixed ?? workers.limit
      noise = 0.97 * noise + 0.24 * Double.random(in: -0.25...0.25, using: &random)
      var (rate, mean) = flow(time, count, delay)
      if delay == 0 || rate < 0.99 / delay { rate *= 1 + noise }
      let completed = max(0, Int((rate * 20).rounded()))
      // What it decides in the first minutes of an hour holds for the rest of it: tests are to be quick.
      if fixed == nil, time % 3600 < 240 {
        for _ in 0..<completed {
          clock += 1 / rate
          _ = workers.finished(
            latency: mean * Double.random(in: 0.5...1.5, using: &random), isDropped: false,
            now: Int64(clock * 1e9))
        }
      }
      mean *= Double.random(in: 0.95...1.05, using: &random)
      return WindowSample(
        at: Int64(time + 20) * 1_000_000_000, seconds: 20, host: host, workers: count, delay: delay,
        started: completed, completed: completed, refused: 0, broken: 0,
        documents: completed / requestsPerDocument, mean: mean, median: mean, slow: 2 * mean)
    }
  }

  /// The fewest workers that bring the most.
  func oracle(_ time: Int, delay: Double) -> (workers: Int, rate: Double) {
    let rates = (1...64).map { flow(time, $0, delay).rate }
    let best = rates.max() ?? 0
    return ((rates.firstIndex { $0 >= best * 0.999 } ?? 0) + 1, best)
  }
}

@Suite struct WorkerPlanTests {
  private static let day = 86_400

  private func plan(
    _ samples: [WindowSample], _ weeks: SimulatedWeeks, at now: Int, delay: Double? = nil,
    documents: Int? = nil
  ) -> WorkerPlan {
    let asked = delay.map { [WorkerPlan.Asked(name: "portal:443", delay: $0)] } ?? []
    return WorkerPlan(samples, asked: asked, documents: documents, now: now, offset: weeks.offset)
  }

  private func check(_ host: WorkerPlan.Host, _ weeks: SimulatedWeeks, within share: Double) {
    for hour in host.hours {
      // The two half hours of an hour may be on both sides of a change.
      let oracles = [0, 1800].map { weeks.oracle(hour.began + $0, delay: weeks.delay) }
      let rate = oracles.reduce(0) { $0 + $1.rate } / 2
      let perHour = rate * 3600 / host.model.requestsPerDocument
      #expect(
        abs(hour.documents - perHour) <= share * perHour,
        "\((hour.began - weeks.monday) / 3600): \(hour.documents) for \(perHour)")
      #expect(hour.band.contains(hour.documents))
      if weeks.delay > 0, rate * weeks.delay >= 0.99 {
        let most = oracles.map(\.workers).max() ?? 0
        #expect(abs(hour.workers - most) <= 1, "\(hour) \(oracles)")
      }
    }
  }

  @Test(
    "After a week of auto, a plan knows each hour of the days after",
    arguments: [0.5, 0.1], [5, 7, 8] as [Int])
  func week(delay: Double, today: Int) throws {
    let weeks = SimulatedWeeks(delay: delay)
    let now = weeks.monday + today * Self.day
    let samples = weeks.samples(from: now - 7 * Self.day, days: 7)
    let plan = plan(samples, weeks, at: now, documents: 100_000)
    let host = try #require(plan.hosts.first)
    check(host, weeks, within: 0.1)
    let test = try #require(host.backTest)
    #expect(test.meanAbsoluteError < 0.12, "\(test)")
    #expect(abs(test.predicted / test.measured - 1) < 0.1)
    let end = try #require(plan.end)
    let (earliest, latest) = (try #require(end.earliest), try #require(end.latest))
    // What the portal really takes for it.
    var (time, left) = (now, 100_000.0)
    while left > 0 {
      left -= weeks.oracle(time, delay: delay).rate * 60
      time += 60
    }
    let whole = Double(time - now)
    #expect(Double(earliest - now) <= whole * 1.02 && Double(latest - now) >= whole * 0.98)
    #expect(latest - earliest <= Int(whole * 0.3), "\(end)")
  }

  @Test("Without a delay, what the portal gave is what it is expected to give")
  func noDelay() throws {
    let weeks = SimulatedWeeks(delay: 0)
    let now = weeks.monday + 7 * Self.day
    let host = try #require(
      plan(weeks.samples(from: weeks.monday, days: 7), weeks, at: now).hosts.first)
    check(host, weeks, within: 0.15)
  }

  @Test("One holiday is not taken for what such days are like")
  func holiday() throws {
    var weeks = SimulatedWeeks(delay: 0.1)
    weeks.holidays = [2]
    let samples = weeks.samples(from: weeks.monday, days: 7)
    let host = try #require(
      plan(samples, weeks, at: weeks.monday + 7 * Self.day).hosts.first)
    check(host, weeks, within: 0.12)
  }

  @Test(
    "The hours are those of the portal's clock, on both sides of a change of it",
    arguments: [
      1_772_409_600, 1_792_972_800,
    ])
  func daylightSaving(_ monday: Int) throws {
    let zone = try #require(TimeZone(identifier: "America/Chicago"))
    let offset = { (time: Int) in
      zone.secondsFromGMT(for: Date(timeIntervalSince1970: Double(time)))
    }
    // The clock is changed on the second Sunday of March, and on the first of November.
    let weeks = SimulatedWeeks(monday: monday, delay: 0.1, offset: offset)
    let now = weeks.monday - offset(weeks.monday) + 7 * Self.day
    #expect(offset(now) != offset(now - 2 * Self.day))
    let samples = weeks.samples(from: now - 7 * Self.day, days: 7)
    let host = try #require(plan(samples, weeks, at: now).hosts.first)
    check(host, weeks, within: 0.12)
  }

  @Test("A place half an hour beside the hour")
  func oddZone() throws {
    let weeks = SimulatedWeeks(delay: 0.1, offset: { _ in 19_800 })
    let now = weeks.monday - 19_800 + 7 * Self.day
    let host = try #require(
      plan(weeks.samples(from: now - 7 * Self.day, days: 7), weeks, at: now).hosts.first)
    #expect((host.hours[0].began + 19_800) % 3600 == 0)
    check(host, weeks, within: 0.12)
  }

  @Test("Of a weekend alone, a working day is taken to be like it, and of an hour, the day")
  func thin() throws {
    let weeks = SimulatedWeeks(delay: 0.1)
    let saturday = weeks.monday + 5 * Self.day
    let weekend = weeks.samples(from: saturday, days: 2)
    let monday = plan(weekend, weeks, at: saturday + 2 * Self.day)
    let noon = try #require(monday.hosts.first).hours[12]
    #expect(abs(noon.documents - 36_000) < 3600)
    let hour = plan(weeks.samples(from: saturday, days: 1 / 24), weeks, at: saturday + 3600)
    let host = try #require(hour.hosts.first)
    #expect(host.backTest == nil)
    #expect(host.hours.allSatisfy { abs($0.documents - 36_000) < 3600 })
    #expect(host.hours[3].band.lowerBound < 0.8 * host.hours[3].documents, "assumed")
    // More than the delay permits is no part of a band.
    #expect(host.hours[3].band.upperBound == 36_000)
  }

  @Test("A delay that was changed since is the one that counts")
  func changedDelay() throws {
    let weeks = SimulatedWeeks(delay: 0.5, office: 16)
    let now = weeks.monday + 2 * Self.day
    let samples = weeks.samples(from: weeks.monday, days: 2)
    for (delay, workers) in [(1.0, 2...3), (0.25, 4...5), (0.1, 8...9)] {
      let host = try #require(plan(samples, weeks, at: now, delay: delay).hosts.first)
      #expect(workers.contains(host.now.workers), "\(delay): \(host.now)")
      #expect(abs(host.hours[5].documents * delay / 3600 - 1) < 0.03, "\(host.hours[5])")
    }
    let free = try #require(plan(samples, weeks, at: now, delay: 0).hosts.first)
    #expect(free.now.limit == .unknown && free.now.workers >= 2)
  }

  @Test("Too few workers once are not taken for a slow portal")
  func tooFewWorkers() throws {
    let weeks = SimulatedWeeks(delay: 0.1, office: 16)
    let samples = weeks.samples(from: weeks.monday, days: 1, fixed: 1)
    let host = try #require(plan(samples, weeks, at: weeks.monday + Self.day).hosts.first)
    #expect((8...9).contains(host.now.workers))
    #expect(host.hours[3].documents > 30_000)
  }

  @Test("Two processes beside each other are one host's rate")
  func twoProcesses() throws {
    let weeks = SimulatedWeeks(delay: 0.5, office: 16)
    let half = weeks.samples(from: weeks.monday, days: 1, fixed: 2).map { sample in
      var half = sample
      (half.workers, half.started, half.completed) = (1, sample.started / 2, sample.completed / 2)
      half.documents = half.completed
      return half
    }
    let host = try #require(
      plan(half + half, weeks, at: weeks.monday + Self.day).hosts.first)
    #expect(abs(host.hours[3].documents - 7200) < 300, "\(host.hours[3])")
    #expect((2...3).contains(host.now.workers))
  }

  @Test("Two hosts share the documents as they did")
  func twoHosts() throws {
    let weeks = SimulatedWeeks(delay: 0.5, office: 16)
    let slow = SimulatedWeeks(delay: 1, office: 16)
    let now = weeks.monday + Self.day
    let samples =
      weeks.samples(from: weeks.monday, days: 1)
      + slow.samples(from: weeks.monday, days: 1, requestsPerDocument: 2, host: "other:80")
    let plan = WorkerPlan(samples, asked: [], documents: 100_000, now: now) { _ in 0 }
    #expect(plan.hosts.map(\.name) == ["other:80", "portal:443"])
    #expect(plan.hosts.map(\.model.requestsPerDocument) == [2, 1])
    #expect(abs(plan.hosts[0].share - 0.2) < 0.01)
    // Both are done at the same time: 20,000 at 1,800 an hour, 80,000 at 7,200.
    let end = try #require(plan.end?.expected)
    #expect(abs(Double(end - now) / 3600 - 11.1) < 0.4)
    let bounds = try #require(plan.bounds)
    #expect((4...6).contains(bounds.start) && (bounds.ceiling ?? 0) >= 2 * bounds.start)
  }

  @Test("A host that may not be asked brings nothing, and says when it is done")
  func orders() throws {
    let weeks = SimulatedWeeks(delay: 0.5, office: 16)
    let now = weeks.monday + Self.day
    let samples = weeks.samples(from: weeks.monday, days: 1)
    var asked = WorkerPlan.Asked(name: "portal:443", delay: 0.5)
    asked.steering.hours = .init("22:00-06:00 UTC")
    let night = WorkerPlan(samples, asked: [asked], documents: 72_000, now: now) { _ in 0 }
    #expect(
      try #require(night.hosts.first).hours.map { $0.documents > 0 }
        == (0..<24).map { $0 < 6 || $0 >= 22 })
    // Six hours of the first night, and four of the next: 10 hours of 7,200.
    let end = try #require(night.end?.expected)
    #expect(abs(Double(end - now) / 3600 - 26) < 1, "\(end - now)")
    asked.steering.hours = nil
    asked.steering.pause = .init(until: nil, why: "")
    let paused = WorkerPlan(samples, asked: [asked], documents: 1, now: now) { _ in 0 }
    #expect(paused.end == .init(earliest: nil, expected: nil, latest: nil))
    asked.steering.pause = nil
    asked.steering.delay = 2
    let slow = WorkerPlan(samples, asked: [asked], now: now) { _ in 0 }
    #expect(abs(try #require(slow.hosts.first).hours[0].documents - 1800) < 60)
  }

  @Test("Nothing, outages alone, and samples of the future are too few")
  func tooFew() throws {
    let weeks = SimulatedWeeks()
    let good = weeks.samples(from: weeks.monday, days: 0.1)
    #expect(plan([], weeks, at: weeks.monday).hosts.isEmpty)
    #expect(plan([], weeks, at: weeks.monday).bounds == nil)
    let refused = good.map { sample in
      var refused = sample
      (refused.completed, refused.refused, refused.documents) = (0, sample.completed, 0)
      (refused.mean, refused.median, refused.slow) = (0, 0, 0)
      return refused
    }
    #expect(plan(refused, weeks, at: weeks.monday + Self.day).hosts.isEmpty)
    // A clock that was set back by a month, or a year.
    #expect(plan(good, weeks, at: weeks.monday - 30 * Self.day).hosts.isEmpty)
    #expect(plan(good, weeks, at: weeks.monday + 365 * Self.day).hosts.isEmpty)
    // An outage among good hours changes nothing.
    let mixed = try #require(
      plan(
        good
          + refused.map { sample in
            var later = sample
            later.at += Int64(Self.day / 4) * 1_000_000_000
            return later
          }, weeks, at: weeks.monday + Self.day
      ).hosts.first)
    #expect((2...3).contains(mixed.now.workers))
    #expect(abs(mixed.hours[3].documents - 7200) < 300)
  }

  /// Half hours of a kind of day, by hand: 1970-01-01 was a Thursday.
  @Test(arguments: [
    (0, false, 0), (86_399, false, 47), (2 * 86_400, true, 0), (3 * 86_400 + 1800, true, 1),
    (4 * 86_400, false, 0), (-1, false, 47), (-4 * 86_400, true, 0), (1_767_571_200, false, 0),
    (1_795_824_000, true, 0), (1_795_823_999, false, 47),
  ])
  func slots(local: Int, isWeekend: Bool, half: Int) {
    let slot = HostModel.Slot(local: local)
    #expect(slot.isWeekend == isWeekend && slot.half == half)
  }
}
