/// Tells an outage from a document's own bad luck, for one server or one step of a portal (promise P15).
///
/// Pure: it is told what happened and when (nanoseconds of the monotonic clock), and says what to do.
/// ``OutageGate`` owns one for each place that is asked, and does the waiting.
///
/// A document that is refused is *held*: it is neither failed nor asked for again until one of three
/// things is known.
///
/// - Another document, asked for after this refusal, met a good answer: it was this document's own.
/// - As many different documents as ``OutagePolicy/threshold`` were refused in a row: it is everybody's.
/// - Nobody is left to learn from (the last documents of a run). Then a *sample* is asked for again, a
///   request that was answered well in this run: refused, too, it is everybody's, else it was the
///   documents' own. Without a sample the refusals are the documents' own.
///
/// Where there is a sample, it also confirms what the threshold makes likely, so that a book that a
/// portal lacks is no outage. In an outage all wait, and one at a time tries again: the sample and the
/// documents that wait, in turn.
package struct OutageWatch: Sendable {
  /// What goes on: since when, what is said, and when it is tried again.
  package struct Outage: Sendable, Equatable {
    /// When the first document of the row was refused.
    package let since: Int64
    /// When that was seen to be more than one document's bad luck.
    let began: Int64
    package internal(set) var refusal: Refusal
    /// Whether it is sure: while it is not, it may still turn out to be the documents' own.
    package internal(set) var isConfirmed: Bool
    /// Not before is it tried again.
    package internal(set) var nextTry: Int64
    package let deadline: Int64
    package internal(set) var tries = 0
    var isTrying = false
  }

  /// What a worker is to do next.
  package enum Step: Sendable, Equatable {
    /// Ask for the document, as always; `isTry` while all others wait for what it brings.
    case ask(isTry: Bool)
    /// Ask for the sample, while all others wait.
    case askSample
    /// What the document met is its own.
    case own
    /// Nothing yet: ask again no later than at this time.
    case wait(until: Int64)
    /// The run has to end: it lasted too long.
    case giveUp(Outage)
  }

  package let policy: OutagePolicy
  /// What goes on, if it does.
  package private(set) var outage: Outage?
  /// Whether anything was good so far.
  package private(set) var wasEverGood = false
  /// A refusal for which nobody need wait, as long as nothing is good.
  private var hopeless: Refusal?
  /// Documents that were refused since the last good answer, and when.
  private var row: [String: Int64] = [:]
  /// When the latest request began that was answered well.
  private var lastGoodBegan = Int64.min
  /// When the last confirmed outage ended.
  private var lastEnd = Int64.min

  /// A watch that has seen nothing yet.
  package init(_ policy: OutagePolicy = OutagePolicy()) { self.policy = policy }

  /// A document was refused. Returns whether an outage is certain from now on, which is to be said once.
  package mutating func refused(
    _ id: String, _ refusal: Refusal, now: Int64, hasSample: Bool, isTry: Bool = false
  ) -> Bool {
    if row.count < 2 * policy.threshold { row[id] = now }
    if refusal.isHopeless, !wasEverGood { hopeless = refusal }
    if isTry { return tryFailed(refusal, now: now) }
    guard outage == nil else { return false }
    let isClear = refusal.isNeverTheDocuments && !wasEverGood
    guard isClear || row.count >= policy.threshold else { return false }
    begin(refusal, now: now, hasSample: hasSample)
    return outage?.isConfirmed ?? false
  }

  /// Others at the same server were answered well in this run.
  package mutating func assumeGood() { wasEverGood = true }

  /// How many documents were refused since the last good answer.
  package var rowLength: Int { row.count }

  /// Whether nothing is undecided: then all that is known is whether anything was good.
  var isIdle: Bool { outage == nil && row.isEmpty && hopeless == nil }

  /// Others that are likely to fail together with this one do: the sample is asked. Without one, it is
  /// certain: returns whether it became so.
  package mutating func suspect(_ refusal: Refusal, now: Int64, hasSample: Bool) -> Bool {
    guard outage == nil, wasEverGood else { return false }
    begin(refusal, now: now, hasSample: hasSample)
    return !hasSample
  }

  /// The sample was refused. Returns whether an outage is certain from now on.
  package mutating func sampleRefused(_ refusal: Refusal, now: Int64) -> Bool {
    tryFailed(refusal, now: now)
  }

  /// A try came to nothing: the run is being stopped, say. Another worker may take it.
  package mutating func tryAbandoned() { outage?.isTrying = false }

  /// A document, or the sample, that was asked for at `began` met a good answer. Returns the outage that
  /// is over with it, if it was certain.
  package mutating func succeeded(began: Int64, now: Int64, isTry: Bool = false) -> Outage? {
    wasEverGood = true
    // An answer that was on its way when others were refused already says nothing about them.
    lastGoodBegan = max(lastGoodBegan, began)
    row = row.filter { $0.value > began }
    guard let outage, isTry || began >= outage.began else { return nil }
    self.outage = nil
    guard outage.isConfirmed else { return nil }
    row = [:]
    lastEnd = now
    return outage
  }

  /// What a worker is to do. `since` is when its document was refused, `nil` before it was asked for;
  /// `isQuiet` says that no other worker can bring anything to learn from.
  package mutating func next(
    holding since: Int64?, now: Int64, isQuiet: Bool, hasSample: Bool
  ) -> Step {
    if outage != nil { return duringOutage(now, hasSample) }
    guard let since else { return .ask(isTry: false) }
    if since <= lastEnd { return .ask(isTry: false) }
    if since < lastGoodBegan { return .own }
    guard isQuiet else { return .wait(until: .max) }
    if let hopeless, !wasEverGood {
      begin(hopeless, now: now, hasSample: false)
      return duringOutage(now, hasSample)
    }
    guard hasSample, wasEverGood else { return .own }
    begin(Refusal(""), now: now, hasSample: true)
    return duringOutage(now, hasSample)
  }

  private mutating func begin(_ refusal: Refusal, now: Int64, hasSample: Bool) {
    let since = row.values.min() ?? now
    let isSure = !(hasSample && wasEverGood)
    let limit = wasEverGood ? policy.limit : policy.limitBeforeAnythingGood
    let seconds = refusal.isHopeless && !wasEverGood ? 0 : limit
    outage = Outage(
      since: since, began: now, refusal: refusal, isConfirmed: isSure, nextTry: now,
      deadline: Self.time(now, plus: seconds))
    if isSure { postpone(now) }
  }

  private mutating func tryFailed(_ refusal: Refusal, now: Int64) -> Bool {
    guard let wasConfirmed = outage?.isConfirmed else { return false }
    outage?.isTrying = false
    outage?.isConfirmed = true
    outage?.refusal = refusal
    postpone(now)
    return !wasConfirmed
  }

  private mutating func postpone(_ now: Int64) {
    guard var outage else { return }
    var distance = min(policy.firstDistance, policy.longestDistance)
    for _ in 0..<min(outage.tries, 30) { distance = min(distance * 2, policy.longestDistance) }
    outage.tries += 1
    // The last try comes with the deadline, and not long before it.
    let next = Self.time(now, plus: distance)
    outage.nextTry = now < outage.deadline ? min(next, outage.deadline) : next
    self.outage = outage
  }

  private mutating func duringOutage(_ now: Int64, _ hasSample: Bool) -> Step {
    guard let outage else { return .ask(isTry: false) }
    if outage.isTrying { return .wait(until: .max) }
    if outage.isConfirmed, now >= outage.deadline, outage.nextTry > outage.deadline {
      return .giveUp(outage)
    }
    guard now >= outage.nextTry else { return .wait(until: outage.nextTry) }
    self.outage?.isTrying = true
    let isSamplesTurn = !outage.isConfirmed || outage.tries.isMultiple(of: 2)
    return hasSample && wasEverGood && isSamplesTurn ? .askSample : .ask(isTry: true)
  }

  private static func time(_ now: Int64, plus seconds: Double) -> Int64 {
    let sum = Double(now) + seconds * 1e9
    return sum < 9e18 ? Int64(sum) : .max
  }
}
