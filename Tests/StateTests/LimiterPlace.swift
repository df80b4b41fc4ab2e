import Limiter
import GRDB
import Support
import Synchronization
import Testing

/// A place for budgets that only one test uses: each kind there is.
struct LimiterPlace: Sendable {
  enum Kind: Sendable, CaseIterable { case file, database, redis }

  static let kinds = Kind.allCases.filter { kind in
    switch kind {
    case .file: true
    case .database: PostgresServer.isInstalled
    case .redis: RedisServer.isInstalled
    }
  }

  /// What `--limiter` takes.
  let name: String
  private let directory: TemporaryDirectory
  private let kind: Kind
  private let redis: RedisServer?

  private static let server = Result { try PostgresServer() }
  private static let number = Atomic<Int>(0)

  init(_ kind: Kind) throws {
    self.kind = kind
    directory = try TemporaryDirectory()
    switch kind {
    case .file:
      name = directory.path + "/limiter.sqlite"
      redis = nil
    case .database:
      let server = try Self.server.get()
      let database = "limiter_\(Self.number.add(1, ordering: .relaxed).newValue)"
      try server.psql("CREATE DATABASE \(database)", in: "postgres")
      name = server.url(database)
      redis = nil
    case .redis:
      let server = try RedisServer()
      name = server.url()
      redis = server
      // One that has been in use for long: an empty one may have lost what was noted in it.
      let run = try server.cli("INFO server").first { $0.hasPrefix("run_id:") } ?? ""
      let id = run.dropFirst("run_id:".count).prefix { !$0.isWhitespace }
      try server.cli("SET 'conveyor:{limiter}:run' '\(id) 1'")
    }
  }

  func open(report: @escaping @Sendable (String) -> Void = { _ in }) throws -> Limiter {
    try Limiter(at: LimiterLocation(name), report: report)
  }

  /// Changes a number of all hosts, behind the limiter's back.
  func set(_ column: Column, to value: String) throws {
    let name = column.rawValue
    switch kind {
    case .file:
      try DatabaseQueue(path: self.name).write {
        try $0.execute(sql: "UPDATE hosts SET \(name) = \(value)")
      }
    case .database:
      try psql("UPDATE conveyor_hosts SET \(name) = \(value)")
    case .redis:
      let key = "'conveyor:{limiter}:hosts'"
      let pairs = try redis?.cli("HGETALL \(key)") ?? []
      for index in stride(from: 0, to: pairs.count - 1, by: 2) {
        var words = pairs[index + 1].split(separator: " ").map(String.init)
        words[Column.allCases.firstIndex(of: column) ?? 0] = value
        try redis?.cli("HSET \(key) '\(pairs[index])' '\(words.joined(separator: " "))'")
      }
    }
  }

  /// What PostgreSQL answers, where it is one.
  @discardableResult
  func psql(_ sql: String) throws -> [[String]] {
    try Self.server.get().psql(sql, in: String(name.split(separator: "/").last ?? ""))
  }

  enum Column: String, CaseIterable {
    case nextSlot = "next_slot"
    case lastStart = "last_start"
    case pausedUntil = "paused_until"
    case refusals
  }

  /// Keeps its directory until now: ARC may drop a value after its last use.
  func isNoLongerNeeded() {}
}
