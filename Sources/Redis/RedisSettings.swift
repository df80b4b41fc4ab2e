import Common
import Glibc
import HTTP

/// Where a Redis is, and who asks. Prints without the password.
package struct RedisSettings: Sendable, CustomStringConvertible {
  let endpoint: ByteConnection.Endpoint
  let user: String?
  let password: Secret?
  let database: Int
  /// `redis://host:port/database`.
  package let description: String

  /// What a URL looks like, for errors.
  package static let form =
    "redis://USER@HOST:PORT/DATABASE, rediss://… with TLS, or unix:/PATH?database=0"

  /// The schemes of such URLs.
  package static let schemes: Set<String> = ["redis", "rediss", "unix"]

  /// Reads `redis://`, `rediss://` (with TLS) or `unix:/path`. A password that the URL does not have comes from
  /// CONVEYOR_REDIS_PASSWORD, or from the file that CONVEYOR_REDIS_PASSWORD_FILE names; CONVEYOR_REDIS_CA_FILE,
  /// CONVEYOR_REDIS_CERT_FILE and CONVEYOR_REDIS_KEY_FILE are for TLS. `purpose` is what it is for, in errors:
  /// "limiter". Throws with exit code 64 for what is no such URL, and does not repeat it: it may hold a password.
  package init(
    url: String, for purpose: String, environment: (String) -> String? = Self.variable
  ) throws(Fatal) {
    guard let parts = Parts(url) else {
      throw Fatal(.usage, "the URL of the \(purpose) cannot be read. Write \(Self.form).")
    }
    var endpoint = parts.endpoint
    endpoint.caFile = environment("CONVEYOR_REDIS_CA_FILE")
    endpoint.certificate = environment("CONVEYOR_REDIS_CERT_FILE")
    endpoint.key = environment("CONVEYOR_REDIS_KEY_FILE")
    self.endpoint = endpoint
    (user, database, description) = (parts.user, parts.database, parts.description)
    if let text = parts.password {
      password = Secret(text)
    } else {
      password = try Self.password(environment)
    }
    if let password { KnownSecrets.learn(password) }
  }

  private static func password(_ environment: (String) -> String?) throws(Fatal) -> Secret? {
    if let text = environment("CONVEYOR_REDIS_PASSWORD") { return Secret(text) }
    guard let path = environment("CONVEYOR_REDIS_PASSWORD_FILE") else { return nil }
    let bytes = try SecretFile.read(
      path, "the file \(path) (CONVEYOR_REDIS_PASSWORD_FILE)")
    let text = String(decoding: bytes.prefix { $0 != 0x0A && $0 != 0x0D }, as: UTF8.self)
    guard !text.isEmpty else {
      throw Fatal(.configuration, "the file \(path) (CONVEYOR_REDIS_PASSWORD_FILE) is empty")
    }
    return Secret(text)
  }

  /// A variable of this process, unless it is empty.
  package static func variable(_ name: String) -> String? {
    getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
  }
}

/// What a URL says. Pure.
private struct Parts {
  var endpoint: ByteConnection.Endpoint
  var user: String?
  var password: String?
  var database = 0
  let description: String

  init?(_ url: String) {
    // What can be read in two ways would be connected to in one, and told in the other.
    guard !SecretRedactor.isAmbiguous(url), !url.utf8.contains(where: { $0 <= 0x20 || $0 == 0x7F })
    else { return nil }
    let scheme = url.prefix { $0 != ":" }.lowercased()
    let rest = url.dropFirst(scheme.count + 1)
    switch scheme {
    case "unix": self.init(path: rest.hasPrefix("//") ? rest.dropFirst(2) : rest)
    case "redis", "rediss":
      guard rest.hasPrefix("//") else { return nil }
      self.init(authority: rest.dropFirst(2), scheme)
    default: return nil
    }
  }

  /// `/run/redis.sock?database=2`
  private init?(path text: Substring) {
    let parts = text.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    guard let path = parts.first, path.hasPrefix("/"), path.utf8.count < 108 else { return nil }
    if parts.count == 2 {
      for field in parts[1].split(separator: "&") {
        let pair = field.split(separator: "=", maxSplits: 1).map(String.init)
        guard pair.count == 2 else { return nil }
        switch pair[0] {
        case "database", "db":
          guard let number = Self.number(pair[1]) else { return nil }
          database = number
        case "user": user = pair[1]
        default: return nil
        }
      }
    }
    endpoint = ByteConnection.Endpoint(host: "localhost", port: 6379)
    endpoint.unixSocket = String(path)
    description = "unix:\(path)?database=\(database)"
  }

  /// `user:password@host:port/database`
  private init?(authority text: Substring, _ scheme: String) {
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    var host = parts[0]
    if let at = host.lastIndex(of: "@") {
      let pair = host[..<at].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      guard let name = Format.percentDecoded(String(pair[0])) else { return nil }
      user = name.isEmpty ? nil : name
      if pair.count == 2 {
        guard let text = Format.percentDecoded(String(pair[1])) else { return nil }
        password = text.isEmpty ? nil : text
      }
      host = host[host.index(after: at)...]
    }
    var port = 6379
    let end = host.hasPrefix("[") ? host.firstIndex(of: "]") : host.startIndex
    guard let end else { return nil }
    if let colon = host[end...].firstIndex(of: ":") {
      guard let number = UInt16(host[host.index(after: colon)...]), number > 0 else { return nil }
      port = Int(number)
      host = host[..<colon]
    }
    let allowed = host.hasPrefix("[") ? "[]:.%" : "-._"
    guard !host.isEmpty,
      host.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || allowed.contains($0)) })
    else { return nil }
    if parts.count == 2, !parts[1].isEmpty {
      guard let number = Self.number(String(parts[1])) else { return nil }
      database = number
    }
    endpoint = ByteConnection.Endpoint(host: String(host), port: port)
    endpoint.usesTLS = scheme == "rediss"
    description = "\(scheme)://\(host):\(port)/\(database)"
  }

  private static func number(_ text: String) -> Int? {
    guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int(text),
      number < 1 << 20
    else { return nil }
    return number
  }
}
