import Common
import Support
import Synchronization
import Testing

@testable import Limiter

/// The operator's orders, wherever they are kept.
@Suite struct SteeringTests {
  private let pace = RateLimit(delay: 0.01)

  @Test(arguments: LimiterPlace.kinds)
  func `a pause holds for others until it is resumed, and the next who opens the place knows it`(
    kind: LimiterPlace.Kind
  ) throws {
    let place = try LimiterPlace(kind)
    defer { place.isNoLongerNeeded() }
    let told = Mutex<[String]>([])
    let other = try place.open { line in told.withLock { $0.append(line) } }
    let stop = ShutdownSignal()
    #expect(try other.waitForSlot(host: "h:80", pace: pace, stop: stop))
    let operator_ = try place.open()
    let ordered = try operator_.steer(host: "h:80") {
      $0.pause = .init(until: nil, why: "the clerk called")
    }
    #expect(ordered.pause?.why == "the clerk called")
    #expect(
      try eventually { try other.start(host: "h:80", pace: pace, stop: stop) == .paused })
    #expect(told.withLock { $0.first?.contains("the clerk called") } == true)
    // Another host, and a run without a delay.
    #expect(try other.waitForSlot(host: "g:80", pace: pace, stop: stop))
    #expect(
      try place.open().start(host: "h:80", pace: RateLimit(delay: 0), stop: stop) == .paused)
    #expect(try place.open().status().first { $0.host == "h:80" }?.steering == ordered)

    let passed = Mutex<Bool?>(nil)
    withThreads(2) { number in
      if number == 1 {
        let result = try? other.waitForSlot(host: "h:80", pace: pace, stop: stop)
        passed.withLock { $0 = result }
      } else {
        _ = try? operator_.steer(host: "h:80") { $0.pause = nil }
      }
    }
    #expect(passed.withLock { $0 } == true)
    #expect(try operator_.status().allSatisfy(\.steering.isEmpty))
  }

  @Test(arguments: LimiterPlace.kinds)
  func `who waits for the end of a pause is woken by a stop`(kind: LimiterPlace.Kind) throws {
    let place = try LimiterPlace(kind)
    defer { place.isNoLongerNeeded() }
    let limiter = try place.open()
    _ = try limiter.steer(host: "h:80") { $0.pause = .init(until: .max, why: "") }
    let stop = ShutdownSignal()
    withThreads(3) { number in
      if number == 1 {
        stop.request(.interrupted)
      } else {
        let pace = RateLimit(delay: number == 2 ? 0 : 0.01)
        #expect((try? limiter.waitForSlot(host: "h:80", pace: pace, stop: stop)) == false)
      }
    }
  }

  @Test(arguments: LimiterPlace.kinds)
  func `an ordered delay takes the place of the run's own, and shortens what was reserved`(
    kind: LimiterPlace.Kind
  ) throws {
    let place = try LimiterPlace(kind)
    defer { place.isNoLongerNeeded() }
    let limiter = try place.open()
    let stop = ShutdownSignal()
    let slow = RateLimit(delay: 3600)
    #expect(try limiter.waitForSlot(host: "h:80", pace: slow, stop: stop))
    let grant = try #require(try limiter.grant(host: "h:80", pace: slow, stop: stop))
    try limiter.sent(grant, host: "h:80", pace: slow)
    // The next slot is an hour away, for somebody who waits already.
    withThreads(2) { number in
      if number == 1 {
        #expect((try? limiter.waitForSlot(host: "h:80", pace: slow, stop: stop)) == true)
      } else {
        _ = try? place.open().steer(host: "h:80") { $0.delay = 0.01 }
      }
    }
    #expect(try limiter.start(host: "h:80", pace: slow, stop: stop) != .paused)
  }

  /// Between its slot and its start, a request waits for the gap: an order that comes then holds for it.
  @Test(arguments: LimiterPlace.kinds)
  func `a pause holds for who waits for the gap already`(kind: LimiterPlace.Kind) throws {
    let place = try LimiterPlace(kind)
    defer { place.isNoLongerNeeded() }
    let limiter = try place.open()
    let stop = ShutdownSignal()
    let pace = RateLimit(delay: 1.2)
    let grant = try #require(try limiter.grant(host: "h:80", pace: pace, stop: stop))
    try limiter.sent(grant, host: "h:80", pace: pace)
    withThreads(2) { number in
      if number == 1 {
        #expect((try? limiter.start(host: "h:80", pace: pace, stop: stop)) == .paused)
      } else {
        _ = try? place.open().steer(host: "h:80") { $0.pause = .init(until: nil, why: "") }
      }
    }
  }

  @Test func `orders outlive the limiter's file`() throws {
    let folder = try TemporaryDirectory()
    let path = folder.path + "/limiter.sqlite"
    _ = try Limiter(at: .file(path)).steer(host: "h:80") {
      $0.hours = OpeningHours("22:00-06:00 America/Chicago")
    }
    try folder.write("", to: "limiter.sqlite")
    let status = try #require(try Limiter(at: .file(path)).status().first)
    #expect(status.steering.hours?.description == "22:00-06:00 America/Chicago")
  }

  @Test func `orders are read as they are written, and nothing else is`() throws {
    var steering = Steering()
    steering.pause = .init(until: 1_795_621_600_000_000_000, why: #"a "why" – ü"#)
    steering.delay = 0.25
    steering.hours = OpeningHours("00:00-06:30,20:00-24:00 Asia/Kolkata")
    #expect(Steering(stored: steering.json.description) == steering)
    #expect(Steering(stored: "{}") == Steering())
    for text in [
      "", "[]", "{", #"{"pause":{}}"#, #"{"delay":-1}"#, #"{"delay":"1"}"#, #"{"delay":1e99}"#,
      #"{"hours":"22-6"}"#, #"{"hours":7}"#,
    ] {
      #expect(Steering(stored: text) == nil, "\(text)")
    }
  }
}

@Suite struct OpeningHoursTests {
  /// Whether hours are open at a time in UTC, seconds since 1970.
  private func isOpen(_ hours: String, _ seconds: Int64) throws -> Bool {
    try #require(OpeningHours(hours)).isOpen(at: seconds * 1_000_000_000)
  }

  // 2026-01-15 and 2026-07-15, midnight UTC: Chicago is six hours behind in winter, five in summer.
  @Test(arguments: [(1_768_435_200 as Int64, 6 as Int64), (1_784_073_600, 5)])
  func `hours follow the clock of their zone, in summer and winter`(midnight: Int64, behind: Int64)
    throws
  {
    let night = "22:00-06:00 America/Chicago"
    func local(_ hour: Int64, _ minute: Int64 = 0) -> Int64 {
      midnight + (hour + behind) * 3600 + minute * 60
    }
    #expect(try !isOpen(night, local(21, 59)))
    #expect(try isOpen(night, local(22)))
    #expect(try isOpen(night, local(23, 59)))
    #expect(try isOpen(night, local(0)))
    #expect(try isOpen(night, local(5, 59)))
    #expect(try !isOpen(night, local(6)))
    #expect(try !isOpen(night, local(12)))
  }

  @Test func `there may be several, and they may end at midnight`() throws {
    let hours = "00:00-06:30,20:00-24:00 Asia/Kolkata"
    let midnight: Int64 = 1_768_435_200 - 19_800  // Five hours and a half ahead.
    for (minutes, expected) in [
      (0, true), (389, true), (390, false), (1199, false), (1200, true), (1439, true),
    ] {
      #expect(try isOpen(hours, midnight + Int64(minutes) * 60) == expected, "\(minutes)")
    }
    #expect(try isOpen("00:00-24:00 UTC", 0))
    // Before 1970.
    #expect(try isOpen("23:00-24:00 UTC", -1))
  }

  @Test(arguments: [
    "", "22:00-06:00", "America/Chicago", "22:00 America/Chicago", "22-06 America/Chicago",
    "22:00-06:00 Atlantis/Capital", "25:00-06:00 UTC", "22:60-06:00 UTC", "24:00-06:00 UTC",
    "06:00-06:00 UTC", "22:00-06:00, UTC", "-1:00-06:00 UTC", "22:00-06:00 UTC now",
    "２２:00-06:00 UTC",
    "22:00-24:01 UTC", "22:0-06:00 UTC", "::-:: UTC",
  ])
  func `what is no hours is refused`(text: String) { #expect(OpeningHours(text) == nil) }
}
