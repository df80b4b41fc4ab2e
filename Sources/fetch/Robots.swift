import Common
import HTTP
import Limiter
import Logging

/// What the hosts of a run say in robots.txt: read before a host is first asked, and once a day from then on, within the
/// host's budget. A longer delay than the run's own is respected; what is forbidden is told, once a pattern, and asked
/// for all the same: the documents are public records, and whether they may be copied is agreed with their keeper.
///
/// It says how politely to ask, and nothing about any document: whatever becomes of the file, no attempt is used up, and
/// the run goes on as if there were none.
final class Robots: Sendable {
  enum Mode: String, Sendable, CaseIterable { case respect, ignore }

  /// Seconds until a file is read again, and until one that could not be read is tried again.
  private static let validity = 86_400.0
  private static let retryAfter = 300.0
  /// Seconds of a first pause, where a host that asks to slow down does not say how long.
  private static let pause = 2.0
  /// Seconds that reading may take, from the connection on.
  private static let timeout = 10.0
  /// RFC 9309, section 2.3.1.2, asks for five at least.
  private static let maximumRedirects = 5
  /// Hosts that are remembered; records may bring any number, and what is beyond is asked as if it had no file.
  private static let maximumHosts = 10_000

  private struct Host {
    var file = RobotsFile()
    /// When the file is to be read again, on the monotonic clock.
    var due = Int64.min
    /// Patterns that were told.
    var told: Set<[UInt8]> = []
    /// Who reads it now; the first reading is waited for.
    var reading: Latch?
    var isKnown = false
  }

  private let mode: Mode
  private let transfer: TransferSettings
  private let agent: String
  private let limiter: Limiter
  private let stop: ShutdownSignal
  private let logger: Logger
  private let hosts = Lock<[String: Host]>([:])

  init(
    _ mode: Mode, _ settings: TransferSettings, limiter: Limiter, stop: ShutdownSignal,
    logger: Logger
  ) {
    (self.mode, self.limiter, self.stop, self.logger) = (mode, limiter, stop, logger)
    agent = settings.userAgent
    var transfer = settings
    // What is for the portal alone is not needed for this.
    transfer.headers = []
    transfer.totalTimeout = min(settings.totalTimeout, Self.timeout)
    transfer.connectTimeout = min(settings.connectTimeout, Self.timeout)
    self.transfer = transfer
  }

  /// How quickly a URL's host may be asked by a run whose own rate is `own`. Tells where robots.txt forbids the URL.
  /// Throws where the limiter cannot be used, or the run was stopped.
  func heed(_ url: WebURL, _ addresses: AddressRule, _ own: RateLimit) throws -> RateLimit {
    guard mode == .respect else { return own }
    let file = try file(of: url, addresses, own)
    if !file.rules.isEmpty, let rule = file.forbids(url.target), isNew(rule, url) {
      logger.warning(
        """
        robots.txt of \(url.origin) forbids \(Format.printable(rule.text)), and it is asked for all the same. Agree it \
        with the portal's owner; --robots ignore ends this warning.
        """)
    }
    guard let delay = file.delay, delay > own.delay else { return own }
    return RateLimit(delay: delay)
  }

  private func isNew(_ rule: RobotsFile.Rule, _ url: WebURL) -> Bool {
    hosts.withLock { $0[url.key]?.told.insert(rule.pattern).inserted ?? false }
  }

  private enum Turn { case known(RobotsFile), read(Latch), wait(Latch) }

  private func file(
    of url: WebURL, _ addresses: AddressRule, _ own: RateLimit
  ) throws -> RobotsFile {
    while true {
      switch turn(url.key) {
      case .known(let file): return file
      case .wait(let latch):
        // The reader may wait for hours, where the host is closed: as this one would.
        while !latch.hasHappened {
          guard stop.sleep(seconds: 0.05) else { throw RecordError.stopped }
        }
      case .read(let latch):
        var found: RobotsFile?
        defer { finish(url.key, found, latch) }
        found = try read(url, addresses, own)
        if stop.isRequested { throw RecordError.stopped }
      }
    }
  }

  private func turn(_ key: String) -> Turn {
    hosts.withLock { hosts in
      guard let host = hosts[key] ?? (hosts.count < Self.maximumHosts ? Host() : nil) else {
        return .known(RobotsFile())
      }
      if let latch = host.reading { return host.isKnown ? .known(host.file) : .wait(latch) }
      guard host.due <= Time.monotonic() else { return .known(host.file) }
      let latch = Latch()
      hosts[key] = host
      hosts[key]?.reading = latch
      return .read(latch)
    }
  }

  /// Without a file, what was known stays.
  private func finish(_ key: String, _ file: RobotsFile?, _ latch: Latch) {
    hosts.withLock { hosts in
      let seconds = file == nil ? Self.retryAfter : Self.validity
      hosts[key]?.due = Time.monotonic() + Int64(seconds * 1e9)
      hosts[key]?.reading = nil
      hosts[key]?.isKnown = true
      if let file { hosts[key]?.file = file }
    }
    latch.happen()
  }

  /// `nil` where it could not be read. What cannot be had for good (4xx, or a redirect to elsewhere) says nothing
  /// (RFC 9309, section 2.3.1.3); so does a page.
  private func read(
    _ url: WebURL, _ addresses: AddressRule, _ own: RateLimit
  ) throws -> RobotsFile? {
    guard var next = WebURL("/robots.txt", relativeTo: url) else { return RobotsFile() }
    let asking = PoliteRequest(
      limiter: limiter, pace: own, base: Self.pause, stop: stop, logger: logger)
    for _ in 0...Self.maximumRedirects {
      let sink = Beginning(RobotsFile.maximumBytes)
      do {
        guard try asking.send(Request(next, addresses: addresses), transfer, into: sink) != nil
        else { throw RecordError.stopped }
      } catch let error as TransferError {
        guard sink.isFull else {
          logger.info("robots.txt of \(url.origin) could not be read: \(error)")
          return nil
        }
      }
      guard let head = sink.head else { return nil }
      switch head.status {
      case 200..<300: return note(sink, head, url, own)
      case 300..<400:
        guard let link = head.location, let target = WebURL(link, relativeTo: next),
          target.host == next.host
        else {
          logger.info("robots.txt of \(url.origin) leads elsewhere, and is taken for none")
          return RobotsFile()
        }
        next = target
      case 429, 500...:
        logger.info("robots.txt of \(url.origin) could not be read: HTTP \(head.status)")
        return nil
      default:
        logger.info("\(url.origin) has no robots.txt (HTTP \(head.status))")
        return RobotsFile()
      }
    }
    return RobotsFile()
  }

  private func note(
    _ sink: Beginning, _ head: ResponseHead, _ url: WebURL, _ own: RateLimit
  ) -> RobotsFile {
    let type = head.header("Content-Type")?.lowercased() ?? ""
    guard !type.contains("html") else {
      logger.info("\(url.origin) answers with a page for robots.txt, which is taken for none")
      return RobotsFile()
    }
    let file = RobotsFile(sink.bytes, for: agent)
    logger.info("read robots.txt of \(url.origin): \(Format.counted(file.rules.count, "rule"))")
    if let delay = file.delay, delay > own.delay {
      logger.notice(
        """
        robots.txt of \(url.origin) asks for \(Format.decimal(delay, 3)) s between requests: respected, in place of \
        \(Format.decimal(own.delay, 3)) s
        """)
    }
    return file
  }

  /// Keeps the beginning of a body, and ends the transfer when that is there.
  private final class Beginning: BodySink {
    private let most: Int
    private(set) var head: ResponseHead?
    private(set) var bytes: [UInt8] = []
    var isFull: Bool { bytes.count >= most }

    init(_ most: Int) { self.most = most }

    func begin(_ head: ResponseHead) -> Bool {
      self.head = head
      return true
    }

    func receive(_ more: UnsafeRawBufferPointer) -> Bool {
      bytes += more.prefix(most - bytes.count)
      return !isFull
    }
  }
}

extension WebURL {
  /// What has a robots.txt of its own: scheme, host and port (RFC 9309, section 2.3).
  fileprivate var key: String { "\(scheme)://\(origin)" }

  /// Path and query.
  fileprivate var target: String {
    let rest = description.dropFirst(scheme.count + 3)
    return rest.firstIndex(of: "/").map { String(rest[$0...]) } ?? "/"
  }
}
