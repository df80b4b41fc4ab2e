import Common
import Crypto

/// What happened, as receivers get it: the body of Standard Webhooks 1.0.0 with `type`, `timestamp` and
/// `data`.
struct Event: Sendable, Equatable {
  /// Everything that is sent, each beginning with `conveyor.`.
  enum Kind: String, CaseIterable, Sendable {
    case runStarted = "run.started"
    case runFinished = "run.finished"
    case runFailed = "run.failed"
    case runInterrupted = "run.interrupted"
    case milestone = "stage.milestone"
    case outageBegan = "portal.outage_began"
    case outageEnded = "portal.outage_ended"
    case healthCritical = "health.critical"
    case healthRecovered = "health.recovered"
    case documentsFailed = "documents.failed"
    case test = "test"

    var name: String { "conveyor.\(rawValue)" }
    /// What a full outbox drops first: the next of these says more than this one.
    var isReplaceable: Bool { self == .documentsFailed || self == .milestone }

    init?(named name: String) {
      let known = Self.allCases.first { $0.name == name || $0.rawValue == name }
      guard let known else { return nil }
      self = known
    }
  }

  /// Bytes of the largest body, as the specification recommends ("Payload size": under 20 kB).
  static let maximumBody = 20_000

  let kind: Kind
  /// The same on each retry, so that receivers can tell that they have it already.
  let id: String
  /// Nanoseconds since 1970.
  let time: Int64
  let body: [UInt8]

  /// An event with a new id. Where `data` is too large, its lists are left out, and texts beyond what fits.
  init(_ kind: Kind, _ data: JSON, time: Int64 = Time.wall()) {
    self.kind = kind
    self.time = time
    // 128 random bits. No dot: it parts the signed text.
    let halves = [UInt64.random(in: .min ... .max), .random(in: .min ... .max)]
    id = "msg_" + halves.map { Format.padded(String($0, radix: 16), 16) }.joined()
    let whole = Self.body(kind, data, time)
    body = whole.count <= Self.maximumBody ? whole : Self.body(kind, Self.shortened(data), time)
  }

  private static func body(_ kind: Kind, _ data: JSON, _ time: Int64) -> [UInt8] {
    JSON.object([
      "type": .string(kind.name), "timestamp": .string(Time.timestamp(time)), "data": data,
    ]).serialized()
  }

  private static func shortened(_ data: JSON) -> JSON {
    var short = JSONObject()
    var length = 0
    for member in data.object?.members ?? [] {
      let value: JSON
      switch member.value {
      case .string(let text): value = .string(String(text.prefix(500)))
      case .null, .bool, .number: value = member.value
      case .array, .object: continue
      }
      length += JSON.object([member.name: value]).serialized().count
      if length <= maximumBody - 200 { short[member.name] = value }
    }
    short["shortened"] = .bool(true)
    return .object(short)
  }
}

/// The keys that prove to a receiver who sends: `whsec_` and base64 of 24 to 64 bytes. Where there are two, both
/// sign, so that a receiver may change from one to the other at its leisure.
struct SigningKeys: Sendable {
  private let keys: [[UInt8]]

  /// One or two keys, with blanks or line ends between. Throws with exit code 78; never shows any of the text.
  init(_ text: String, _ source: String) throws(Fatal) {
    var keys: [[UInt8]] = []
    for word in text.split(whereSeparator: \.isWhitespace) {
      KnownSecrets.learn(Secret(String(word)))
      let digits = word.hasPrefix("whsec_") ? String(word.dropFirst(6)) : ""
      guard let key = Base64.decode(digits), 24...64 ~= key.count else {
        throw Fatal(
          .configuration,
          "\(source) holds no key: whsec_ and base64 of 24 to 64 bytes. Make one: "
            + "printf 'whsec_%s' \"$(openssl rand -base64 32)\"")
      }
      keys.append(key)
    }
    guard 1...2 ~= keys.count else {
      throw Fatal(
        .configuration,
        "\(source) holds \(keys.count) keys. Write one, or two while you change them.")
    }
    self.keys = keys
  }

  /// The value of `webhook-signature`: a `v1` for each key over `id.timestamp.body` (Standard Webhooks 1.0.0,
  /// "Signature scheme").
  func signature(_ id: String, _ timestamp: Int, _ body: [UInt8]) -> String {
    let message = Array("\(id).\(timestamp).".utf8) + body
    return keys.map { "v1,\(Base64.encode(Signing.hmacSHA256(message, key: $0)))" }
      .joined(separator: " ")
  }
}
