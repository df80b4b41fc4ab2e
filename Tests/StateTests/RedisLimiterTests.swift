import Common
import Support
import Synchronization
import Testing

@testable import Limiter

/// What becomes of the promise to be polite when a Redis starts again, loses what it had, or does not answer.
@Suite(.enabled(if: RedisServer.isInstalled)) struct RedisLimiterTests {
  /// Longer than a Redis takes to start, and than a machine is busy.
  private let pace = RateLimit(delay: 20)

  private func start(_ limiter: Limiter, stop: ShutdownSignal = ShutdownSignal()) throws {
    #expect(try limiter.waitForSlot(host: "h:80", pace: RateLimit(delay: 0.001), stop: stop))
    let grant = try #require(
      try limiter.grant(host: "h:80", pace: RateLimit(delay: 0.001), stop: stop))
    try limiter.sent(grant, host: "h:80", pace: RateLimit(delay: 0.001))
  }

  /// Seconds until a host may be asked whose delay is long, as an announcement is told.
  private func wait(_ limiter: Limiter) throws -> Double {
    let now = Time.monotonic()
    let start = try limiter.update("h:80") { budget in
      budget.start(now: Time.monotonic(), pace: RateLimit(delay: 20), lead: 0, ready: now)
    }
    guard case .notBefore(let time) = start else { return 0 }
    return Double(time - now) / 1e9
  }

  @Test func `an empty Redis may have lost a start, so that the first is a delay away`() throws {
    let server = try RedisServer()
    let limiter = try Limiter(at: .redis(server.url()))
    // Asked again before the time comes, as a start may be under way until half a second later.
    #expect(try wait(limiter) > 0)
    let budget = try #require(try limiter.storage.budget(of: "h:80"))
    #expect(budget.lastStart > Time.monotonic() - 1_000_000_000)
  }

  @Test(arguments: ["restart", "flushed", "deleted", "lost its last seconds"])
  func `what was noted before a loss does not count, and pauses are put back`(how: String) throws {
    let server = try RedisServer()
    let reports = Mutex<[String]>([])
    let limiter = try Limiter(at: .redis(server.url())) { line in
      reports.withLock { $0.append(line) }
    }
    try start(limiter)
    let before = try server.cli("HGETALL 'conveyor:{limiter}:hosts'")
    _ = try limiter.refuse(host: "h:80", retryAfter: 3000, base: 1)
    let lost = Time.monotonic()
    switch how {
    case "restart":
      server.order("stop")
      server.order("start")
    case "flushed": try server.cli("FLUSHALL")
    case "deleted": try server.cli("DEL 'conveyor:{limiter}:hosts' 'conveyor:{limiter}:run'")
    default:
      server.order("stop")
      server.order("start")
      try server.cli("HSET 'conveyor:{limiter}:hosts' 'h:80' '\(before[1])'")
    }
    let budget = try #require(try limiter.storage.budget(of: "h:80"))
    #expect(budget.lastStart >= lost)
    #expect(Double(budget.pausedUntil - lost) / 1e9 > 2900)
    #expect(budget.refusals == 1)
    #expect(reports.withLock { $0.contains { $0.contains("full delay") } })
    // Somebody who comes only now knows of the loss, too.
    let other = try Limiter(at: .redis(server.url()))
    #expect(try #require(try other.storage.budget(of: "h:80")).lastStart >= lost)
    // What is noted from now on counts.
    _ = try limiter.update("h:80") { $0.pausedUntil = 0 }
    _ = try limiter.update("h:80") { $0.lastStart = lost - 1_000_000_000_000 }
    #expect(try #require(try limiter.storage.budget(of: "h:80")).lastStart < lost)
  }

  @Test func `a Redis that is away is waited for, and said so; a stop ends the wait`() throws {
    let server = try RedisServer()
    let reports = Mutex<[String]>([])
    let stop = ShutdownSignal()
    let limiter = try Limiter(at: .redis(server.url()), stop: stop) { line in
      reports.withLock { $0.append(line) }
    }
    try start(limiter)
    server.order("stop")
    let done = Mutex<Bool>(false)
    withThreads(2) { number in
      if number == 1 {
        #expect((try? limiter.succeed(host: "h:80")) != nil)
        done.withLock { $0 = true }
      } else {
        #expect(eventually { reports.withLock { $0.contains { $0.contains("does not answer") } } })
        server.order("start")
      }
    }
    #expect(done.withLock { $0 })
    server.order("stop")
    stop.request(.interrupted)
    let error = #expect(throws: Fatal.self) { try limiter.succeed(host: "h:80") }
    #expect(error?.code == .unavailable)
  }

  @Test func `what cannot be relied on is refused, each with its code, and no password is shown`()
    throws
  {
    let server = try RedisServer(
      "--requirepass", "sesame-open", "--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru")
    let address = "127.0.0.1:\(server.port)"
    let cases: [(String, ToolExit, String)] = [
      ("redis://:sesame-open@\(address)/0", .configuration, "noeviction"),
      ("redis://:wrong-password@\(address)/0", .permission, "WRONGPASS"),
      ("redis://somebody:sesame-open@\(address)/0", .permission, "WRONGPASS"),
      ("redis://\(address)/0", .permission, "NOAUTH"),
      ("rediss://\(address)/0", .unavailable, "rediss://"),
      ("redis://:sesame-open@\(address)/99", .other, "out of range"),
      ("redis://:sesame-open@127.0.0.1:1/0", .unavailable, "address"),
      ("unix:/nonexistent/redis.sock", .unavailable, "unix:/nonexistent"),
      ("redis://:sesame-open@:7/0", .usage, "unix:/PATH"), ("redis:127.0.0.1", .usage, "redis://"),
      ("redis://h/x", .usage, "redis://"), ("unix:redis.sock", .usage, "unix:/"),
      ("redis://h:0/", .usage, "redis://"), ("redis://h:65536/", .usage, "redis://"),
    ]
    for (url, code, words) in cases {
      let error = #expect(throws: Fatal.self, "\(url)") { try Limiter(at: LimiterLocation(url)) }
      #expect(error?.code == code, "\(url): \(error?.message ?? "")")
      #expect(error?.message.contains(words) == true, "\(url): \(error?.message ?? "")")
      for secret in ["sesame-open", "wrong-password"] {
        #expect(error?.message.contains(secret) == false)
      }
    }
  }

  @Test func `a replica is none, until it is the primary`() throws {
    let (primary, replica) = (try RedisServer(), try RedisServer())
    try replica.cli("REPLICAOF 127.0.0.1 \(primary.port)")
    let error = #expect(throws: Fatal.self) { try Limiter(at: .redis(replica.url())) }
    #expect(error?.code == .unavailable)
    #expect(error?.message.contains("primary") == true)
    let limiter = try Limiter(at: .redis(primary.url()))
    _ = try limiter.refuse(host: "h:80", retryAfter: 3000, base: 1)
    #expect(
      try eventually {
        try replica.cli("HGET 'conveyor:{limiter}:hosts' h:80").first?.isEmpty == false
      })
    let lost = Time.monotonic()
    try replica.cli("REPLICAOF NO ONE")
    let status = try #require(try Limiter(at: .redis(replica.url())).storage.budget(of: "h:80"))
    #expect(status.pausedUntil > lost && status.lastStart >= lost)
  }

  @Test func `a socket in the file system will do`() throws {
    let server = try RedisServer()
    let place = "unix:\(server.directory)/redis.sock?database=3"
    _ = try Limiter(at: LimiterLocation(place)).refuse(host: "h:80", retryAfter: 100, base: 1)
    #expect(try server.cli("HLEN 'conveyor:{limiter}:hosts'", in: 3) == ["1"])
  }
}
