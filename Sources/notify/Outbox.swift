import Common
import GRDB
import SQLite

/// The events that are still to be delivered, in a file, so that no crash loses one: what ``add(_:to:seen:)`` returned
/// from is on the disk. Also what was seen of each stage when it was last looked at, which says what is an event.
///
/// Several processes may have it open. Times are nanoseconds since 1970, by the wall clock: the file outlives boots.
struct Outbox: Sendable {
  /// An event on its way to one endpoint.
  struct Message: Sendable, Equatable {
    let number: Int64
    let id: String
    let type: String
    let body: [UInt8]
    /// How often it was tried.
    let attempts: Int
  }

  /// What there is to do for an endpoint.
  enum Next: Sendable, Equatable {
    case due(Message)
    /// Nothing before then.
    case later(Int64)
    case nothing
  }

  /// An endpoint's line in `notify status`.
  struct Line: Sendable, Equatable {
    let key: String
    let shown: String
    let waiting: Int
    let isDisabled: Bool
    /// Why the last attempt failed; empty where none did.
    let why: String
    /// When there is another one; `nil` where nothing waits.
    let next: Int64?
  }

  /// Events that wait for one endpoint at most; then the oldest that a later one replaces goes, else the oldest.
  static let capacity = 1000
  private static let what = "outbox"

  private let queue: DatabaseQueue
  private let path: String

  /// Opens or makes the file. Throws with exit code 74. `:memory:` is none, and is gone with this process.
  init(_ path: String) throws(Fatal) {
    self.path = path
    // FULL: a commit that has returned survives a power cut (sqlite.org/pragma.html, synchronous).
    queue = try StateDatabase.open(
      path, Self.what, synchronous: "FULL",
      schema: [
        """
        CREATE TABLE messages (
          number INTEGER PRIMARY KEY, endpoint TEXT NOT NULL, id TEXT NOT NULL, type TEXT NOT NULL,
          body TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, next INTEGER NOT NULL,
          why TEXT NOT NULL DEFAULT '');
        CREATE INDEX due ON messages (endpoint, attempts, number);
        CREATE TABLE endpoints (
          endpoint TEXT PRIMARY KEY, shown TEXT NOT NULL, is_disabled INTEGER NOT NULL DEFAULT 0,
          rests_until INTEGER NOT NULL DEFAULT 0);
        CREATE TABLE seen (subject TEXT PRIMARY KEY, state TEXT NOT NULL);
        """
      ])
  }

  /// Notes events for endpoints, with what was `seen` when they came about, in one transaction. Endpoints that are
  /// disabled get none. Returns how many older messages had to go.
  @discardableResult
  func add(
    _ events: [Event], to endpoints: [Endpoint], seen: (subject: String, state: JSON)? = nil
  ) throws(Fatal) -> Int {
    try write { db in
      var dropped = 0
      for endpoint in endpoints {
        try db.execute(
          sql: """
            INSERT INTO endpoints (endpoint, shown) VALUES (?, ?)
            ON CONFLICT (endpoint) DO UPDATE SET shown = excluded.shown
            """, arguments: [endpoint.key, endpoint.shown])
        guard try !isDisabled(db, endpoint) else { continue }
        for event in events {
          try db.execute(
            sql: "INSERT INTO messages (endpoint, id, type, body, next) VALUES (?, ?, ?, ?, ?)",
            arguments: [
              endpoint.key, event.id, event.kind.name, String(decoding: event.body, as: UTF8.self),
              event.time,
            ])
        }
        dropped += try Self.makeRoom(db, endpoint)
      }
      if let seen {
        try db.execute(
          sql: "INSERT OR REPLACE INTO seen (subject, state) VALUES (?, ?)",
          arguments: [seen.subject, seen.state.description])
      }
      return dropped
    }
  }

  private func isDisabled(_ db: Database, _ endpoint: Endpoint) throws -> Bool {
    try Row.fetchOne(
      db, sql: "SELECT is_disabled FROM endpoints WHERE endpoint = ?", arguments: [endpoint.key]
    ).map { try stored($0).number(0, "is_disabled", within: 0...1) == 1 } ?? false
  }

  private func stored(_ row: Row) -> CheckedRow { CheckedRow(row, Self.what, path) }

  private static func makeRoom(_ db: Database, _ endpoint: Endpoint) throws -> Int {
    let replaceable = Event.Kind.allCases.filter(\.isReplaceable).map { "'\($0.name)'" }
    let count = try Int.fetchOne(
      db, sql: "SELECT COUNT(*) FROM messages WHERE endpoint = ?", arguments: [endpoint.key])
    let excess = max(0, (count ?? 0) - capacity)
    if excess > 0 {
      try db.execute(
        sql: """
          DELETE FROM messages WHERE number IN (
            SELECT number FROM messages WHERE endpoint = ?
            ORDER BY type NOT IN (\(replaceable.joined(separator: ", "))), number LIMIT ?)
          """, arguments: [endpoint.key, excess])
    }
    return excess
  }

  /// What was seen of a subject when it was last looked at.
  func seen(_ subject: String) throws(Fatal) -> JSON? {
    try read { db in
      try String.fetchOne(
        db, sql: "SELECT state FROM seen WHERE subject = ?", arguments: [subject]
      ).flatMap { try? JSON(parsing: $0) }
    }
  }

  /// What comes next for an endpoint: of what is due, that which was tried least, so that an event that the receiver
  /// never takes keeps none back.
  func next(for endpoint: Endpoint, now: Int64) throws(Fatal) -> Next {
    try read { db in
      if try isDisabled(db, endpoint) { return .nothing }
      let state = try Row.fetchOne(
        db, sql: "SELECT rests_until FROM endpoints WHERE endpoint = ?", arguments: [endpoint.key])
      let rest = Self.near(try state.map { try stored($0).number(0, "rests_until") } ?? 0, now)
      let first = try Row.fetchOne(
        db, sql: "SELECT MIN(next) FROM messages WHERE endpoint = ?", arguments: [endpoint.key]
      ).map(stored)
      guard let first, !first.isNull(0) else { return .nothing }
      let earliest = try first.number(0, "next")
      if rest > now { return .later(rest) }
      let row = try Row.fetchOne(
        db,
        sql: """
          SELECT number, id, type, body, attempts FROM messages
          WHERE endpoint = ?1 AND (next <= ?2 OR next > ?3) ORDER BY attempts, number LIMIT 1
          """, arguments: [endpoint.key, now, now.addingClamped(Self.longest)])
      guard let row = row.map(stored) else { return .later(max(earliest, now + 1)) }
      return .due(
        Message(
          number: try row.number(0, "number"), id: try row.text(1, "id"),
          type: try row.text(2, "type"), body: Array(try row.text(3, "body").utf8),
          attempts: Int(try row.number(4, "attempts", within: Self.possibleAttempts))))
    }
  }

  private static let longest = Int64(DeliveryPolicy.longestWait * 1.1e9)
  private static let possibleAttempts = 0...Int64(DeliveryPolicy.waits.count)

  /// A time that was written before the clock was set back by more than any wait is now.
  private static func near(_ time: Int64, _ now: Int64) -> Int64 {
    time > now.addingClamped(longest) ? now : time
  }

  /// The message has arrived, or is given up.
  func remove(_ message: Message) throws(Fatal) {
    try write { db in
      try db.execute(sql: "DELETE FROM messages WHERE number = ?", arguments: [message.number])
    }
  }

  /// The message is tried again at `next`; where the endpoint itself is in trouble, so is what else is due, and nothing
  /// at all before `rest`.
  func postpone(
    _ message: Message, for endpoint: Endpoint, until next: Int64, why: String,
    delaysOthers: Bool, rest: Int64?
  ) throws(Fatal) {
    try write { db in
      try db.execute(
        sql: "UPDATE messages SET attempts = attempts + 1, next = ?, why = ? WHERE number = ?",
        arguments: [next, why, message.number])
      if delaysOthers {
        try db.execute(
          sql: "UPDATE messages SET next = ? WHERE endpoint = ? AND next < ?",
          arguments: [next, endpoint.key, next])
      }
      if let rest {
        try db.execute(
          sql: "UPDATE endpoints SET rests_until = ? WHERE endpoint = ?",
          arguments: [rest, endpoint.key])
      }
    }
  }

  /// The endpoint is not wanted any more: nothing waits for it, and nothing is added. Or it is again.
  func set(_ endpoint: Endpoint, isDisabled: Bool) throws(Fatal) {
    try write { db in
      try db.execute(
        sql: """
          INSERT INTO endpoints (endpoint, shown, is_disabled) VALUES (?1, ?2, ?3)
          ON CONFLICT (endpoint) DO UPDATE SET is_disabled = ?3, rests_until = 0
          """, arguments: [endpoint.key, endpoint.shown, isDisabled])
      if isDisabled {
        try db.execute(sql: "DELETE FROM messages WHERE endpoint = ?", arguments: [endpoint.key])
      }
    }
  }

  /// All endpoints that were ever used.
  func lines() throws(Fatal) -> [Line] {
    try read { db in
      try Row.fetchAll(
        db,
        sql: """
          SELECT endpoint, shown, is_disabled, rests_until,
            (SELECT COUNT(*) FROM messages m WHERE m.endpoint = e.endpoint) AS waiting,
            (SELECT MIN(next) FROM messages m WHERE m.endpoint = e.endpoint) AS next,
            (SELECT why FROM messages m WHERE m.endpoint = e.endpoint AND why <> ''
              ORDER BY number DESC LIMIT 1) AS why
          FROM endpoints e ORDER BY shown, endpoint
          """
      ).map { row in
        let row = stored(row)
        let rest = try row.number(3, "rests_until")
        return Line(
          key: try row.text(0, "endpoint"), shown: try row.text(1, "shown"),
          waiting: Int(try row.number(4, "waiting")),
          isDisabled: try row.number(2, "is_disabled", within: 0...1) == 1,
          why: row.isNull(6) ? "" : try row.text(6, "why"),
          next: row.isNull(5) ? nil : max(try row.number(5, "next"), rest))
      }
    }
  }

  private func write<T>(_ body: (Database) throws -> T) throws(Fatal) -> T {
    try StateDatabase.guarded(path, Self.what) {
      try queue.writeWithoutTransaction { db in
        try StateDatabase.inShortTransaction(db, isWriting: true) { try body(db) }
      }
    }
  }

  private func read<T>(_ body: (Database) throws -> T) throws(Fatal) -> T {
    try StateDatabase.guarded(path, Self.what) { try queue.read { try body($0) } }
  }
}
