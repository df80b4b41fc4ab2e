import Common
import Support
import Synchronization
import Testing

@testable import Limiter

/// What `enqueue scaling` learns from the limiter.
struct HostPaceTests {
  @Test func `an answer counts a tenth, and one in ten seconds is kept`() throws {
    var pace = HostPace()
    // The last time is after the process was stopped for an hour.
    let kept = ([0.0, 0.1, 5, 9.9, 10, 10.1, 20, 3600] as [Double]).filter {
      pace.observe($0 < 10 ? 2 : 1, now: Int64($0 * 1e9))
    }
    #expect(kept == [0, 10, 20, 3600])
    #expect(abs((pace.latency ?? 0) - (1 + 0.9 * 0.9 * 0.9 * 0.9)) < 1e-9)
  }

  @Test(.enabled(if: PostgresServer.isInstalled, "PostgreSQL is not installed"))
  func `it is kept where somebody made the table, with the delay that is ordered`() throws {
    let place = try LimiterPlace(.database)
    defer { place.isNoLongerNeeded() }
    let pace = RateLimit(delay: 0.5)
    // Nobody wants to know: nothing is said.
    let told = Mutex<[String]>([])
    let report: @Sendable (String) -> Void = { line in told.withLock { $0.append(line) } }
    try place.open(report: report).answered(host: "h:80", pace: pace, after: 0.8, stage: "s")
    try place.psql(Self.table)
    try place.open(report: report).answered(host: "h:80", pace: pace, after: 0.8, stage: "s")
    let all = "SELECT stage, host, delay, latency FROM conveyor_paces ORDER BY host"
    #expect(try place.psql(all) == [["s", "h:80", "0.5", "0.8"]])
    // Another process, with other measurements and under an order.
    let other = try place.open(report: report)
    _ = try other.steer(host: "h:80") { $0.delay = 2 }
    other.answered(host: "h:80", pace: pace, after: 1.8, stage: "s")
    #expect(try place.psql(all) == [["s", "h:80", "2", "1.1"]])
    // Links lead to very many hosts.
    for number in 1...50 {
      other.answered(host: "h\(number):80", pace: pace, after: 1, stage: "s")
    }
    #expect(try place.psql(all).count == 20)
    #expect(told.withLock { $0.contains { $0.contains("scaling") } } == false)
  }

  @Test(.enabled(if: PostgresServer.isInstalled, "PostgreSQL is not installed"))
  func `a table that may not be written is reported once, and ends nothing`() throws {
    let place = try LimiterPlace(.database)
    defer { place.isNoLongerNeeded() }
    _ = try place.open()
    try place.psql(
      Self.table
        + "ALTER TABLE conveyor_paces ADD CONSTRAINT refused CHECK (latency < 0)")
    let told = Mutex<[String]>([])
    let limiter = try place.open { line in told.withLock { $0.append(line) } }
    for number in 1...3 {
      limiter.answered(host: "h\(number):80", pace: RateLimit(delay: 0.5), after: 1, stage: "s")
    }
    let lines = told.withLock { $0 }
    #expect(lines.count == 1)
    #expect(lines.first?.contains("not kept for enqueue scaling") == true)
    #expect(
      try limiter.waitForSlot(host: "h1:80", pace: RateLimit(delay: 0.01), stop: ShutdownSignal()))
  }

  @Test(arguments: LimiterPlace.kinds)
  func `no other place minds`(kind: LimiterPlace.Kind) throws {
    let place = try LimiterPlace(kind)
    defer { place.isNoLongerNeeded() }
    let told = Mutex(0)
    try place.open { _ in told.withLock { $0 += 1 } }
      .answered(host: "h:80", pace: RateLimit(delay: 0.5), after: 1, stage: "s")
    #expect(told.withLock { $0 } == 0)
  }

  /// As `enqueue scaling` prints it.
  private static let table = """
    CREATE TABLE conveyor_paces (
      stage text, host text, delay double precision NOT NULL, latency double precision NOT NULL,
      noted_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (stage, host));
    """
}
