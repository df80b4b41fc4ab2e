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

  let pool: RedisPool
  let name: String
  let silence: Double

  /// Heads and workers give a sign so often, in seconds.
  var renewal: Double { silence / 3 }
  let group = "workers"

  /// Connects. A server that goes away is waited for, for `retryTimeout` seconds; who gives no sign for `silence`
  /// seconds has gone. Throws with exit code 64 for a name or a URL that is none, 69, 77 or 78.
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

  var work: String { "conveyor:{\(name)}:work" }
  var runs: String { "conveyor:{\(name)}:runs" }
  var workers: String { "conveyor:{\(name)}:workers" }
  func out(_ run: String) -> String { "conveyor:{\(name)}:out:\(run)" }
  func sign(_ run: String) -> String { "conveyor:{\(name)}:run:\(run)" }

  private func makeGroup(_ connection: RedisConnection) throws {
    do {
      try connection.ask([RedisCommand("XGROUP", "CREATE", work, group, "0", "MKSTREAM")])
    } catch  where error.code == "BUSYGROUP" {}
  }

  /// Asks, and makes the group anew where the server has lost it.
  func ask(
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

  func script(
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

/// What those see who look.
extension WorkQueue {
  /// Names and values of a hash.
  static func pairs(_ reply: RedisReply) -> [(String, RedisReply)] {
    let list = reply.list
    return stride(from: 0, to: list.count - 1, by: 2).map { (list[$0].string ?? "", list[$0 + 1]) }
  }

  static func fields(_ reply: RedisReply?) -> [String: RedisReply] {
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
    let held = consumers.reduce(0) { $0.addingClamped($1["pending"]?.int ?? 0) }
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
    let now = (replies[5].list.first?.int ?? 0).multipliedClamped(by: 1000)
    let oldest = replies[4].list.first?.list.first?.string.flatMap { Int($0.prefix { $0 != "-" }) }
    return .object([
      "queue": .string(name), "waiting": .int(max(0, total.subtractingClamped(held))),
      "in_flight": .int(held),
      "oldest_seconds": oldest.map {
        .decimal(Double(max(0, now.subtractingClamped($0))) / 1000, 0)
      },
      "workers": .array(machines), "heads": .array(heads),
      "persistent": .bool(try isPersistent()),
    ])
  }
}
