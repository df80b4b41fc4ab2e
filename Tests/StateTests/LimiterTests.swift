import Limiter
import Common
import Glibc
import Support
import Synchronization
import Testing

/// What holds for budgets wherever they are kept.
@Suite struct LimiterTests {
  /// When threads, each with a limiter of its own, may start.
  private func starts(
    _ place: LimiterPlace, threads: Int, each: Int, delay: Double
  ) throws -> [Int64] {
    let times = Mutex<[Int64]>([])
    let failures = Mutex<[String]>([])
    withThreads(threads) { _ in
      do {
        let limiter = try place.open()
        let stop = ShutdownSignal()
        for _ in 0..<each {
          let pace = RateLimit(delay: delay)
          _ = try limiter.waitForSlot(host: "portal:80", pace: pace, stop: stop)
          let grant = try #require(
            try limiter.grant(host: "portal:80", pace: pace, stop: stop))
          times.withLock { $0.append(Time.monotonic()) }
          try limiter.sent(grant, host: "portal:80", pace: pace)
        }
      } catch { failures.withLock { $0.append("\(error)") } }
    }
    #expect(failures.withLock { $0 } == [])
    return times.withLock { $0.sorted() }
  }

  @Test(arguments: LimiterPlace.kinds)
  func startsAreTheDelayApartWhoeverAsks(kind: LimiterPlace.Kind) throws {
    let times = try starts(LimiterPlace(kind), threads: 8, each: 5, delay: 0.02)
    #expect(times.count == 40)
    let span = Double(times[39] - times[0]) / 1e9
    // 39 gaps; what a busy machine adds to one start it may take off the next gap, never off the sum.
    #expect(span >= 39 * 0.02 - 0.005)
  }

  @Test(arguments: LimiterPlace.kinds)
  func hostsHaveBudgetsOfTheirOwn(kind: LimiterPlace.Kind) throws {
    let place = try LimiterPlace(kind)
    defer { place.isNoLongerNeeded() }
    let limiter = try place.open()
    let stop = ShutdownSignal()
    #expect(try limiter.refuse(host: "slow:80", retryAfter: 3000, base: 1) > 2999)
    let pace = RateLimit(delay: 0)
    #expect(try limiter.waitForSlot(host: "quick:80", pace: pace, stop: stop))
    #expect(try limiter.start(host: "slow:80", pace: pace, stop: stop) == .paused)
    #expect(try limiter.start(host: "slow:80", pace: RateLimit(delay: 1), stop: stop) == .paused)
    stop.request(.interrupted)
    #expect(try !limiter.waitForSlot(host: "slow:80", pace: pace, stop: stop))
  }

  @Test func hostsThatAreOneMachineShareABudget() throws {
    let place = try LimiterPlace(.file)
    defer { place.isNoLongerNeeded() }
    let names = ["alias": "portal", "10.0.0.1:8080": "portal", "portal": "portal"]
    let limiter = try Limiter(at: LimiterLocation(place.name), names: names)
    let (pace, stop) = (RateLimit(delay: 1), ShutdownSignal())
    for host in names.keys.sorted() {
      #expect(try limiter.waitForSlot(host: host, pace: RateLimit(delay: 0.001), stop: stop))
    }
    let grant = try #require(try limiter.grant(host: "alias", pace: pace, stop: stop))
    try limiter.sent(grant, host: "portal", pace: pace)
    _ = try limiter.refuse(host: "10.0.0.1:8080", retryAfter: 3000, base: 1)
    #expect(try limiter.start(host: "alias", pace: pace, stop: stop) == .paused)
    #expect(try limiter.status().map(\.host) == ["portal"])
    #expect(try place.open().start(host: "alias", pace: pace, stop: stop) != .paused)
  }

  @Test(arguments: LimiterPlace.kinds)
  func othersHeedARefusal(kind: LimiterPlace.Kind) throws {
    let place = try LimiterPlace(kind)
    let (one, other) = (try place.open(), try place.open())
    _ = try one.refuse(host: "h:80", retryAfter: 100, base: 1)
    #expect(
      try other.start(host: "h:80", pace: RateLimit(delay: 1), stop: ShutdownSignal()) == .paused)
    let status = try #require(try other.status().first)
    #expect(status.host == "h:80")
    // What is not known of the database's clock counts on the slow side.
    #expect(status.pause > 90 && status.pause < 110)
    #expect(status.refusals == 1)
    #expect(status.lastStart == nil)
  }

  @Test(arguments: LimiterPlace.kinds)
  func aBurstIsGrantedAtOnce(kind: LimiterPlace.Kind) throws {
    let place = try LimiterPlace(kind)
    defer { place.isNoLongerNeeded() }
    let limiter = try place.open()
    let pace = RateLimit(delay: 3600, burst: 3)
    for _ in 0..<3 {
      #expect(try limiter.waitForSlot(host: "h:80", pace: pace, stop: ShutdownSignal()))
      #expect(try limiter.grant(host: "h:80", pace: pace, stop: ShutdownSignal())?.refusals == 0)
    }
    let status = try #require(try limiter.status().first)
    #expect(status.nextSlot > 3000)
  }

  @Test(arguments: LimiterPlace.kinds)
  func aRefusalIsToldUntilTheHostAnswersWell(kind: LimiterPlace.Kind) throws {
    let place = try LimiterPlace(kind)
    defer { place.isNoLongerNeeded() }
    let limiter = try place.open()
    let stop = ShutdownSignal()
    _ = try limiter.refuse(host: "h:80", retryAfter: 0, base: 1)
    let pace = RateLimit(delay: 0)
    // The pause has no length, but the database's clock is not quite ours.
    #expect(try limiter.waitForSlot(host: "h:80", pace: pace, stop: stop))
    #expect(try limiter.grant(host: "h:80", pace: pace, stop: stop)?.refusals == 1)
    try limiter.succeed(host: "h:80")
    #expect(try limiter.grant(host: "h:80", pace: pace, stop: stop)?.refusals == 0)
  }

  @Test(arguments: LimiterPlace.kinds)
  func severalMayCreateItAtOnce(kind: LimiterPlace.Kind) throws {
    for _ in 1...(kind == .file ? 20 : 3) {
      let place = try LimiterPlace(kind)
      let failures = Mutex<[String]>([])
      withThreads(8) { _ in
        do { _ = try place.open() } catch { failures.withLock { $0.append("\(error)") } }
      }
      #expect(failures.withLock { $0 } == [])
    }
  }

  /// A thread that is niced sleeps 0.5 % longer than it wanted to (select_estimate_accuracy in fs/select.c):
  /// whoever was late by more than 0.4 ms had to take another slot, and was late again.
  @Test func nicedThreadsBesideBusyOnesStartNearlyOnTime() throws {
    let place = try LimiterPlace(.file)
    defer { place.isNoLongerNeeded() }
    let pace = RateLimit(delay: 0.4)
    let isOver = Atomic<Bool>(false)
    let times = Mutex<[Int64]>([])
    let failures = Mutex<[String]>([])
    withThreads(5) { thread in
      guard thread > 2 else {
        while !isOver.load(ordering: .relaxed) {}
        return
      }
      // On Linux this is the niceness of the thread alone (setpriority(2), "Bugs").
      setpriority(Int32(PRIO_PROCESS.rawValue), 0, 5)
      defer { isOver.store(true, ordering: .relaxed) }
      do {
        let limiter = try place.open()
        for _ in 0..<2 {
          _ = try limiter.waitForSlot(host: "h:80", pace: pace, stop: ShutdownSignal())
          let grant = try #require(
            try limiter.grant(host: "h:80", pace: pace, stop: ShutdownSignal()))
          times.withLock { $0.append(Time.monotonic()) }
          try limiter.sent(grant, host: "h:80", pace: pace)
        }
      } catch { failures.withLock { $0.append("\(error)") } }
    }
    #expect(failures.withLock { $0 } == [])
    let sorted = times.withLock { $0.sorted() }
    #expect(sorted.count == 6)
    // Five gaps: two seconds, and as much again for a machine that does much else.
    #expect(Double((sorted.last ?? 0) - (sorted.first ?? 0)) / 1e9 < 4)
  }

  @Test(arguments: LimiterPlace.kinds)
  func aStopWakesAllThatWait(kind: LimiterPlace.Kind) throws {
    let place = try LimiterPlace(kind)
    defer { place.isNoLongerNeeded() }
    let limiter = try place.open()
    let pace = RateLimit(delay: 3600)
    let stop = ShutdownSignal()
    let granted = Atomic<Int>(0)
    let began = Time.monotonic()
    withThreads(9) { thread in
      guard thread > 1 else {
        #expect(eventually { granted.load(ordering: .relaxed) == 1 })
        stop.request(.interrupted)
        return
      }
      let hasSlot = try? limiter.waitForSlot(host: "h:80", pace: pace, stop: stop)
      if hasSlot == true, (try? limiter.grant(host: "h:80", pace: pace, stop: stop)) != nil {
        granted.add(1, ordering: .relaxed)
      }
    }
    #expect(granted.load(ordering: .relaxed) == 1)
    #expect(Time.monotonic() - began < 30_000_000_000)
  }

  /// Values that the program does not write, each in a column of a row that it did.
  @Test(arguments: LimiterPlace.kinds, LimiterPlace.Column.allCases)
  func aNumberThatCannotBeEndsTheRun(kind: LimiterPlace.Kind, column: LimiterPlace.Column) throws {
    let numbers = ["9223372036854775807", "-1", "-9223372036854775808"]
    let others =
      switch kind {
      case .file: ["x'00ff'", "'soon'", "1.5e300"]
      case .database: [String]()
      case .redis: ["soon", "1.5e300", "9223372036854775808", "1 2"]
      }
    let place = try LimiterPlace(kind)
    defer { place.isNoLongerNeeded() }
    let limiter = try place.open()
    let pace = RateLimit(delay: 0.001)
    _ = try limiter.waitForSlot(host: "h:80", pace: pace, stop: ShutdownSignal())
    for value in numbers + others {
      try place.set(column, to: value)
      let error = #expect(throws: Fatal.self, "\(value)") {
        try place.open().waitForSlot(host: "h:80", pace: pace, stop: ShutdownSignal())
      }
      #expect(error?.code == .inputOutput, "\(value)")
      #expect(throws: Fatal.self) { try place.open().status() }
    }
  }

  @Test(arguments: LimiterPlace.kinds)
  func aDelayOfAYearOverflowsNothing(kind: LimiterPlace.Kind) throws {
    let place = try LimiterPlace(kind)
    defer { place.isNoLongerNeeded() }
    let limiter = try place.open()
    for burst in [1, 1000] {
      let pace = RateLimit(delay: 1e300, burst: burst)
      #expect(try limiter.waitForSlot(host: "h\(burst):80", pace: pace, stop: ShutdownSignal()))
      let grant = try #require(
        try limiter.grant(host: "h\(burst):80", pace: pace, stop: ShutdownSignal()))
      try limiter.sent(grant, host: "h\(burst):80", pace: pace)
    }
    #expect(try place.open().status().count == 2)
  }

  @Test func aPauseOutlivesADatabaseThatStopsAtOnce() throws {
    guard PostgresServer.isInstalled else { return }
    let server = try PostgresServer()
    let url = server.url("postgres")
    for _ in 1...3 {
      _ = try Limiter(at: .database(url)).refuse(host: "h:80", retryAfter: 3000, base: 1)
      server.order("stop")
      server.order("start")
      let status = try #require(try Limiter(at: .database(url)).status().first)
      #expect(status.pause > 2000)
      try server.psql("DELETE FROM conveyor_hosts", in: "postgres")
    }
  }

  @Test func aFileThatCannotBeReadEndsTheRun() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/limiter.sqlite"
    try directory.write(
      "no database at all " + String(repeating: "x", count: 200), to: "limiter.sqlite")
    let error = #expect(throws: Fatal.self) { try Limiter(at: .file(path)) }
    #expect(error?.code == .inputOutput)
    #expect(error?.message.contains(path) == true)
  }

  @Test func aDirectoryThatIsNotThereEndsTheRun() throws {
    let error = #expect(throws: Fatal.self) {
      try Limiter(at: .file("/nonexistent/limiter.sqlite"))
    }
    #expect(error?.code == .inputOutput)
  }

  @Test(arguments: [
    ("postgres://a:secret@127.0.0.1:1/none", ToolExit.unavailable),
    ("postgres://a:secret@[", ToolExit.configuration),
  ])
  func aDatabaseThatCannotBeReachedEndsTheRun(url: String, code: ToolExit) throws {
    let error = #expect(throws: Fatal.self) { try Limiter(at: .database(url)) }
    #expect(error?.code == code)
    #expect(error?.message.contains("limiter") == true)
    #expect(error?.message.contains("secret") == false)
  }
}

extension Limiter {
  /// The grant, where there is one.
  func grant(host: String, pace: RateLimit, stop: ShutdownSignal) throws(Fatal) -> Grant? {
    guard case .granted(let grant) = try start(host: host, pace: pace, stop: stop) else {
      return nil
    }
    return grant
  }
}
