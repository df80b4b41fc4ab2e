import Common
import Crypto
import Glibc
import HTTP

/// What servers are told in confidence: header fields of the operator's, and a proxy's password. A server
/// may say it back, in a page, a header or a redirect; it must get no further (promise P13).
struct HeaderSecrets: Sendable {
  private let secrets: [Secret]

  /// Fields that everybody may see; any other may prove who we are.
  private static let harmless: Set<String> = [
    "accept", "accept-charset", "accept-encoding", "accept-language", "cache-control", "from",
    "origin", "pragma", "referer", "user-agent", "x-requested-with",
  ]

  /// Shorter chunks are words like `Bearer`, and prove nothing.
  private static let shortest = 8

  /// The secrets among header fields, and those of proxies, however those were named.
  /// `others` are texts that are secrets themselves.
  init(
    headers: [(name: String, value: String)], proxies: [String], others: [Secret] = []
  ) {
    let values = headers.filter { !Self.harmless.contains($0.name.lowercased()) }
      .flatMap { [$0.value] + Self.chunks($0.value) }
    let passwords = proxies.compactMap { WebURL.credentials(in: $0) }
      .filter { !$0.password.isEmpty }
      .flatMap { [$0.password, Base64.encode(Array("\($0.user):\($0.password)".utf8))] }
    let long = values.filter { $0.utf8.count >= Self.shortest }
    // The longest first: a part of it must not be taken out of it before.
    let named = others.map { $0.reveal() }.filter { $0.utf8.count >= 4 }
      .flatMap { [$0, Format.percentEncoded($0)] }
    secrets = (long + passwords + named).sorted { $0.utf8.count > $1.utf8.count }.map(Secret.init)
  }

  /// `Bearer ABC` has the chunk `ABC`, `session=ABC; theme=dark` also `ABC`.
  private static func chunks(_ value: String) -> [String] {
    value.split { " ;,".contains($0) }.flatMap { chunk in
      [String(chunk), String(chunk.drop { $0 != "=" }.dropFirst())]
    }
  }

  /// The text, with `***` for each secret.
  func hidden(in text: String) -> String { secrets.reduce(text) { $1.hidden(in: $0) } }

  /// The error, likewise.
  func hidden(in error: RecordError) -> RecordError {
    RecordError(
      tool: error.tool, error.kind, hidden(in: error.message), isRetryable: error.isRetryable,
      counts: error.counts)
  }

  /// Variables that libcurl reads a proxy from (curl(1), "Environment").
  static func proxiesOfEnvironment() -> [String] {
    let names: [String] = ["http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]
    return names.compactMap { name in getenv(name).map { String(cString: $0) } }
  }
}
