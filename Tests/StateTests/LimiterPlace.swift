import Limiter
import GRDB
import Support
import Synchronization
import Testing

/// A place for budgets that only one test uses: each kind there is.
struct LimiterPlace: Sendable {
  enum Kind: Sendable, CaseIterable { case file, database }

  static let kinds = Kind.allCases.filter { $0 == .file || PostgresServer.isInstalled }

  /// What `--limiter` takes.
  let name: String
  private let directory: TemporaryDirectory
  private let kind: Kind

  private static let server = Result { try PostgresServer() }
  private static let number = Atomic<Int>(0)

  init(_ kind: Kind) throws {
    self.kind = kind
    directory = try TemporaryDirectory()
    switch kind {
    case .file:
      name = directory.path + "/limiter.sqlite"
    case .database:
      let server = try Self.server.get()
      let database = "limiter_\(Self.number.add(1, ordering: .relaxed).newValue)"
      try server.psql("CREATE DATABASE \(database)", in: "postgres")
      name = server.url(database)
    }
  }

  func open(report: @escaping @Sendable (String) -> Void = { _ in }) throws -> Limiter {
    try Limiter(at: LimiterLocation(name), report: report)
  }

  /// Changes what is kept, behind the limiter's back.
  func sql(_ text: String) throws {
    switch kind {
    case .file: try DatabaseQueue(path: name).write { try $0.execute(sql: text) }
    case .database:
      try Self.server.get().psql(text, in: String(name.split(separator: "/").last ?? ""))
    }
  }

  /// Keeps its directory until now: ARC may drop a value after its last use.
  func isNoLongerNeeded() {}
}
