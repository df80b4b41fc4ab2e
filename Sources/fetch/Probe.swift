import Limiter
import Common
import HTTP
import Logging

/// Asks each portal once, politely, before a run: the page that documents are looked up on, or else its base.
/// No document is asked for, nothing is claimed or counted as an attempt.
struct Probe: Sendable {
  private let settings: FetchSettings
  private let limiter: Limiter
  private let stop: ShutdownSignal
  private let logger: Logger

  init(_ settings: FetchSettings, limiter: Limiter, stop: ShutdownSignal, logger: Logger) {
    (self.settings, self.limiter, self.stop, self.logger) = (settings, limiter, stop, logger)
  }

  /// What each portal answered, one line each. Throws 69 for the first that is not there, and 77 for one that
  /// wants to know who asks.
  func run() throws -> [String] {
    var asked: Set<String> = []
    return try settings.portals.compactMap { portal in
      guard let url = portal.firstPage, asked.insert(url.description).inserted else { return nil }
      return try ask(portal, url)
    }
  }

  private func ask(_ portal: Portal, _ url: WebURL) throws -> String {
    let name = "the portal \(portal.name) (\(url.redacted))"
    let began = Time.monotonic()
    let sink = FirstBytes()
    do { try send(Request(url), portal, into: sink) } catch let error as TransferError {
      // Where there is a head, only the rest of a page is missing, and not wanted.
      if sink.head == nil { throw try Self.unreachable(name, error) }
    }
    guard let head = sink.head else { throw RecordError.stopped }
    let time = Format.duration(seconds: Double(Time.monotonic() - began) / 1e9)
    let answer = ProbeAnswer(
      status: head.status, isPage: portal.looksUp, location: head.header("Location"),
      title: sink.title)
    if let (code, advice) = answer.trouble {
      throw Fatal(code, "\(name) answers \(answer): \(advice)")
    }
    return "\(name) answers \(answer) in \(time)"
  }

  private func send(_ request: Request, _ portal: Portal, into sink: FirstBytes) throws {
    let asking = PoliteRequest(
      limiter: limiter, pace: settings.pace(of: portal), base: settings.retry.base, stop: stop,
      logger: logger)
    guard try asking.send(request, settings.transfer, into: sink) != nil else {
      throw RecordError.stopped
    }
  }

  private static func unreachable(_ name: String, _ error: TransferError) throws -> Fatal {
    if error.kind == .stopped || error.kind == .notStarted { throw RecordError.stopped }
    let advice =
      error.kind == .certificate
      ? "If you trust it, name the file with its authority's certificate with --cacert."
      : "Check the address (--portal-base), the network and --proxy."
    return Fatal(.unavailable, "\(name) does not answer: \(error.description). \(advice)")
  }
}

/// What a portal answered to a probe. Pure.
struct ProbeAnswer: CustomStringConvertible, Sendable, Equatable {
  let status: Int
  /// Whether a page was asked for that has to be there: that of the look-up. A base may have none.
  var isPage = true
  var location: String?
  var title: String?

  var description: String {
    let title = title.map { ", a page called \(Format.quoted($0))" } ?? ""
    let place = location.map { ", to \(Format.quoted(SecretRedactor.setting($0)))" } ?? ""
    return "\(status)\(place)\(title)"
  }

  /// How a run would fare that begins now; `nil` where nothing speaks against it.
  var trouble: (ToolExit, advice: String)? {
    if !isPage, [403, 404, 410, 451].contains(status) { return nil }
    return switch status {
    case 401, 407: (.permission, "check the log-in that --header, --cert or --proxy gives")
    case 404, 410:
      (
        .unavailable,
        "check the address (--portal-base) and the portal file: the portal may have moved"
      )
    case 403, 451:
      (
        .unavailable, "it may have blocked this client: ask its owner, or check --header and --cert"
      )
    case 429: (.unavailable, "it asks to slow down: wait, then try again")
    case 500...: (.unavailable, "it is out of order: wait, then try again")
    default: nil
    }
  }
}

/// Keeps the head of an answer and the beginning of its body, and wants no more.
private final class FirstBytes: BodySink {
  private static let maximum = 16 << 10
  private(set) var head: ResponseHead?
  private var bytes: [UInt8] = []

  func begin(_ head: ResponseHead) -> Bool {
    self.head = head
    bytes = []
    return true
  }

  func receive(_ more: UnsafeRawBufferPointer) -> Bool {
    bytes.append(contentsOf: more.prefix(Self.maximum - bytes.count))
    return bytes.count < Self.maximum
  }

  /// What a page of HTML calls itself.
  var title: String? {
    let text = String(decoding: bytes, as: UTF8.self)
    guard let start = text.firstRange(of: "<title>")?.upperBound,
      let end = text[start...].firstRange(of: "</title>")?.lowerBound
    else { return nil }
    let words = text[start..<end].split(whereSeparator: \.isWhitespace).joined(separator: " ")
    return words.isEmpty ? nil : words
  }
}

extension Portal {
  fileprivate var looksUp: Bool {
    steps.count > 1
  }

  /// A page that is there whatever documents there are: that of the first step, without a question. Of
  /// portals with one step, and where that needs a record or a form, the base.
  fileprivate var firstPage: WebURL? {
    guard looksUp, let first = (login + steps).first, first.method == "GET",
      case .template(let template) = first.address, template.fields.isEmpty
    else { return base }
    let path = template.source.prefix { $0 != "?" }
    return WebURL(String(path), relativeTo: base)
  }
}
