import Common
import Glibc
import Redis

/// Where the budgets of hosts are kept, for everybody who names the same place.
///
/// Times that go in and come out are nanoseconds of this machine's monotonic clock. Every error ends
/// the run: without a budget no request is made (promise P6).
protocol LimiterStorage: Sendable {
  /// A host's budget; `nil` for one that was never asked.
  func budget(of host: String) throws(Fatal) -> HostBudget?

  /// Whether ``update(_:_:)`` keeps everybody else away even where it changes nothing.
  var locksToLook: Bool { get }

  /// Changes a host's budget, while nobody else can. The result of `change` counts only once this
  /// returns; until then it may be tried again.
  ///
  /// A longer pause is on disk when this returns, as the portal asked for it (in Redis within a second). All else need not outlive a
  /// power cut: no machine is up again within a delay.
  func update<T: Sendable>(
    _ host: String, _ change: @Sendable (inout HostBudget) -> T
  ) throws(Fatal) -> T

  /// All hosts, by name.
  func hosts() throws(Fatal) -> [(host: String, budget: HostBudget)]

  /// What is ordered for a host.
  func steering(of host: String) throws(Fatal) -> Steering

  /// Changes what is ordered for a host, while nobody else can; returns it. It is on disk when this returns (in Redis
  /// within a second).
  func steer(
    _ host: String, _ change: @Sendable (inout Steering) -> Void
  ) throws(Fatal) -> Steering

  /// All hosts for which something is ordered.
  func steering() throws(Fatal) -> [(host: String, steering: Steering)]
}

/// What `--limiter` names: a file, or a server.
package enum LimiterLocation: Sendable, Equatable {
  case file(String)
  case database(String)
  case redis(String)

  /// Reads the option. Throws with exit code 64 for what is neither, so that no file gets the name of
  /// a connection with its password; what was given is not repeated, for the same reason.
  package init(_ text: String) throws(Fatal) {
    let scheme = text.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || "+.-".contains($0)) }
    // One letter and a colon begin a path on other systems; nobody means a database by it.
    let hasScheme = scheme.count > 1 && text.dropFirst(scheme.count).first == ":"
    switch hasScheme ? scheme.lowercased() : "" {
    case "postgres", "postgresql": self = .database(text)
    case let scheme where RedisSettings.schemes.contains(scheme): self = .redis(text)
    case "sqlite" where text.count > "sqlite:".count && !text.contains("://"):
      self = .file(String(text.dropFirst("sqlite:".count)))
    case "" where Self.isPath(text): self = .file(text)
    case let scheme: throw Self.refusal(text.dropFirst(scheme.count).hasPrefix("://") ? scheme : "")
    }
  }

  /// A keyword of libpq's connection strings (PostgreSQL manual, 34.1.2), before any folder.
  private static func isPath(_ text: String) -> Bool {
    guard !text.isEmpty, !text.hasPrefix(":"), !text.contains("://"),
      !text.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F })
    else { return false }
    if text.hasPrefix("/") || text.hasPrefix("./") || text.hasPrefix("../") { return true }
    let words = text.prefix { $0 != "/" }.split { $0.isWhitespace || $0 == ";" || $0 == "&" }
    return !words.contains { word in
      let name = word.prefix { $0 != "=" }.lowercased()
      return name.count < word.count && keywords.contains(name)
    }
  }

  private static let keywords: Set<String> = [
    "host", "hostaddr", "server", "port", "dbname", "database", "user", "username", "uid",
    "user id",
    "id", "password", "passwd", "pwd", "passfile", "service", "servicefile", "sslmode", "options",
    "data", "source", "url",
  ]

  private static func refusal(_ scheme: String) -> Fatal {
    let given = scheme.isEmpty ? "what was given" : "a URL that begins with \(scheme):"
    return Fatal(
      .usage,
      "--limiter takes a file, postgres://USER@HOST/NAME or redis://USER@HOST/0, and \(given) is none of them. "
        + "Name a file (./NAME, where its name looks like something else) or such a URL.")
  }
}

extension LimiterLocation {
  /// Whether there is a limiter, as far as that can be seen without asking a server.
  package var isThere: Bool {
    if case .file(let path) = self { return access(path, F_OK) == 0 }
    return true
  }
}
