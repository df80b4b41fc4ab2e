import Common
import Crypto
import HTTP

/// Where events go.
struct Endpoint: Sendable, Equatable {
  let url: WebURL
  /// What the outbox knows it by: its URL may hold a secret, and is not written there.
  var key: String { String(Digest.sha256(Array(url.description.utf8)).prefix(32)) }
  /// Scheme, host and port, for people.
  var shown: String {
    "\(url.scheme)://\(url.host)\(url.budget == url.host ? "" : ":\(url.port)")/…"
  }

  /// Reads an address. https, but for this machine itself. Throws with exit code 78, without showing it.
  init(_ text: String, _ what: String) throws(Fatal) {
    KnownSecrets.learn(Secret(text))
    guard let url = WebURL(text) else {
      throw Fatal(.configuration, "\(what) is no http or https URL")
    }
    let isLoopback =
      url.host.hasPrefix("127.") && url.host.allSatisfy { $0.isNumber || $0 == "." }
    let isHere = url.host == "localhost" || url.host == "[::1]" || isLoopback
    guard url.scheme == "https" || isHere else {
      throw Fatal(
        .configuration, "\(what) at \(url.host) must be https: http is for this machine alone")
    }
    self.url = url
  }
}

/// What an attempt came to, and when there is another one. Pure.
enum DeliveryPolicy {
  /// Seconds between the attempts, as the specification has them ("Deliverability and reliability"): after the last,
  /// some three days after the event, it is given up.
  static let waits: [Double] = [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400]
  /// The longest `Retry-After` that is heard, in seconds.
  static let longestWait = 86_400.0

  enum Verdict: Equatable, Sendable {
    case delivered
    /// The receiver wants no more of anything.
    case gone
    /// Not taken. `isReceivers`: the receiver is in trouble and would take no other event either; `after`: it asks for
    /// so many seconds of rest.
    case failed(String, isReceivers: Bool, after: Double? = nil)
  }

  static func verdict(status: Int, retryAfter: Double?) -> Verdict {
    let rest = retryAfter.map { min(max($0, 0), longestWait) }
    switch status {
    case 200..<300: return .delivered
    case 410: return .gone
    case 300..<400:
      // Where it leads may be anybody: what is signed goes where the operator says.
      return .failed("HTTP \(status); redirects are not followed", isReceivers: false, after: rest)
    case 408, 425, 429, 502, 503, 504:
      return .failed("HTTP \(status)", isReceivers: true, after: rest)
    default: return .failed("HTTP \(status)", isReceivers: false, after: rest)
    }
  }

  /// Seconds until the next attempt after so many; `nil` where there is none. `random` is from 0 to 1, and keeps
  /// senders apart by a tenth.
  static func wait(after attempts: Int, random: Double) -> Double? {
    guard 1...waits.count ~= attempts else { return nil }
    return waits[attempts - 1] * (0.9 + random * 0.2)
  }
}

/// Sends one small request, on a connection of its own.
struct Sender: Sendable {
  /// Seconds that a receiver has for its answer, as the specification recommends (15 to 30).
  static let timeout = 15.0
  private let stop: ShutdownSignal

  init(stop: ShutdownSignal) { self.stop = stop }

  /// Makes one attempt to deliver an event, of `seconds` at most.
  func deliver(
    _ message: Outbox.Message, to endpoint: Endpoint, _ keys: SigningKeys, within seconds: Double
  ) -> DeliveryPolicy.Verdict {
    let now = Time.wallSeconds()
    var request = Request(endpoint.url)
    request.method = "POST"
    request.body = RequestBody([.bytes(message.body)])
    request.headers = [
      ("Content-Type", "application/json"), ("webhook-id", message.id),
      ("webhook-timestamp", "\(now)"),
      ("webhook-signature", keys.signature(message.id, now, message.body)),
    ]
    return send(request, within: min(seconds, Self.timeout))
  }

  /// Tells a monitor of runs that one started, or how it ended. Returns why not.
  func ping(_ endpoint: Endpoint, _ signal: PingSignal, within seconds: Double) -> String? {
    guard let url = signal.url(endpoint.url) else { return "it is no URL for pings" }
    switch send(Request(url), within: min(seconds, 10)) {
    case .delivered: return nil
    case .gone: return "HTTP 410"
    case .failed(let why, _, _): return why
    }
  }

  private func send(_ request: Request, within seconds: Double) -> DeliveryPolicy.Verdict {
    var settings = TransferSettings()
    settings.userAgent = "Conveyor-notify"
    settings.totalTimeout = max(0.1, seconds)
    settings.connectTimeout = settings.totalTimeout
    let answer = Answer()
    do {
      var transfer = try Transfer(settings, shouldStop: { [stop] in stop.isRequested })
      _ = try transfer.send(request, into: answer)
    } catch {
      // Whoever has said "200" has the event, however the rest of the answer comes.
      guard let head = answer.head else {
        return .failed(Format.printable(SecretRedactor.message("\(error)")), isReceivers: true)
      }
      return verdict(head)
    }
    return answer.head.map(verdict) ?? .failed("no answer", isReceivers: true)
  }

  private func verdict(_ head: ResponseHead) -> DeliveryPolicy.Verdict {
    let now = Time.wallSeconds()
    return DeliveryPolicy.verdict(status: head.status, retryAfter: head.retryAfter(now: now))
  }

  /// Of an answer only the head counts.
  private final class Answer: BodySink {
    private(set) var head: ResponseHead?

    func begin(_ head: ResponseHead) -> Bool {
      self.head = head
      return true
    }

    func receive(_ bytes: UnsafeRawBufferPointer) -> Bool { false }
  }
}

/// What a ping says, as healthchecks.io and its like understand it: `/start` when a run begins, `/CODE` when it has
/// ended.
enum PingSignal: Equatable, Sendable {
  case start
  case end(Int32)

  /// The monitor's URL with the signal behind its path.
  func url(_ base: WebURL) -> WebURL? {
    let parts = base.description.split(
      separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    let path = parts[0].hasSuffix("/") ? parts[0].dropLast() : parts[0]
    let signal =
      switch self {
      case .start: "start"
      case .end(let code): "\(code & 0xFF)"
      }
    return WebURL("\(path)/\(signal)" + (parts.count > 1 ? "?\(parts[1])" : ""))
  }
}
