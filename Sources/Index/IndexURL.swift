import Common
import Glibc
import Postgres

/// Opens the index that a URL names: `postgres://USER@HOST/NAME`, `sqlite:index.db`, or a bare path to
/// a SQLite file. `postgres:` alone takes everything from the environment.
///
/// With `creating`, a SQLite file that is not there is created, and a table in it that lacks our columns
/// gets them; without it, both end the run. A table in PostgreSQL is changed only when that is asked
/// for: see ``PostgresMigration``.
///
/// - Parameters:
///   - connections: at most so many to PostgreSQL; a SQLite file has one.
///   - patience: seconds for which a server that is away is waited for.
///   - stop: once requested, a server that is away is waited for no longer.
package func openIndex(
  _ url: String, creating: Bool = false, connections: Int = 4, patience: Double = 60,
  stop: ShutdownSignal? = nil
) throws(Fatal) -> any DocumentIndex {
  switch try IndexURL(url) {
  case .postgres(let url):
    try PostgresIndex(url: url, connections: connections, retryTimeout: patience, stop: stop)
  case .sqlite(let path): try SQLiteIndex(path: path, creating: creating)
  }
}

/// Which kind of index a URL names.
package enum IndexURL: Sendable, Equatable {
  /// A URL that libpq reads.
  case postgres(String)
  /// The path of a file.
  case sqlite(String)

  /// Reads a URL; throws where it names no index.
  package init(_ url: String) throws(Fatal) {
    guard let colon = url.firstIndex(of: ":"), !url[..<colon].contains("/") else {
      // A connection string must not become the name of a file: it may hold a password.
      guard !url.isEmpty, !SecretRedactor.looksLikeAddress(url) else {
        throw Self.notAnIndex(url)
      }
      self = .sqlite(url)
      return
    }
    let rest = String(url[url.index(after: colon)...])
    switch url[..<colon].lowercased() {
    case "sqlite" where !rest.isEmpty:
      // sqlite:///srv/index.db, as other tools write it, is the same as sqlite:/srv/index.db.
      let path = rest.hasPrefix("//") ? String(rest.dropFirst(2)) : rest
      guard !SecretRedactor.looksLikeAddress(path) else { throw Self.notAnIndex(url) }
      self = .sqlite(path)
    case "postgres", "postgresql": self = .postgres("postgres:\(rest)")
    default: throw Self.notAnIndex(url)
    }
  }

  /// The same for the same index, however its URL is spelled, without a user and a password: host, port
  /// and name of a database, the path of a file without links.
  package var identity: String {
    switch self {
    case .postgres(let url): return ConnectionSettings(url: url)?.description ?? "postgres:"
    case .sqlite(let path):
      if let resolved = Self.resolved(path) { return "sqlite:\(resolved)" }
      // Not there yet; its folder is.
      let slash = path.lastIndex(of: "/")
      let folder = slash.map { String(path[...$0]) } ?? "."
      let name = slash.map { path[path.index(after: $0)...] } ?? path[...]
      return "sqlite:\(Self.resolved(folder) ?? folder)/\(name)"
    }
  }

  private static func resolved(_ path: String) -> String? {
    guard let resolved = realpath(path, nil) else { return nil }
    defer { free(resolved) }
    return String(cString: resolved)
  }

  private static func notAnIndex(_ url: String) -> Fatal {
    Fatal(
      .configuration,
      "\(Format.quoted(SecretRedactor.setting(url))) is not an index: expected postgres://USER@HOST/NAME, sqlite:PATH or a path"
    )
  }
}

extension IndexURL {
  /// A name for the index's folder among those of its user: what people call it, and what makes it unique.
  package var folderName: String {
    let name = identity.split(separator: "/").last.map(String.init) ?? "index"
    // FNV-1a: the same for the same index in every run, which Swift's own hashes are not.
    let hash = identity.utf8.reduce(UInt64(0xCBF2_9CE4_8422_2325)) {
      ($0 ^ UInt64($1)) &* 0x100_0000_01B3
    }
    let digits = Format.padded(String(hash, radix: 16), 16)
    return "\(Format.percentEncoded(String(name.prefix(60))))-\(digits.prefix(8))"
  }
}
