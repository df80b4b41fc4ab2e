import Common
import HTTP

/// The way to one document, step by step: each answer is read for what the next step needs.
struct PortalWalk: ~Copyable {
  private let record: DocumentRecord
  private let portal: Portal
  private var values: StepValues
  /// What each page that was read said of the document.
  private(set) var actualBook: Int?
  private(set) var actualPage: Int?
  /// The bodies that make the document, in order.
  private(set) var bodies: [PortalReply] = []
  private var referer: WebURL?
  private var addresses = AddressRule.any
  private var requests = 0
  private var mayRenew: Bool
  /// The record's own address, where it is what is asked for first.
  private let recordURL: WebURL?

  /// - Parameter first: what the plan for the record begins with.
  init(_ record: DocumentRecord, _ portal: Portal, first: WebURL) {
    self.record = record
    self.portal = portal
    if case .recordURL? = portal.steps.first?.address { recordURL = first } else { recordURL = nil }
    values = StepValues(record, secrets: portal.secrets)
    mayRenew = portal.canRenew
  }

  /// Goes the whole way. A session that turns out to be over is begun again, once.
  mutating func go(by requester: inout Requester, _ services: FetchServices) throws {
    requester.enter(portal)
    do { try goOnce(by: &requester, services) } catch is SessionEnded {
      mayRenew = false
      requester.forgetSession(portal)
      try goOnce(by: &requester, services)
    }
  }

  /// Lets go of what came, where it is not wanted.
  mutating func discard() {
    for body in bodies { body.body.discard() }
    bodies = []
  }

  private mutating func goOnce(
    by requester: inout Requester, _ services: FetchServices
  ) throws {
    discard()
    begin(with: requester.valuesOfLogin(portal) ?? [:])
    if !portal.login.isEmpty, requester.valuesOfLogin(portal) == nil {
      // What is left of another session could get in the way.
      requester.forgetSession(portal)
      try services.logins.whileTaken(portal.name, stop: services.stop) {
        for step in portal.login { try take(step, by: &requester) }
      }
      requester.noteLogin(portal, values.read)
      begin(with: values.read)
    }
    for step in portal.steps where bodies.isEmpty { try take(step, by: &requester) }
  }

  private mutating func begin(with read: [String: StepValues.Value]) {
    values = StepValues(record, secrets: portal.secrets)
    values.read = read
    values.recordURL = recordURL
    referer = nil
  }

  /// All requests of one step.
  private mutating func take(_ step: PortalStep, by requester: inout Requester) throws {
    let count = try step.count(values)
    let before = values
    var index = 0
    var isDone = false
    while !isDone, index < count ?? step.maximum {
      let request = try step.request(before, portal, at: index)
      if step.purpose.isPage {
        try readPages(from: request, step, by: &requester)
      } else {
        isDone = try takeBody(request, step, isLater: count == nil && index > 0, by: &requester)
      }
      index += 1
    }
    guard isDone || count != nil else {
      throw RecordError(
        .portalError,
        "\(step.name) had no end after \(step.maximum) numbers; max says how many there may be",
        isRetryable: false)
    }
    // Some hits are pages, and some the documents themselves: which are which cannot be known.
    guard bodies.isEmpty || !step.purpose.isPage || bodies.count == count ?? 0 else {
      throw RecordError(
        .portalError, "\(step.name) has documents for some of its requests, and pages for others")
    }
  }

  private func context(_ step: PortalStep) -> RequestContext {
    var context = RequestContext(
      id: record.id, portal: portal, step: step, addresses: addresses, referer: referer)
    context.mayRenew = mayRenew && !step.isLogin && (step.number > 1 || !portal.login.isEmpty)
    return context
  }

  private mutating func countRequest() throws(RecordError) {
    requests += 1
    guard requests <= Portal.maximumRequests else {
      throw RecordError(
        .portalError,
        "more than \(Portal.maximumRequests) requests for one document", isRetryable: false)
    }
  }

  /// One of the bodies. Returns whether the portal says that there are no more.
  private mutating func takeBody(
    _ request: PortalRequest, _ step: PortalStep, isLater: Bool, by requester: inout Requester
  ) throws -> Bool {
    try countRequest()
    var context = context(step)
    context.mayEnd = isLater
    do {
      bodies.append(try requester.get(request, context))
      return false
    } catch let error as RecordError where isLater && error.kind == .absent {
      return true
    }
  }

  /// A page, and those that go on behind it.
  private mutating func readPages(
    from request: PortalRequest, _ step: PortalStep, by requester: inout Requester
  ) throws {
    var request = request
    var seen: Set<WebURL> = []
    let context = context(step)
    while true {
      try countRequest()
      let (reply, outcome) = try requester.get(request, context) { reply throws(RecordError) in
        try StepOutcome(reply, step, context.links)
      }
      addresses = addresses.tightened(after: reply.address)
      guard let outcome else {
        bodies.append(reply)
        return
      }
      reply.body.discard()
      referer = reply.url
      note(outcome)
      seen.insert(request.url)
      guard let next = outcome.next, !seen.contains(next) else { return }
      guard seen.count < step.maximum else {
        throw RecordError(
          .portalError,
          "\(step.name) has more than \(step.maximum) pages; max says how many there may be",
          isRetryable: false)
      }
      request = PortalRequest(next)
    }
  }

  private mutating func note(_ outcome: StepOutcome) {
    values.add(outcome.values)
    values.form = outcome.form
    actualBook = actualBook ?? number("actual_book", outcome)
    actualPage = actualPage ?? number("actual_page", outcome)
  }

  private func number(_ name: String, _ outcome: StepOutcome) -> Int? {
    outcome.values[name]?.texts.first.flatMap { Int($0.filter { !$0.isWhitespace }) }
  }
}

extension Portal {
  /// Whether what says "restricted" in the middle of the way may mean that a session is over.
  fileprivate var canRenew: Bool { !login.isEmpty || session == .document }
}

extension StepOutcome {
  /// `nil` for the document itself, which is the answer now and then. Throws `absent`, or why the page
  /// cannot be read or leads where it must not.
  init?(
    _ reply: PortalReply, _ step: PortalStep, _ links: LinkRule
  ) throws(RecordError) {
    guard reply.body.pdf == nil else { return nil }
    guard let answer = reply.answer else {
      guard step.purpose == .action else {
        throw RecordError(.portalError, "the look-up returned an empty page")
      }
      self.init()
      return
    }
    try self.init(answer, step, links)
  }
}
