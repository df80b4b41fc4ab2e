import Common
import Glibc
import Redis

/// A queue of records in Redis: streams, with a consumer group. Each step is one command or one script.
///
/// Nothing is ever cut off a stream (MAXLEN drops what nobody has answered, redis/redis#6199), and no consumer is
/// deleted that holds something (its entries would be neither new nor anybody's, redis/redis#9745).
final class WorkQueue: Sendable {
  /// Entries of the head that `run` names.
  struct Entry: Sendable, Equatable {
    let id: String
    /// How often it was handed out, from 1.
    let delivery: Int
    let run: String
    /// The head's own number for it.
    let number: Int
    let line: [UInt8]

    init(id: String, delivery: Int, run: String, number: Int, line: [UInt8]) {
      (self.id, self.delivery, self.run) = (id, delivery, run)
      (self.number, self.line) = (number, line)
    }
  }

  /// What a worker machine answers for an entry.
  struct Answer: Sendable {
    let entry: Entry
    let consumer: String
    let line: [UInt8]

    init(_ entry: Entry, by consumer: String, line: [UInt8]) {
      (self.entry, self.consumer, self.line) = (entry, consumer, line)
    }
  }

  /// What a head reads.
  struct Result: Sendable {
    let id: String
    let number: Int
    let line: [UInt8]
  }

  /// Who has not been heard of for so long has gone, in seconds: what a worker holds is another's.
  static let usualSilence = 60.0
  /// What was handed out so often and never answered is answered by whoever gets it next.
  static let mostDeliveries = 3

  private let pool: RedisPool
  private let name: String
  private let silence: Double

  /// Heads and workers give a sign so often, in seconds.
  var renewal: Double { silence / 3 }
  private let group = "workers"

  /// Connects. A server that goes away is waited for, for `retryTimeout` seconds; who gives no sign for `silence`
  /// seconds has gone. Throws with exit code 64 for a name
  /// or a URL that is none, 69, 77 or 78.
  init(
    _ url: String, name: String, retryTimeout: Double, silence: Double = usualSilence,
    stop: ShutdownSignal,
    report: @escaping @Sendable (String) -> Void
  ) throws(Fatal) {
    let isPlain = name.utf8.allSatisfy { byte in
      (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte | 0x20)
        || "-_.".utf8.contains(byte)
    }
    guard isPlain, (1...64).contains(name.utf8.count) else {
      throw Fatal(
        .usage,
        "\(Format.quoted(name)) is no name of a queue. Write up to 64 letters, digits, - _ and .")
    }
    self.name = name
    self.silence = silence
    pool = try RedisPool(
      url: url, for: "queue", size: 4, retryTimeout: retryTimeout, stop: stop, report: report)
    try pool.use(retryTimeout: 0) { connection, _ in try self.makeGroup(connection) }
  }

  private var work: String { "conveyor:{\(name)}:work" }
  private var runs: String { "conveyor:{\(name)}:runs" }
  private var workers: String { "conveyor:{\(name)}:workers" }
  private func out(_ run: String) -> String { "conveyor:{\(name)}:out:\(run)" }
  private func sign(_ run: String) -> String { "conveyor:{\(name)}:run:\(run)" }

  private func makeGroup(_ connection: RedisConnection) throws {
    do {
      try connection.ask([RedisCommand("XGROUP", "CREATE", work, group, "0", "MKSTREAM")])
    } catch  where error.code == "BUSYGROUP" {}
  }

  /// Asks, and makes the group anew where the server has lost it.
  private func ask(
    _ commands: [RedisCommand], timeout: Double? = nil
  ) throws(Fatal) -> [RedisReply] {
    try pool.use { connection, _ in
      do throws(RedisError) {
        return try connection.ask(commands, timeout: timeout)
      } catch  where error.code == "NOGROUP" {
        try self.makeGroup(connection)
        return try connection.ask(commands, timeout: timeout)
      }
    }
  }

  private func script(
    _ text: String, keys: [String], _ words: [String]
  ) throws(Fatal) -> RedisReply {
    try ask([.script(text, keys: keys, words.map { Array($0.utf8) })])[0]
  }

  /// The start of the server; another one after each.
  func serverStart() throws(Fatal) -> String { try pool.use { connection, _ in connection.run } }

  /// Whether what the server has outlives it.
  func isPersistent() throws(Fatal) -> Bool {
    try pool.use { connection, _ in connection.isPersistent }
  }
}

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

/// What a worker machine does.
extension WorkQueue {
  private static let take = """
    local taken, from = {}, '0-0'
    local function add(entry, delivery) taken[#taken + 1] = {entry[1], delivery, entry[2]} end
    local claimed = redis.call('XAUTOCLAIM', KEYS[1], ARGV[1], ARGV[2], ARGV[4], ARGV[5], 'COUNT', ARGV[3])
    for _, entry in ipairs(claimed[2]) do
      local held = redis.call('XPENDING', KEYS[1], ARGV[1], entry[1], entry[1], 1)[1]
      add(entry, held and held[4] or 1)
    end
    local room = tonumber(ARGV[3]) - #taken
    if room > 0 then
      local new = redis.call('XREADGROUP', 'GROUP', ARGV[1], ARGV[2], 'COUNT', room, 'STREAMS', KEYS[1], '>')
      if new then
        for _, entry in ipairs(new[1][2]) do add(entry, 1) end
      end
    end
    return {claimed[1], taken}
    """

  /// Takes up to `count` entries: those of machines that have gone first, then new ones. `cursor` is where the search
  /// for the former goes on; begin with `0-0`.
  func take(
    for consumer: String, count: Int, cursor: inout String
  ) throws(Fatal) -> [Entry] {
    let words = [group, consumer, String(count), String(Int(silence * 1000)), cursor]
    let reply = try script(Self.take, keys: [work], words).list
    cursor = reply.first?.string ?? "0-0"
    return (reply.last?.list ?? []).compactMap { entry in
      let parts = entry.list
      guard parts.count == 3, let id = parts[0].string, let delivery = parts[1].int else {
        return nil
      }
      return Self.entry(id, delivery, parts[2])
    }
  }

  /// Waits for a new entry for `seconds`, and takes up to `count`.
  func wait(
    for consumer: String, count: Int, seconds: Double
  ) throws(Fatal) -> [Entry] {
    let words = [
      "XREADGROUP", "GROUP", group, consumer, "COUNT", String(count), "BLOCK",
      String(Int(seconds * 1000)), "STREAMS", work, ">",
    ]
    let reply = try ask([RedisCommand(words.map { Array($0.utf8) })], timeout: seconds + 10)[0]
    return (reply.list.first?.list.last?.list ?? []).compactMap { entry in
      entry.list.first?.string.flatMap { Self.entry($0, 1, entry.list.last) }
    }
  }

  private static func entry(_ id: String, _ delivery: Int, _ reply: RedisReply?) -> Entry? {
    let fields = fields(reply)
    guard let run = fields["run"]?.string, let number = fields["n"]?.int,
      let line = fields["r"]?.bytes
    else { return nil }
    return Entry(id: id, delivery: delivery, run: run, number: number, line: line)
  }

  /// The ids of what a consumer holds.
  func held(by consumer: String) throws(Fatal) -> Set<String> {
    let words = ["XPENDING", work, group, "-", "+", "100000", consumer]
    let reply = try ask([RedisCommand(words.map { Array($0.utf8) })])[0]
    return Set(reply.list.compactMap { $0.list.first?.string })
  }

  private static let renew = """
    for i = 3, #ARGV do
      local held = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[i], ARGV[i], 1)[1]
      if held and held[2] == ARGV[2] then
        redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[i], 'JUSTID')
      end
    end
    """

  /// Says of what a consumer holds that it is still worked on. That is no delivery.
  func renew(_ ids: [String], of consumer: String) throws(Fatal) {
    guard !ids.isEmpty else { return }
    _ = try script(Self.renew, keys: [work], [group, consumer] + ids)
  }

  private static let release = """
    local count = 0
    for i = 3, #ARGV do
      local held = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[i], ARGV[i], 1)[1]
      if held and held[2] == ARGV[2] then
        redis.call('XCLAIM', KEYS[1], ARGV[1], 'released', 0, ARGV[i], 'IDLE', 86400000,
          'RETRYCOUNT', held[4] - 1, 'JUSTID')
        count = count + 1
      end
    end
    return count
    """

  /// Lets others take what a consumer holds, at once, and as if it had never been handed out: no entry can be made
  /// new again, so it is held by a consumer that never works. Returns how many.
  @discardableResult
  func release(_ ids: [String], of consumer: String) throws(Fatal) -> Int {
    guard !ids.isEmpty else { return 0 }
    return try script(Self.release, keys: [work], [group, consumer] + ids).int ?? 0
  }

  /// An answer counts where the entry is still this consumer's, by this delivery. XACK alone does not look whose it is.
  private static let give = """
    local held = redis.pcall('XPENDING', KEYS[1], ARGV[1], ARGV[2], ARGV[2], 1)
    if held.err then
      if string.find(held.err, 'NOGROUP') then return 0 end
      return held
    end
    held = held[1]
    if not held or held[2] ~= ARGV[3] or held[4] ~= tonumber(ARGV[4]) then return 0 end
    redis.call('XADD', KEYS[2], '*', 'n', ARGV[5], 'r', ARGV[6])
    redis.call('XACK', KEYS[1], ARGV[1], ARGV[2])
    redis.call('XDEL', KEYS[1], ARGV[2])
    return 1
    """

  /// Answers for entries; says of each whether that counts. It does not where another machine has it by now.
  func give(_ answers: [Answer]) throws(Fatal) -> [Bool] {
    let commands = answers.map { answer in
      let entry = answer.entry
      let words = [
        group, entry.id, answer.consumer, String(entry.delivery), String(entry.number),
      ]
      return RedisCommand.script(
        Self.give, keys: [work, out(entry.run)], words.map { Array($0.utf8) } + [answer.line])
    }
    return try ask(commands).map { $0.int == 1 }
  }

  /// Drops what a consumer took of a head that has gone.
  func drop(_ entries: [Entry], of consumer: String) throws(Fatal) {
    let script = """
      for i = 3, #ARGV do
        local held = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[i], ARGV[i], 1)[1]
        if held and held[2] == ARGV[2] then
          redis.call('XACK', KEYS[1], ARGV[1], ARGV[i])
          redis.call('XDEL', KEYS[1], ARGV[i])
        end
      end
      """
    _ = try self.script(script, keys: [work], [group, consumer] + entries.map(\.id))
  }

  private static let leave = """
    for _, worker in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
      local w = {}
      for i = 1, #worker, 2 do w[worker[i]] = worker[i + 1] end
      if w.pending == 0 and (w.name == ARGV[2] or w.name == 'released' or w.idle > 3600000) then
        redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], w.name)
        redis.call('HDEL', KEYS[2], w.name)
      end
    end
    """

  /// Removes a consumer that leaves, and those that were not heard of for an hour, unless they hold something.
  func leave(_ consumer: String) throws(Fatal) {
    _ = try script(Self.leave, keys: [work, workers], [group, consumer])
  }

  /// Notes who works here, for those who look.
  func note(_ consumer: String, details: JSON) throws(Fatal) {
    _ = try ask([RedisCommand("HSET", workers, consumer, details.description)])
  }
}

/// What those see who look.
extension WorkQueue {
  /// Names and values of a hash.
  private static func pairs(_ reply: RedisReply) -> [(String, RedisReply)] {
    let list = reply.list
    return stride(from: 0, to: list.count - 1, by: 2).map { (list[$0].string ?? "", list[$0 + 1]) }
  }

  private static func fields(_ reply: RedisReply?) -> [String: RedisReply] {
    Dictionary(reply.map(pairs) ?? []) { $1 }
  }

  /// Everything that there is to see, as JSON.
  func status() throws(Fatal) -> JSON {
    let replies = try ask([
      RedisCommand("XLEN", work), RedisCommand("XINFO", "CONSUMERS", work, group),
      RedisCommand("HGETALL", workers), RedisCommand("HGETALL", runs),
      RedisCommand("XRANGE", work, "-", "+", "COUNT", "1"), RedisCommand("TIME"),
    ])
    let details = Self.fields(replies[2])
    let consumers = replies[1].list.map(Self.fields).filter { $0["name"]?.string != "released" }
    let held = consumers.reduce(0) { $0 + ($1["pending"]?.int ?? 0) }
    let machines = consumers.map { consumer in
      let name = consumer["name"]?.string ?? ""
      let noted = details[name]?.string.flatMap { try? JSON(parsing: $0) } ?? .object([:])
      return JSON.object([
        "worker": .string(name), "host": noted["host"], "since": noted["since"],
        "in_flight": .int(consumer["pending"]?.int ?? 0),
        "idle_seconds": .decimal(Double(consumer["idle"]?.int ?? 0) / 1000, 1),
      ])
    }
    let heads = try Self.pairs(replies[3]).map { run, noted throws(Fatal) in
      let noted = noted.string.flatMap { try? JSON(parsing: $0) } ?? .object([:])
      let results = try ask([RedisCommand("XLEN", out(run))])[0].int ?? 0
      return JSON.object([
        "run": .string(run), "host": noted["host"], "since": noted["since"],
        "alive": .bool(try isAlive(run)), "results": .int(results),
      ])
    }
    let total = replies[0].int ?? 0
    let now = (replies[5].list.first?.int ?? 0) * 1000
    let oldest = replies[4].list.first?.list.first?.string.flatMap { Int($0.prefix { $0 != "-" }) }
    return .object([
      "queue": .string(name), "waiting": .int(max(0, total - held)), "in_flight": .int(held),
      "oldest_seconds": oldest.map { .decimal(Double(max(0, now - $0)) / 1000, 0) },
      "workers": .array(machines), "heads": .array(heads),
      "persistent": .bool(try isPersistent()),
    ])
  }
}
