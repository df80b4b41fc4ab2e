import Common
import Glibc
import HTTP
import Logging

/// How sources of credentials ask servers: one request once, its answer read or told as what it is.
struct IdentityExchange: Sendable {
  let settings: StoreSettings
  private let servers: Connections
  private let locals: Connections

  init(_ settings: StoreSettings) {
    self.settings = settings
    servers = Connections(connectTimeout: 10, totalTimeout: 60)
    // What a machine or a cluster has for its own programs answers at once, and is behind no proxy.
    locals = Connections(connectTimeout: 1, totalTimeout: 10, proxy: "")
  }

  /// An answer, as `read` understands it.
  ///
  /// - Parameters:
  ///   - request: what to ask.
  ///   - isLocal: whether it is a server of this machine or cluster.
  ///   - hiding: what proves who we are, which an answer may repeat.
  func ask<Value>(
    _ request: Request, isLocal: Bool = false, hiding secrets: [Secret] = [],
    _ read: (StoreResponse) -> Value?
  ) throws -> Value {
    let answer: StoreResponse
    do throws(TransferError) {
      answer = try (isLocal ? locals : servers).send(request)
    } catch {
      throw try RetryableFailure(error, "asking \(request.url.redacted) for credentials")
    }
    let place = "\(request.url.scheme)://\(request.url.origin)"
    if (200..<300).contains(answer.status) {
      if let value = read(answer) { return value }
      throw RetryableFailure(
        reason: "\(answer.status) of \(place), which is not the answer of a server of credentials")
    }
    let refusal = IdentityRefusal(answer, place, hiding: secrets)
    if answer.isPage || [408, 429].contains(answer.status) || answer.status >= 500 {
      throw RetryableFailure(answer, refusal.words)
    }
    throw refusal
  }

  /// The same of a server that may only be starting, as those of a new machine or pod do: a few tries.
  /// https://cloud.google.com/kubernetes-engine/docs/how-to/workload-identity#limitations
  func askWhileStarting<Value>(
    _ request: Request, hiding secrets: [Secret] = [], _ read: (StoreResponse) -> Value?
  ) throws -> Value {
    var wait = settings.retry.base
    for _ in 0..<Self.triesWhileStarting {
      do {
        return try ask(request, isLocal: true, hiding: secrets, read)
      } catch let failure as RetryableFailure {
        settings.logger.info("\(failure.reason). It may be starting")
      } catch let refusal as IdentityRefusal where refusal.answer.status == 404 {
        settings.logger.info("\(refusal.words). It may be starting")
      }
      guard settings.stop.sleep(seconds: wait) else { throw RecordError.stopped }
      wait *= 2
    }
    return try ask(request, isLocal: true, hiding: secrets, read)
  }

  /// With the usual first wait of a second, seven seconds in all.
  private static let triesWhileStarting = 3

  /// A form, as token endpoints take it (RFC 6749, appendix B).
  static func form(_ fields: [(name: String, value: String?)]) -> RequestBody {
    let pairs = fields.compactMap { field in
      field.value.map { "\(field.name)=\(Format.percentEncoded($0))" }
    }
    return RequestBody([.bytes(Array(pairs.joined(separator: "&").utf8))])
  }

  /// A POST of one.
  static func post(_ url: WebURL, _ fields: [(name: String, value: String?)]) -> Request {
    var request = Request(url)
    request.method = "POST"
    request.headers = [("Content-Type", "application/x-www-form-urlencoded")]
    request.body = form(fields)
    return request
  }

  /// A POST of JSON.
  static func post(_ url: WebURL, _ json: JSON) -> Request {
    var request = Request(url)
    request.method = "POST"
    request.headers = [("Content-Type", "application/json")]
    request.body = RequestBody([.bytes(json.serialized())])
    return request
  }

  /// Seconds from now until a moment like `2026-11-26T10:00:00Z` (RFC 3339).
  static func seconds(until text: String, now: Int64 = Time.wall()) -> Double? {
    let clock = text.prefix(19).split { !$0.isNumber }.compactMap { Int32($0) }
    guard clock.count == 6, text.utf8.count >= 19 else { return nil }
    var parts = tm()
    (parts.tm_year, parts.tm_mon, parts.tm_mday) = (clock[0] - 1900, clock[1] - 1, clock[2])
    (parts.tm_hour, parts.tm_min, parts.tm_sec) = (clock[3], clock[4], clock[5])
    var zone = text.dropFirst(19)
    if zone.first == "." { zone = zone.dropFirst().drop { $0.isNumber } }
    var offset = 0
    if zone != "Z", zone != "UTC", !zone.isEmpty {
      let numbers = zone.dropFirst().split(separator: ":").compactMap { Int($0) }
      guard numbers.count == 2, zone.first == "+" || zone.first == "-",
        numbers.allSatisfy({ (0..<60).contains($0) })
      else { return nil }
      offset = (numbers[0] * 60 + numbers[1]) * (zone.first == "+" ? 60 : -60)
    }
    return Double(timegm(&parts) - offset) - Double(now) / 1e9
  }
}

/// A server of credentials said no: in the words of OAuth (RFC 6749, section 5.2), of Google's APIs or of
/// Amazon's.
struct IdentityRefusal: Error, CustomStringConvertible {
  let answer: StoreResponse
  /// `invalid_grant`, `AccessDenied`; empty where there is none.
  let code: String
  /// For people.
  let message: String
  var description: String { message }
  private let place: String

  init(_ answer: StoreResponse, _ place: String, hiding secrets: [Secret]) {
    let json = answer.body.isEmpty ? .null : (try? JSON(parsing: answer.body)) ?? .null
    let xml = XMLText(answer.body)
    let error = json["error"]
    func shown(_ text: String) -> String { secrets.reduce(text) { $1.hidden(in: $0) } }
    self.answer = answer
    self.place = place
    code = shown(
      error?.string ?? error?["status"]?.string ?? json["__type"]?.string ?? json["Code"]?.string
        ?? json["code"]?.string ?? xml.first("Code") ?? "")
    message = shown(
      json["error_description"]?.string ?? error?["message"]?.string ?? json["message"]?.string
        ?? json["Message"]?.string ?? xml.first("Message")
        ?? (code.isEmpty && !answer.isPage
          ? String(decoding: answer.body.prefix(200), as: UTF8.self) : ""))
  }

  /// Who said what.
  var words: String {
    let text = [code, message].filter { !$0.isEmpty }.joined(separator: ": ")
    guard !text.isEmpty else { return "\(place) answers \(answer.status) without a reason" }
    return "\(place) answers \(answer.status) \(Format.quoted(text, limit: 200))"
  }

  /// Whether a text is among the words, however they are written.
  func says(_ texts: String...) -> Bool {
    let all = "\(code) \(message)".lowercased()
    return texts.contains { all.contains($0.lowercased()) }
  }

  /// The advice where this machine's clock is what is wrong; `nil` for anything else.
  var clockAdvice: String? {
    guard
      says(
        "reasonable timeframe", "issued in the future", "signature not yet current",
        "signature expired", "RequestExpired")
    else { return nil }
    let skew = ClockSkew(answer).map { " (\($0))" } ?? ""
    return
      "This machine's clock may be wrong\(skew). Set it, for instance with timedatectl set-ntp true"
  }
}
