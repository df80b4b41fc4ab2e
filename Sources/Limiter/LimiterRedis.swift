import Common
import Redis
import Synchronization

/// Budgets in Redis, for several machines, by its clock (``ServerBudget``).
///
/// A change is two questions, as in PostgreSQL: time and value are read in one, and the value is written by a script
/// where nobody has changed it since. The arithmetic stays in ``HostBudget``; no script has a copy of it.
///
/// What Redis may lose is its last second, at a crash or a failover, or everything. It cannot tell, but it has another
/// `run_id` then, or lacks our own note of it (``State/since``). Whoever sees that first notes the time, and no budget
/// of before counts any more: a start may have been noted and lost, so that the next one is a full delay after this
/// moment. What this process remembers of pauses and slots is put back.
final class LimiterRedis: LimiterStorage {
  private let pool: RedisPool
  private let report: @Sendable (String) -> Void
  private let memory = Mutex(Memory())

  private struct Memory {
    /// What this process noted last, by host.
    var own: [String: ServerBudget.OwnStart] = [:]
    /// The times of each host as they were last seen.
    var seen: [String: Value] = [:]
    /// The start of the server under which they were.
    var state = ""
  }

  /// The keys share a tag, so that they stay together where somebody spreads keys by it.
  static let hosts = "conveyor:{limiter}:hosts"
  static let orders = "conveyor:{limiter}:orders"
  static let run = "conveyor:{limiter}:run"

  /// Connects. Throws with exit code 64, 69, 77 or 78.
  init(
    url: String, stop: ShutdownSignal?, report: @escaping @Sendable (String) -> Void
  ) throws(Fatal) {
    self.report = report
    // Whoever waits for the server makes no request; after half a minute, or when `stop` is requested, the run ends.
    pool = try RedisPool(
      url: url, for: "limiter", size: 2, retryTimeout: 30, stop: stop, report: report)
    try pool.use(retryTimeout: 0) { connection, _ in _ = try self.state(connection) }
  }

  var locksToLook: Bool { false }

  /// A host's value: `NEXT LAST PAUSE REFUSALS RUN`, the times in microseconds since 1970.
  private struct Value: Equatable {
    var times: [Int64] = [0, 0, 0]
    var refusals: Int64 = 0
    var run = ""

    init() {}

    init?(_ text: String) {
      let words = text.split(separator: " ", omittingEmptySubsequences: false)
      let numbers = words.prefix(4).compactMap { Int64($0) }
      guard words.count == 5, numbers.count == 4 else { return nil }
      times = Array(numbers[..<3])
      refusals = numbers[3]
      run = String(words[4])
    }

    /// Takes what is later of both.
    mutating func merge(_ other: Value) {
      times = zip(times, other.times).map(max)
      refusals = max(refusals, other.refusals)
    }
  }

  /// What is known of this start of the server.
  private struct State: Equatable {
    /// The name of the start.
    let run: String
    /// When it was first seen, by its clock, in microseconds: what was noted before may be lost.
    let since: Int64

    init?(_ text: String?, run: String) {
      let words = text?.split(separator: " ") ?? []
      guard words.count == 2, words[0] == run, let since = Int64(words[1]) else { return nil }
      (self.run, self.since) = (run, since)
    }

    /// The latest that a start may have been which was noted and lost: a process says when it was within
    /// ``HostBudget/announcementTimeout``.
    var latestLost: Int64 { since + HostBudget.announcementTimeout / 1000 }
  }

  private static let noteStart = """
    local known = redis.call('GET', KEYS[1])
    if not known or string.sub(known, 1, #ARGV[1]) ~= ARGV[1] then
      redis.call('SET', KEYS[1], ARGV[1] .. ' ' .. ARGV[2])
    end
    return redis.call('GET', KEYS[1])
    """

  /// Saves a value where it is still the one that was read.
  private static let save = """
    if (redis.call('HGET', KEYS[1], ARGV[1]) or '') ~= ARGV[2] then return 0 end
    redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
    return 1
    """

  /// Notes this start of the server, where nobody has.
  private func state(_ connection: RedisConnection) throws -> State {
    let now = try Self.time(try connection.ask([RedisCommand("TIME")])[0])
    let reply = try connection.ask([
      .script(
        Self.noteStart, keys: [Self.run], [connection.run, String(now)].map { Array($0.utf8) })
    ])
    guard let state = State(reply[0].string, run: connection.run) else { throw broken(Self.run) }
    return state
  }

  private static func time(_ reply: RedisReply) throws -> Int64 {
    let parts = reply.list.compactMap(\.int)
    guard parts.count == 2, ServerBudget.possibleTimes.contains(Int64(parts[0]) * 1_000_000) else {
      throw Fatal(.inputOutput, "the limiter cannot be used: Redis does not tell its time")
    }
    return Int64(parts[0]) * 1_000_000 + Int64(parts[1])
  }

  private func broken(_ name: String) -> Fatal {
    Fatal(
      .inputOutput,
      "the limiter \(pool.name) cannot be used: its value of \(Format.quoted(name)) is not one that this "
        + "program writes. Delete it; it is made anew.")
  }

  /// A host as it is kept.
  private struct Stored {
    /// The value, byte for byte; empty where there is none.
    let text: String
    let run: String
    let served: ServerBudget
    /// Whether no start is known, only that one may have been lost.
    let isUnasked: Bool
  }

  /// Asks for the time, the start of the server, and values, in one round trip.
  private func stored(
    _ connection: RedisConnection, _ query: RedisCommand,
    _ read: (RedisReply) -> [(host: String, text: String)]
  ) throws -> [(host: String, stored: Stored)] {
    let asked = Time.monotonic()
    let replies = try connection.ask([
      RedisCommand("TIME"), RedisCommand("GET", Self.run), query,
    ])
    let answered = Time.monotonic()
    let state =
      try State(replies[1].string, run: connection.run) ?? self.state(connection)
    let clock = ServerBudget.Clock(
      asked: asked, answered: answered, server: try Self.time(replies[0]))
    return try read(replies[2]).map { host, text in
      (host, try stored(host, text, state, clock))
    }
  }

  private func stored(
    _ host: String, _ text: String, _ state: State, _ clock: ServerBudget.Clock
  ) throws -> Stored {
    guard var value = text.isEmpty ? Value() : Value(text) else { throw broken(host) }
    let isOld = value.run != state.run
    if isOld { value.times[1] = max(value.times[1], state.latestLost) }
    let name = "\(state.run) \(state.since)"
    let (own, isNews) = memory.withLock { memory in
      let isNews = memory.state != name && !memory.state.isEmpty
      memory.state = name
      if isOld, let seen = memory.seen[host] { value.merge(seen) }
      memory.seen[host] = value
      return (memory.own[host], isNews)
    }
    if isNews {
      report(
        "the limiter \(pool.name) was started again, emptied or replaced: each host is asked again a full "
          + "delay after that. Pauses that portals asked for are kept as far as this process knows them."
      )
    }
    guard let served = ServerBudget(raw: value.times, refusals: value.refusals, clock, own) else {
      throw broken(host)
    }
    return Stored(
      text: text, run: state.run, served: served, isUnasked: value.times[1] == state.latestLost)
  }

  private func stored(_ connection: RedisConnection, _ host: String) throws -> Stored {
    let found = try stored(connection, RedisCommand("HGET", Self.hosts, host)) {
      [(host, $0.string ?? "")]
    }
    guard let stored = found.first?.stored else { throw broken(host) }
    return stored
  }

  func budget(of host: String) throws(Fatal) -> HostBudget? {
    try pool.use { connection, _ in try self.stored(connection, host).served.budget }
  }

  func hosts() throws(Fatal) -> [(host: String, budget: HostBudget)] {
    try pool.use { connection, _ in
      try self.stored(connection, RedisCommand("HGETALL", Self.hosts), Self.pairs)
        .map { host, stored in
          var budget = stored.served.budget
          if stored.isUnasked { budget.lastStart = 0 }
          return (host, budget)
        }.sorted { $0.host < $1.host }
    }
  }

  /// Names and values of a hash.
  private static func pairs(_ reply: RedisReply) -> [(host: String, text: String)] {
    let texts = reply.list.map { $0.string ?? "" }
    return stride(from: 0, to: texts.count - 1, by: 2).map { (texts[$0], texts[$0 + 1]) }
  }

  func update<T: Sendable>(
    _ host: String, _ change: @Sendable (inout HostBudget) -> T
  ) throws(Fatal) -> T {
    try pool.use { connection, _ in
      while true {
        let stored = try self.stored(connection, host)
        var budget = stored.served.budget
        let result = change(&budget)
        if budget == stored.served.budget { return result }
        let times = stored.served.raw(of: budget)
        let text = (times + [Int64(budget.refusals)]).map { String($0) } + [stored.run]
        let values = [host, stored.text, text.joined(separator: " ")]
        let saved = try connection.ask([
          .script(Self.save, keys: [Self.hosts], values.map { Array($0.utf8) })
        ])
        guard saved[0].int == 1 else { continue }
        self.memory.withLock { memory in
          memory.seen[host] = Value(values[2])
          // Only who noted a start knows it without doubt (``LimiterDatabase``).
          if budget.lastStart != stored.served.budget.lastStart {
            memory.own[host] = .init(raw: times[1], local: budget.lastStart)
          }
        }
        return result
      }
    }
  }
}

/// The operator's orders, as JSON.
extension LimiterRedis {
  func steering(of host: String) throws(Fatal) -> Steering {
    try pool.use { connection, _ in
      let reply = try connection.ask([RedisCommand("HGET", Self.orders, host)])
      guard let text = reply[0].string else { return Steering() }
      return try Steering(stored: text, host, in: self.pool.name)
    }
  }

  func steer(
    _ host: String, _ change: @Sendable (inout Steering) -> Void
  ) throws(Fatal) -> Steering {
    try pool.use { connection, _ in
      while true {
        let reply = try connection.ask([RedisCommand("HGET", Self.orders, host)])
        let before = reply[0].string ?? ""
        var steering =
          before.isEmpty ? Steering() : try Steering(stored: before, host, in: self.pool.name)
        change(&steering)
        let after = steering.isEmpty ? "" : steering.json.description
        let saved = try connection.ask([
          .script(
            Self.saveOrders, keys: [Self.orders], [host, before, after].map { Array($0.utf8) })
        ])
        if saved[0].int == 1 { return steering }
      }
    }
  }

  private static let saveOrders = """
    if (redis.call('HGET', KEYS[1], ARGV[1]) or '') ~= ARGV[2] then return 0 end
    if ARGV[3] == '' then redis.call('HDEL', KEYS[1], ARGV[1])
    else redis.call('HSET', KEYS[1], ARGV[1], ARGV[3]) end
    return 1
    """

  func steering() throws(Fatal) -> [(host: String, steering: Steering)] {
    try pool.use { connection, _ in
      let reply = try connection.ask([RedisCommand("HGETALL", Self.orders)])
      return try Self.pairs(reply[0]).map { host, text in
        (host, try Steering(stored: text, host, in: self.pool.name))
      }
    }
  }
}
