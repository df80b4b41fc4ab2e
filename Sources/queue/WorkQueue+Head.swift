import Common
import Redis

/// What a head does.
extension WorkQueue {
  /// Says that the head of `run` lives; `details` are for those who look.
  func live(_ run: String, details: JSON) throws(Fatal) {
    _ = try ask([
      RedisCommand("SET", sign(run), "1", "PX", String(Int(silence * 1000))),
      RedisCommand("HSET", runs, run, details.description),
    ])
  }

  /// Puts lines into the queue, under the head's own numbers; returns their ids.
  func send(_ items: [(number: Int, line: [UInt8])], run: String) throws(Fatal) -> [String] {
    try pool.use { connection, isRepeat in
      // What an earlier try has put there, although its answer was lost, would be worked on twice.
      var ids = isRepeat ? try self.numbers(of: run, connection) : [:]
      let rest = items.filter { ids[$0.number] == nil }
      let commands = rest.map { number, line in
        RedisCommand(
          ["XADD", self.work, "*", "run", run, "n", String(number), "r"].map { Array($0.utf8) }
            + [line])
      }
      for (item, reply) in zip(rest, try connection.ask(commands)) {
        ids[item.number] = reply.string ?? ""
      }
      return items.map { ids[$0.number] ?? "" }
    }
  }

  /// The entries of a run by its numbers; those that are answered with an empty id.
  private func numbers(of run: String, _ connection: RedisConnection) throws -> [Int: String] {
    var found: [Int: String] = [:]
    for (key, isAnswered) in [(out(run), true), (work, false)] {
      var from = "-"
      var page: [RedisReply] = []
      repeat {
        page = try connection.ask([RedisCommand("XRANGE", key, from, "+", "COUNT", "1000")])[0].list
        for entry in page {
          let fields = Self.fields(entry.list.last)
          guard isAnswered || fields["run"]?.string == run, let number = fields["n"]?.int else {
            continue
          }
          found[number] = isAnswered ? "" : entry.list.first?.string ?? ""
        }
        from = "(" + (page.last?.list.first?.string ?? "0")
      } while page.count == 1000
    }
    return found
  }

  /// The oldest results; waits for `seconds` where there is none.
  func results(
    _ run: String, count: Int, waiting seconds: Double
  ) throws(Fatal) -> [Result] {
    let block = seconds > 0 ? ["BLOCK", String(Int(seconds * 1000))] : []
    let words =
      ["XREAD", "COUNT", String(count)] + block + ["STREAMS", out(run), "0-0"]
    let reply = try ask([RedisCommand(words.map { Array($0.utf8) })], timeout: seconds + 10)[0]
    return (reply.list.first?.list.last?.list ?? []).map { entry in
      let fields = Self.fields(entry.list.last)
      return Result(
        id: entry.list.first?.string ?? "", number: fields["n"]?.int ?? -1,
        line: fields["r"]?.bytes ?? [])
    }
  }

  /// Forgets results that have gone on.
  func forget(_ results: [Result], of run: String) throws(Fatal) {
    guard !results.isEmpty else { return }
    _ = try ask([RedisCommand((["XDEL", out(run)] + results.map(\.id)).map { Array($0.utf8) })])
  }

  private static let missing = """
    local gone = {}
    for _, id in ipairs(ARGV) do
      if #redis.call('XRANGE', KEYS[1], id, id) == 0 then gone[#gone + 1] = id end
    end
    return gone
    """

  /// Those of the ids that are not in the queue any more.
  func missing(_ ids: [String]) throws(Fatal) -> Set<String> {
    var gone: Set<String> = []
    for first in stride(from: 0, to: ids.count, by: 500) {
      let some = Array(ids[first..<min(first + 500, ids.count)])
      gone.formUnion(try script(Self.missing, keys: [work], some).list.compactMap(\.string))
    }
    return gone
  }

  private static let withdraw = """
    local gone = {}
    for i = 3, #ARGV do
      local held = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[i], ARGV[i], 1)[1]
      if not held or ARGV[2] == 'all' then
        if held then redis.call('XACK', KEYS[1], ARGV[1], ARGV[i]) end
        if redis.call('XDEL', KEYS[1], ARGV[i]) == 1 then gone[#gone + 1] = ARGV[i] end
      end
    end
    return gone
    """

  /// Takes entries back that nobody works on, or `all`: who works on one is not listened to any more. Returns those
  /// that were there.
  func withdraw(_ ids: [String], all: Bool) throws(Fatal) -> Set<String> {
    var gone: Set<String> = []
    for first in stride(from: 0, to: ids.count, by: 500) {
      let some = ids[first..<min(first + 500, ids.count)]
      let words = [group, all ? "all" : "waiting"] + some
      gone.formUnion(
        try script(Self.withdraw, keys: [work], words).list.compactMap(\.string))
    }
    return gone
  }

  /// Ends a run that has nothing out any more.
  func end(_ run: String) throws(Fatal) {
    _ = try ask([RedisCommand("DEL", sign(run), out(run)), RedisCommand("HDEL", runs, run)])
  }

  /// The runs whose heads have gone without an end: of which nothing was heard for too long, or whose process
  /// `isDead` knows to have ended, by the details that it left.
  func deadRuns(_ isDead: (JSON) -> Bool) throws(Fatal) -> [String] {
    var dead: [String] = []
    for (run, noted) in Self.pairs(try ask([RedisCommand("HGETALL", runs)])[0]) {
      let details = noted.string.flatMap { try? JSON(parsing: $0) } ?? .null
      if !isDead(details), try isAlive(run) { continue }
      // From now on, workers drop what is left of it.
      _ = try ask([RedisCommand("DEL", sign(run))])
      dead.append(run)
    }
    return dead
  }

  /// Whether a head has been heard of within that time.
  func isAlive(_ run: String) throws(Fatal) -> Bool {
    try ask([RedisCommand("EXISTS", sign(run))])[0].int == 1
  }

  /// Takes back all entries of a run that nobody works on. Returns how many are still worked on.
  func clear(_ run: String) throws(Fatal) -> Int {
    var from = "-"
    var held = 0
    while true {
      let reply = try ask([RedisCommand("XRANGE", work, from, "+", "COUNT", "500")])[0].list
      let ids = reply.filter { Self.fields($0.list.last)["run"]?.string == run }
        .compactMap { $0.list.first?.string }
      held += ids.count - (try withdraw(ids, all: false)).count
      guard let last = reply.last?.list.first?.string, reply.count == 500 else { return held }
      from = "(\(last)"
    }
  }
}
