import Common
import Logging
import HTTP

/// Asks portals for one worker: follows redirects, tries again what may pass, and waits through outages.
struct Requester: ~Copyable {
  private var transfer: PacedTransfer
  private let services: FetchServices
  private let logger: Logger
  private let worker: Int
  private var partNumber = 0
  /// The portal whose cookies the transfer has, and those of others meanwhile.
  private var owner = ""
  private var cookies: [String: [String]] = [:]
  /// For the portals that this worker has logged in to, what was read on the way: a token, say.
  private var loggedIn: [String: [String: StepValues.Value]] = [:]

  init(_ services: FetchServices, worker: Int, logger: Logger) throws(Fatal) {
    self.services = services
    self.worker = worker
    self.logger = logger
    transfer = try PacedTransfer(services, logger: logger)
  }

  /// What one request for one document has met so far.
  private struct Trials {
    let scope: OutageGate.Scope
    let began = Time.monotonic()
    /// The errors that were the document's own.
    var failures: [RecordError] = []
    /// The last failure, as long as it is not known whose it is.
    var open: FetchFailure?
    var held: OutageGate.Held?
    /// The same for the network, where a record brings its own address.
    var heldByNetwork: OutageGate.Held?
  }

  /// Asks until there is an answer that counts.
  mutating func get(_ request: PortalRequest, _ context: RequestContext) throws -> PortalReply {
    try get(request, context) { _ throws(RecordError) in () }.0
  }

  /// Asks with the cookies of a portal, and with none of a document before where they live no longer.
  mutating func enter(_ portal: Portal) {
    if portal.name != owner {
      cookies[owner] = transfer.cookies
      transfer.cookies = cookies.removeValue(forKey: portal.name) ?? []
      owner = portal.name
    }
    if portal.session == .document { forgetSession(portal) }
  }

  /// Begins a new session.
  mutating func forgetSession(_ portal: Portal) {
    transfer.cookies = []
    loggedIn[portal.name] = nil
  }

  /// What the log-in of this session read; `nil` where there was none.
  func valuesOfLogin(_ portal: Portal) -> [String: StepValues.Value]? { loggedIn[portal.name] }

  /// The log-in of this session is done.
  mutating func noteLogin(_ portal: Portal, _ values: [String: StepValues.Value]) {
    loggedIn[portal.name] = values
  }

  /// Asks until there is an answer that counts, and that `read` takes. Throws a ``RecordError`` or a
  /// ``Fatal``. In an outage it waits, for as long as that lasts.
  mutating func get<Answer>(
    _ request: PortalRequest, _ context: RequestContext,
    read: @escaping @Sendable (PortalReply) throws(RecordError) -> Answer
  ) throws -> (PortalReply, Answer) {
    let gate = services.gate
    partNumber += 1
    let body = BodyReceiver(
      path: services.spool.partPath(worker: worker, number: partNumber),
      maximum: services.settings.transfer.maximumBody, accepting: context.step.accepts)
    var isWanted = false
    defer { if !isWanted { body.discard() } }
    var trials = Trials(scope: .server(request.url, context))
    while true {
      guard let ticket = try ticket(&trials) else {
        try retryOrFail(&trials, context)
        continue
      }
      defer { gate.abandon(ticket) }
      do {
        let answer = try getOnce(request, context, into: body, read)
        gate.succeeded(ticket)
        if context.isRepeatable {
          services.samples.note(
            Samples.Sample(request: request, context: context) { reply throws(RecordError) in
              _ = try read(reply)
            }, in: trials.scope)
        }
        let found = try answer.get()
        isWanted = true
        return found
      } catch let failure as FetchFailure {
        if context.mayRenew, failure.error.kind == .restricted { throw SessionEnded(failure.error) }
        note(failure, ticket, &trials, context)
      }
    }
  }

  /// One attempt: what was found, or that there is none, where the portal says so in words that are known.
  /// Throws ``FetchFailure`` for everything else that the portal did.
  private mutating func getOnce<Answer>(
    _ request: PortalRequest, _ context: RequestContext, into body: BodyReceiver,
    _ read: (PortalReply) throws(RecordError) -> Answer
  ) throws -> Result<(PortalReply, Answer), RecordError> {
    let reply: PortalReply
    switch try follow(request, context, into: body) {
    case .success(let received): reply = received
    case .failure(let absence): return .failure(absence)
    }
    do throws(RecordError) { return .success((reply, try read(reply))) } catch {
      if error.kind == .absent, context.step.knowsAnswers {
        services.trace?.judge("absent: \(error.message)")
        return .failure(error)
      }
      services.trace?.judge("\(error.kind.rawValue): \(error.message)")
      reply.body.discard()
      throw services.failure(error, status: reply.head.status, request.url, context)
    }
  }

  /// Waits until this document may be asked for, or until what it met is known to be its own: `nil`.
  private mutating func ticket(_ trials: inout Trials) throws -> OutageGate.Ticket? {
    while true {
      let step = try services.gate.next(
        trials.scope, trials.held, hasSample: services.samples.has(trials.scope))
      switch step {
      case .ask(let ticket): return ticket
      case .askSample(let ticket): try askSample(ticket, trials.scope)
      case .own:
        guard let held = trials.heldByNetwork else { return nil }
        if case .ask(let ticket) = try services.gate.next(.network, held, hasSample: false) {
          return ticket
        }
        return nil
      }
    }
  }

  private mutating func askSample(_ ticket: OutageGate.Ticket, _ scope: OutageGate.Scope) throws {
    let gate = services.gate
    defer { gate.abandon(ticket) }
    guard let sample = services.samples[scope] else { return }
    partNumber += 1
    let body = BodyReceiver(
      path: services.spool.partPath(worker: worker, number: partNumber),
      maximum: services.settings.transfer.maximumBody, accepting: sample.context.step.accepts)
    defer { body.discard() }
    do {
      _ = try getOnce(sample.request, sample.context, into: body, sample.read)
      gate.sampleAnswered(ticket, refusal: nil)
    } catch let failure as FetchFailure {
      gate.sampleAnswered(ticket, refusal: failure.refusal)
    }
  }

  /// A refusal is held until it is known whose it is: the first, and the one with which the document
  /// would fail. Between them, the document tries again by itself.
  private func note(
    _ failure: FetchFailure, _ ticket: OutageGate.Ticket, _ trials: inout Trials,
    _ context: RequestContext
  ) {
    let gate = services.gate
    trials.open = failure
    trials.held = gate.refused(
      ticket, context.id, failure.refusal, hasSample: services.samples.has(trials.scope))
    trials.heldByNetwork = nil
    if failure.isUnreachable, context.portal.base == nil {
      trials.heldByNetwork = gate.refused(
        gate.observer(of: .network), context.id, failure.refusal, hasSample: false)
    }
  }

  /// The last failure was the document's own: waits for another attempt, or throws the verdict.
  private func retryOrFail(_ trials: inout Trials, _ context: RequestContext) throws {
    guard let failure = trials.open else { return }
    trials.open = nil
    trials.held = nil
    trials.heldByNetwork = nil
    trials.failures.append(failure.error)
    let elapsed = Double(Time.monotonic() - trials.began) / 1e9
    let (policy, tries) = (services.settings.retry, trials.failures.count)
    guard failure.error.isRetryable,
      let wait = policy.delay(
        afterAttempt: tries, elapsed: elapsed, random: .random(in: 0...1))
    else { throw Self.verdict(of: trials.failures) }
    logger.warning(
      """
      \(context.id): attempt \(tries) of \(policy.retries + 1) failed: \(failure.error.kind.rawValue): \
      \(failure.error.message). Retrying in \(Format.duration(seconds: wait)).
      """)
    guard services.stop.sleep(seconds: wait) else { throw RecordError.stopped }
  }

  /// One request, with the redirects it leads through; a failure is a page that is known to say that the
  /// document is not there.
  private mutating func follow(
    _ start: PortalRequest, _ context: RequestContext, into body: BodyReceiver
  ) throws -> Result<PortalReply, RecordError> {
    var asked = start
    var addresses = context.addresses
    let continuation = start.method == "GET" ? body.continuationFields : []
    var referer = context.referer
    for _ in 0...services.settings.maximumRedirects {
      var request = Request(asked.url, addresses: addresses)
      request.method = asked.method
      request.body = RequestBody(asked.body.isEmpty ? [] : [.bytes(asked.body)])
      request.headers =
        asked.headers + context.fields + continuation
        + refererField(referer, to: request.url, unlessIn: asked.headers)
      let response = try transfer.send(request, context, into: body)
      let status = response.head.status
      var reply = PortalReply(
        url: request.url, head: response.head, address: response.address, body: body)
      let (verdict, next) = try judge(&reply, context)
      services.trace?.judge(next.map { "leads on to \($0.url.redacted)" } ?? verdict.description)
      if let next {
        logger.info(
          "\(context.id): redirected from \(request.url.redacted) to \(next.url.redacted)")
        guard services.stop.sleep(seconds: next.delay) else { throw RecordError.stopped }
        referer = request.url
        asked = asked.redirected(to: next.url, status: 303)
        addresses = addresses.tightened(after: response.address)
        continue
      }
      switch verdict {
      case .accepted: return .success(reply)
      case .redirect(let link):
        do throws(RecordError) {
          let url = try context.links.follow(link, from: request.url)
          asked = asked.redirected(to: url, status: status)
        } catch {
          // Where a portal sends everybody to a log-in elsewhere, that is no document's fault.
          throw services.failure(error, status: status, request.url, context)
        }
        addresses = addresses.tightened(after: response.address)
      case .refused(let error, let slowDown, let retryAfter):
        body.discard()
        // What the head says was heard already.
        if slowDown || retryAfter != nil, SlowDown(response.head) == nil {
          try transfer.heed(SlowDown(retryAfter: retryAfter), of: request.url)
        }
        if error.kind == .absent, status == 200 || reply.isNamed || context.mayEnd {
          return .failure(
            RecordError(
              error.kind, "\(error.message) (\(request.url.redacted))",
              isRetryable: error.isRetryable))
        }
        throw refusal(
          error, status: status, isAboutRest: !continuation.isEmpty, request.url, context)
      }
    }
    let error = RecordError(
      .portalError, "more than \(services.settings.maximumRedirects) redirects")
    throw services.failure(error, status: 302, start.url, context)
  }

  private func refusal(
    _ error: RecordError, status: Int, isAboutRest: Bool, _ url: WebURL, _ context: RequestContext
  ) -> FetchFailure {
    guard isAboutRest, !error.isRetryable else {
      return services.failure(error, status: status, url, context)
    }
    // What is said to the wish for the rest says nothing about the whole (RFC 9110, section 14.2).
    let error = RecordError(.portalError, "\(error.message), asked for the rest of a body")
    return services.failure(error, status: 206, url, context)
  }

  private func judge(
    _ reply: inout PortalReply, _ context: RequestContext
  ) throws -> (ResponseVerdict, next: PageFindings.Next?) {
    let reader = ReplyReader(services: services, worker: worker, logger: logger)
    do {
      return try reader.read(&reply, context, now: Time.wallSeconds())
    } catch let error as RecordError {
      guard error.kind != .interrupted else { throw error }
      throw services.failure(error, status: reply.head.status, reply.url, context)
    }
  }

  /// Many portals give a scan only to who comes from its page.
  private func refererField(
    _ referer: WebURL?, to url: WebURL, unlessIn fields: [(name: String, value: String)]
  ) -> [(name: String, value: String)] {
    let own = (services.settings.transfer.headers + fields).contains {
      $0.name.lowercased() == "referer"
    }
    guard !own, let value = referer?.referer(to: url) else { return [] }
    return [("Referer", value)]
  }
}
