import Common
import Synchronization
import HTTP

/// Where tokens come from.
enum TokenSource: Sendable {
  /// Nowhere: an emulator asks for none.
  case none
  /// A service account's key.
  case key(ServiceAccountKey)
  /// The server that Google's own machines have (Compute Engine, Cloud Run, GKE).
  case metadataServer(WebURL)

  /// The source that the environment names.
  init(_ settings: StoreSettings) throws(Fatal) {
    if let path = settings.variable("GOOGLE_APPLICATION_CREDENTIALS") {
      self = .key(try ServiceAccountKey(path: path))
      return
    }
    let host = settings.variable("GCE_METADATA_HOST") ?? "metadata.google.internal"
    let path = "/computeMetadata/v1/instance/service-accounts/default/token"
    guard let url = WebURL("http://\(host)\(path)"), !url.hasCredentials else {
      throw Fatal(.configuration, "GCE_METADATA_HOST is no host: \(SecretRedactor.refused(host))")
    }
    self = .metadataServer(url)
  }
}

/// The token that all threads use, renewed before it ends.
///
/// Nobody waits for a renewal: one thread makes it while the old token still holds, and the others go
/// on with that. Only where none holds (at the start, or after a refusal) each asks for itself.
final class Tokens: Sendable {
  /// A token is renewed so long before its end, in seconds.
  static let margin = 300.0
  /// While the old one holds, a renewal that failed is tried again after so many seconds.
  static let renewalWait = 10.0

  private struct State {
    var token: Secret?
    /// On the monotonic clock, in nanoseconds.
    var end: Int64 = 0
    var isBeingRenewed = false
    /// A renewal that failed is not tried again before.
    var nextRenewal = Int64.min
  }

  private let source: TokenSource
  private let connections: Connections
  private let gate: StoreGate
  private let now: @Sendable () -> Int64
  private let state = Mutex(State())

  init(
    _ source: TokenSource, _ connections: Connections, _ gate: StoreGate,
    now: @escaping @Sendable () -> Int64 = Time.monotonic
  ) {
    self.source = source
    self.connections = connections
    self.gate = gate
    self.now = now
  }

  /// A token that holds; `nil` where none is needed.
  func current() throws -> Secret? {
    if case .none = source { return nil }
    let now = now()
    let (held, isToBeRenewed) = state.withLock { state -> (Secret?, Bool) in
      guard let token = state.token, now < state.end else { return (nil, false) }
      let isFresh = Double(state.end - now) / 1e9 > Self.margin
      if isFresh || state.isBeingRenewed || now < state.nextRenewal { return (token, false) }
      state.isBeingRenewed = true
      return (token, true)
    }
    guard let held else { return try renewed() }
    guard isToBeRenewed else { return held }
    defer { state.withLock { $0.isBeingRenewed = false } }
    if case .answer(let answer, .success) = try ask(), let token = keep(answer, asked: now) {
      return token
    }
    state.withLock { $0.nextRenewal = now + Int64(Self.renewalWait * 1e9) }
    return held
  }

  /// Forgets a token that a store refused, unless another thread has a newer one already.
  func refused(_ token: Secret?) {
    state.withLock { if $0.token == token { $0.token = nil } }
  }

  private func renewed() throws -> Secret {
    var retrier = Retrier("asking for a token", .token, gate) { [self] in
      advice(GoogleError($1), $1)
    }
    var asked = now()
    let reply = try retrier.answer {
      asked = now()
      return try ask()
    }
    guard reply.kind == .success, let token = keep(reply.answer, asked: asked) else {
      throw refusal(reply)
    }
    return token
  }

  /// The token of an answer to what was asked at that moment; `nil` where it has none.
  private func keep(_ answer: StoreResponse, asked: Int64) -> Secret? {
    guard let (token, seconds) = Self.token(answer) else { return nil }
    state.withLock {
      $0.token = token
      $0.end = asked + Int64(max(0, min(seconds, 86_400)) * 1e9)
    }
    return token
  }

  private static func token(_ answer: StoreResponse) -> (token: Secret, seconds: Double)? {
    guard let json = try? JSON(parsing: answer.body), let text = json["access_token"]?.string,
      let seconds = json["expires_in"]?.double
    else { return nil }
    return (Secret(text), seconds)
  }

  private func refusal(_ reply: Reply) -> Fatal {
    let error = GoogleError(reply.answer)
    let words = "\(reply.answer.status) \(Format.quoted(error.message, limit: 200))"
    return Fatal(.permission, "\(name) gets no token: \(words). \(advice(error, reply.answer))")
  }

  /// What the token server's sentences mean; it has hardly any words of its own for them.
  private func advice(_ error: GoogleError, _ answer: StoreResponse) -> String {
    let text = error.message.lowercased()
    if text.contains("reasonable timeframe") || text.contains("issued in the future") {
      let skew = ClockSkew(answer).map { " (\($0))" } ?? ""
      return
        "This machine's clock is wrong\(skew). Set it, for instance with timedatectl set-ntp true"
    }
    if text.contains("signature") || text.contains("invalid_grant") && text.contains("expired") {
      return "The key was deleted, or has expired. Make a new one for the account"
    }
    if text.contains("account not found") || text.contains("invalid email")
      || text.contains("disabled")
    {
      return "The account was deleted or disabled. Enable it, or name another key file in "
        + "GOOGLE_APPLICATION_CREDENTIALS"
    }
    return "Check GOOGLE_APPLICATION_CREDENTIALS, and that the account may be used"
  }

  /// The project that the account belongs to, where its key says so.
  var project: String? {
    if case .key(let key) = source { return key.project }
    return nil
  }

  private var name: String {
    if case .key(let key) = source { return "the service account \(key.email)" }
    return "this machine"
  }

  private func ask() throws -> RequestResult {
    let request: Request
    switch source {
    case .none: throw RecordError(.internal, "no token is needed here")
    case .metadataServer(let url):
      var get = Request(url)
      get.headers = [("Metadata-Flavor", "Google")]
      request = get
    case .key(let key):
      var post = Request(key.tokenURL)
      post.method = "POST"
      post.headers = [("Content-Type", "application/x-www-form-urlencoded")]
      let grant = try key.grant(now: Int(Time.wall() / 1_000_000_000))
      post.body = RequestBody([.bytes(Array(grant.reveal().utf8))])
      request = post
    }
    do throws(TransferError) {
      let answer = try connections.send(request)
      let outcome = RequestResult(
        answer, GoogleError(answer).responseClass, words: "\(answer.status)")
      // The server of tokens refuses one account, so what it says is final, unless it is not its answer.
      if case .refusal(let answer, let cause, _) = outcome, cause != .foreign {
        return .answer(answer, .storeWide(cause))
      }
      return outcome.understood { Self.token($0) != nil }
    } catch {
      if case .metadataServer = source, state.withLock({ $0.end == 0 }) {
        throw Fatal(
          .permission,
          "there are no credentials: name a service account's key file in "
            + "GOOGLE_APPLICATION_CREDENTIALS (this is no machine of Google's: \(error))")
      }
      return .failure(try RetryableFailure(error, "asking for a token"))
    }
  }
}
