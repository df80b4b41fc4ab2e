import Common
import Glibc
import Logging
import State
import Transfer

/// Makes requests for one worker: each start, retries and redirects included, waits for the limiter;
/// what may pass is tried again.
struct Requester: ~Copyable {
  private var transfer: Transfer
  private let services: FetchServices
  private let logger: Logger
  private let worker: Int
  private var partNumber = 0

  init(_ services: FetchServices, worker: Int, logger: Logger) throws(Fatal) {
    self.services = services
    self.worker = worker
    self.logger = logger
    let stop = services.stop
    let grace = services.settings.graceAfterStop
    do throws(TransferError) {
      transfer = try Transfer(services.settings.transfer) {
        stop.isRequested && stop.age > grace
      }
    } catch {
      throw Fatal(.inputOutput, "libcurl cannot be used: \(error)")
    }
  }

  /// A good answer.
  struct Reply {
    /// Where it came from in the end.
    let url: WebURL
    let head: ResponseHead
    /// The server's address, as numbers.
    let address: String?
    let body: BodyReceiver
  }

  /// One thing to be asked for, and for which document.
  struct Errand {
    let id: String
    let purpose: Judgement.Purpose
    let links: LinkRule
    var addresses = AddressRule.any
  }

  /// Asks until there is an answer that counts. Throws a ``RecordError`` or a ``Fatal``.
  mutating func get(_ url: WebURL, _ errand: Errand) throws -> Reply {
    let policy = services.settings.retry
    let began = Time.monotonic()
    var attempt = 1
    while true {
      do {
        return try getOnce(url, errand)
      } catch let error as RecordError {
        let elapsed = Double(Time.monotonic() - began) / 1e9
        guard error.isRetryable, error.kind != .interrupted,
          let wait = policy.delay(
            afterAttempt: attempt, elapsed: elapsed, random: .random(in: 0...1))
        else { throw error }
        logger.warning(
          """
          \(errand.id): attempt \(attempt) of \(policy.retries + 1): \(error.kind.rawValue): \
          \(error.message); again in \(Format.duration(seconds: wait))
          """)
        guard services.stop.sleep(seconds: wait) else { throw RecordError.stopped }
        attempt += 1
      }
    }
  }

  /// One attempt, with the redirects it leads through.
  private mutating func getOnce(_ start: WebURL, _ errand: Errand) throws -> Reply {
    var url = start
    var addresses = errand.addresses
    for _ in 0...services.settings.maximumRedirects {
      let (response, body) = try request(url, addresses)
      let verdict = Judgement(
        response.head, body.kind, for: errand.purpose, now: Int(Time.wall() / 1_000_000_000))
      switch verdict {
      case .accepted:
        return Reply(url: url, head: response.head, address: response.address, body: body)
      case .redirect(let link):
        url = try errand.links.follow(link, from: url)
        addresses = addresses.tightened(after: response.address)
      case .refused(let error, let slowDown, let retryAfter):
        body.discard()
        if slowDown { try pause(url, retryAfter) }
        throw RecordError(
          error.kind, "\(url.redacted): \(error.message)", isRetryable: error.isRetryable)
      }
    }
    throw RecordError(
      .portalError,
      "\(start.redacted): more than \(services.settings.maximumRedirects) redirects")
  }

  private mutating func request(
    _ url: WebURL, _ addresses: AddressRule
  ) throws -> (Response, BodyReceiver) {
    let delay = services.settings.delay
    guard
      let refusals = try services.limiter.waitForSlot(
        host: url.origin, delay: delay, stop: services.stop)
    else { throw RecordError.stopped }
    partNumber += 1
    let body = BodyReceiver(path: services.spool.partPath(worker: worker, number: partNumber))
    let response: Response
    do throws(TransferError) {
      response = try transfer.get(Request(url, addresses: addresses), into: body)
    } catch {
      body.discard()
      if let failure = body.failure { throw Fatal(.inputOutput, "\(failure)") }
      throw try RecordError(error, url: url)
    }
    if refusals > 0, response.head.status < 400 {
      try services.limiter.succeed(host: url.origin)
    }
    return (response, body)
  }

  private func pause(_ url: WebURL, _ retryAfter: Double?) throws(Fatal) {
    let base = services.settings.retry.base
    let seconds = try services.limiter.refuse(
      host: url.origin, retryAfter: retryAfter, base: base)
    logger.notice(
      """
      \(url.origin) asks to slow down: nobody asks it for \(Format.duration(seconds: seconds))
      """)
  }
}

extension AddressRule {
  /// What a link may lead to that came from a server at `address`: a public server may not send us
  /// into a private network.
  func tightened(after address: String?) -> AddressRule {
    guard let address, let bytes = AddressRule.bytes(of: address) else { return self }
    return AddressRule.isPublic(bytes) ? .publicOnly : self
  }

  private static func bytes(of address: String) -> [UInt8]? {
    var v4 = in_addr()
    if inet_pton(AF_INET, address, &v4) == 1 { return withUnsafeBytes(of: v4) { Array($0) } }
    var v6 = in6_addr()
    if inet_pton(AF_INET6, address, &v6) == 1 { return withUnsafeBytes(of: v6) { Array($0) } }
    return nil
  }
}
