import CPostgres
import Common
import Glibc

/// Where a database is, and who asks. Prints without the password.
package struct ConnectionSettings: Sendable, CustomStringConvertible {
  /// Keywords of libpq (PostgreSQL manual, 34.1.2) and their values.
  private(set) var values: [String: String] = [:]
  /// `postgres://host:port/name`, as far as it is known.
  package let description: String

  /// The variables of DB_* and the keywords that they stand for.
  private static let variables = [
    "DB_HOST": "host", "DB_PORT": "port", "DB_NAME": "dbname", "DB_USER": "user",
    "DB_PASSWORD": "password",
  ]

  /// Reads `postgres://…` or `postgresql://…`. What it does not say comes from DB_HOST, DB_PORT,
  /// DB_NAME, DB_USER and DB_PASSWORD, then from libpq's own variables and files (PGHOST, …,
  /// `~/.pgpass`). A URL that says nothing at all (`postgres:`) stands for DATABASE_URL, where that
  /// is set. `nil` for a URL that libpq does not read; why is not told, as it may quote a password.
  package init?(url: String, environment: [String: String] = processEnvironment()) {
    var url = url
    if Self.saysNothing(url) { url = environment["DATABASE_URL"] ?? url }
    if !Self.saysNothing(url) {
      guard url.hasPrefix("postgres://") || url.hasPrefix("postgresql://"),
        let parsed = Self.parse(url)
      else { return nil }
      values = parsed
    }
    let set = Self.variables.filter { !(environment[$0.key] ?? "").isEmpty }
    for (variable, keyword) in set where values[keyword] == nil {
      values[keyword] = environment[variable]
    }
    // Who uses DB_* means TCP; libpq by itself would look for a local socket.
    if !set.isEmpty, values["host"] == nil, values["hostaddr"] == nil,
      environment["PGHOST"] == nil
    {
      values["host"] = "127.0.0.1"
    }
    description = Self.name(values, environment)
    // Texts are read as UTF-8, whatever the URL says.
    values["client_encoding"] = "UTF8"
    let defaults = [
      "fallback_application_name": "conveyor",
      // A server that vanished without a word is noticed after a minute, not after two hours.
      "keepalives_idle": "30", "keepalives_interval": "10", "keepalives_count": "3",
      "tcp_user_timeout": "60000",
    ]
    values.merge(defaults) { given, _ in given }
  }

  private static func saysNothing(_ url: String) -> Bool {
    ["postgres:", "postgresql:", "postgres://", "postgresql://"].contains(url)
  }

  private static func parse(_ url: String) -> [String: String]? {
    // libpq takes what is behind the first @ for the host, and then tells it: part of a password.
    guard !SecretRedactor.isAmbiguous(url) else { return nil }
    var message: UnsafeMutablePointer<CChar>?
    defer { PQfreemem(message) }
    guard let options = PQconninfoParse(url, &message) else { return nil }
    defer { PQconninfoFree(options) }
    var values: [String: String] = [:]
    var option = options
    while let keyword = option.pointee.keyword {
      if let value = option.pointee.val {
        values[String(cString: keyword)] = String(cString: value)
      }
      option += 1
    }
    return values
  }

  private static func name(_ values: [String: String], _ environment: [String: String]) -> String {
    let host = values["host"] ?? values["hostaddr"] ?? environment["PGHOST"] ?? ""
    let port = values["port"] ?? environment["PGPORT"]
    let user = values["user"] ?? environment["PGUSER"]
    let name = values["dbname"] ?? environment["PGDATABASE"] ?? user ?? ""
    return "postgres://\(host)\(port.map { ":\($0)" } ?? "")/\(name)"
  }

  /// The variables of this process that settings may come from.
  package static func processEnvironment() -> [String: String] {
    var found: [String: String] = [:]
    for name in variables.keys + ["DATABASE_URL", "PGHOST", "PGPORT", "PGDATABASE", "PGUSER"] {
      found[name] = getenv(name).map { String(cString: $0) }
    }
    return found
  }
}
