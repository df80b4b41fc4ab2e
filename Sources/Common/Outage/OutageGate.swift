import Logging

/// Stands in front of every request of a tool: lets it pass, holds the worker that met a refusal until
/// it is known whose fault that is, and in an outage lets one at a time try again (promise P15).
///
/// ## Use
///
/// One gate belongs to the run, and its ``WorkerTurns`` to the loop's threads. Around each request that
/// may be sent again:
///
/// ```swift
/// var held: OutageGate.Held?
/// while true {
///   switch try gate.next(scope, held, hasSample: sample != nil) {    // waits here
///   case .askSample(let ticket):                                      // a request that was good before
///     gate.sampleAnswered(ticket, refusal: try ask(sample))           // nil refusal: a good answer
///   case .own:                                                        // this document's: fail, or retry
///     throw error
///   case .ask(let ticket):
///     defer { gate.abandon(ticket) }                                  // does nothing after the next two
///     switch try ask() {
///     case .good: gate.succeeded(ticket); return
///     case .refused(let refusal): held = gate.refused(ticket, id, refusal, hasSample: …)
///     }
///   }
/// }
/// ```
///
/// Whoever asks for several things for one document asks each in its own scope: what the look-up
/// answers says nothing about the server of the images. Answers that are neither, such as a hold on one
/// object, are not reported. A tool without samples passes `false`.
///
/// `next` throws ``RecordError/stopped`` where a stop ends its waiting, and a ``Fatal`` with the refusal's ending after the
/// policy's limit; ``Refusal/isHopeless`` ends the run at once. No attempt is used up by any of it.
package final class OutageGate: Sendable {
  package let turns: WorkerTurns
  private let policy: OutagePolicy
  private let stop: ShutdownSignal
  private let notice: OutageNotice?
  private let logger: Logger
  private let watches: Lock<OutageWatches>
  /// For each group when its last outage was over.
  private let past = Lock<[String: Int64]>([:])
  /// For each scope how many wait there, or try.
  private let present = Lock<[Scope: Int]>([:])

  /// A gate. What goes on is logged and, where there is a `notice`, shown to other programs.
  package init(
    _ policy: OutagePolicy = OutagePolicy(), turns: WorkerTurns = WorkerTurns(),
    stop: ShutdownSignal,
    notice: OutageNotice? = nil, logger: Logger
  ) {
    self.policy = policy
    watches = Lock(OutageWatches(policy))
    self.turns = turns
    self.stop = stop
    self.notice = notice
    self.logger = logger
  }

  /// Whether there is an outage of that scope just now.
  package func isOut(_ scope: Scope) -> Bool {
    outage(of: scope)?.isConfirmed == true
  }

  private func outage(of scope: Scope) -> OutageWatch.Outage? {
    watches.withLock { $0[scope]?.outage }
  }

  /// Whether another scope of the same group is out, and was so first: then all of the group wait for what
  /// is learned there, and one request at a time is enough for all. Where those who waited there are gone
  /// with errors of their own, somebody else has to get there.
  private func waitsForAnother(_ scope: Scope, _ now: Int64) -> Bool {
    let first = watches.withLock { watches in
      watches.group(of: scope)
        .compactMap { other, watch in watch.outage.map { (scope: other, outage: $0) } }
        .min { ($0.outage.since, $0.scope.key) < ($1.outage.since, $1.scope.key) }
    }
    guard let first, first.scope != scope else { return false }
    let isOverdue = now - first.outage.nextTry > Self.overdue
    return !isOverdue || present.withLock { $0[first.scope, default: 0] > 0 }
  }

  /// Nanoseconds after which a try that nobody makes is somebody else's to make.
  private static let overdue: Int64 = 1_000_000_000

  private func enter(_ scope: Scope) { present.withLock { $0[scope, default: 0] += 1 } }

  private func leave(_ scope: Scope) {
    present.withLock { present in
      guard let others = present[scope].map({ $0 - 1 }) else { return }
      present[scope] = others > 0 ? others : nil
    }
  }

  /// Closes a ticket. Returns whether it was open.
  private func close(_ ticket: Ticket) -> Bool {
    guard ticket.close() else { return false }
    if ticket.isTry { leave(ticket.scope) }
    return true
  }

  /// Something else at the same server was good in this run: what it refuses there is more likely an outage
  /// than a wrong address.
  package func assumeGood(_ scope: Scope) { change(scope) { $0.assumeGood() } }

  /// Whether something was refused before its group's last outage was over, and was undecided till then.
  private func wasInOutage(_ held: Held, _ scope: Scope) -> Bool {
    past.withLock { $0[scope.group].map { held.since <= $0 } == true }
  }

  /// Waits until there is something to do, and says what. Throws ``RecordError/stopped`` or ``Fatal``.
  package func next(_ scope: Scope, _ held: Held?, hasSample: Bool) throws -> Step {
    var isPaused = false
    var isTry = false
    enter(scope)
    defer {
      if isPaused { turns.resume(stop) }
      if !isTry { leave(scope) }
    }
    while true {
      // What is in flight when the run is stopped goes on, unless it would have to wait.
      guard !stop.isRequested || held == nil && !isPaused else { throw RecordError.stopped }
      let now = Time.monotonic()
      let isQuiet = isPaused && turns.isQuiet(now: now)
      var step = OutageWatch.Step.wait(until: .max)
      if !waitsForAnother(scope, now) {
        step = change(scope) {
          $0.next(holding: held?.since, now: now, isQuiet: isQuiet, hasSample: hasSample)
        }
      }
      // What was refused while the server turned everybody away at another step is asked again.
      if case .own = step, let held, wasInOutage(held, scope) { step = .ask(isTry: false) }
      switch step {
      case .ask(let isProbe):
        isTry = isProbe
        return .ask(Ticket(scope, isTry: isProbe))
      case .askSample:
        isTry = true
        return .askSample(Ticket(scope, isTry: true))
      case .own: return .own
      case .giveUp(let outage): throw ending(scope, outage, now)
      case .wait(let time):
        guard !stop.isRequested else { throw RecordError.stopped }
        if isPaused {
          _ = stop.sleep(until: min(time, now + Self.look))
        } else {
          turns.pause()
          isPaused = true
        }
      }
    }
  }

  /// A ticket for what is learned of a scope in passing: it was not waited for.
  package func observer(of scope: Scope) -> Ticket { Ticket(scope, isTry: false) }

  /// Those who wait look again after so many nanoseconds.
  private static let look: Int64 = 50_000_000

  package func succeeded(_ ticket: Ticket) {
    guard close(ticket) else { return }
    let now = Time.monotonic()
    let ended = change(ticket.scope) {
      $0.succeeded(began: ticket.began, now: now, isTry: ticket.isTry)
    }
    guard let ended else { return }
    past.withLock { $0[ticket.scope.group] = now }
    notice?.clear(ticket.scope.key)
    let time = Format.duration(seconds: Double(now - ended.since) / 1e9)
    logger.warning(
      """
      \(ticket.scope.name) answers again after \(time) (\(ended.refusal.reason)). What was refused \
      meanwhile is asked for again; no attempt was used.
      """)
  }

  /// A document was refused. What is returned goes into the next call of ``next(_:_:hasSample:)``.
  package func refused(
    _ ticket: Ticket, _ id: String, _ refusal: Refusal, hasSample: Bool
  ) -> Held {
    let now = Time.monotonic()
    guard close(ticket) else { return Held(since: now) }
    let (scope, isTry) = (ticket.scope, ticket.isTry)
    let isNew = watches.withLock { watches in
      let isNew = watches.change(scope) {
        $0.refused(id, refusal, now: now, hasSample: hasSample, isTry: isTry)
      }
      // Several steps may each have too few refusals to tell, and the server many.
      let group = watches.group(of: scope).values
      let row = group.map(\.rowLength).reduce(0, +)
      // Where one of them is out already, all wait for that.
      let isOpen = hasSample || group.allSatisfy { $0.outage == nil }
      guard isOpen, row >= policy.threshold else { return isNew }
      return watches.change(scope) { $0.suspect(refusal, now: now, hasSample: hasSample) } || isNew
    }
    report(ticket, isNew: isNew)
    return Held(since: now)
  }

  /// The sample was answered: well, or with a refusal.
  package func sampleAnswered(_ ticket: Ticket, refusal: Refusal?) {
    guard let refusal else { return succeeded(ticket) }
    guard close(ticket) else { return }
    let isNew = change(ticket.scope) { $0.sampleRefused(refusal, now: Time.monotonic()) }
    report(ticket, isNew: isNew)
  }

  /// The request came to nothing, for reasons of this machine's. Does nothing for a ticket that was
  /// reported.
  package func abandon(_ ticket: Ticket) {
    guard close(ticket), ticket.isTry else { return }
    change(ticket.scope) { $0.tryAbandoned() }
  }

  private func change<T: Sendable>(
    _ scope: Scope, _ body: (inout OutageWatch) -> sending T
  ) -> T {
    watches.withLock { $0.change(scope, body) }
  }

  /// Says it once in words, and then only to those who look closely; other programs learn of each try.
  private func report(_ ticket: Ticket, isNew: Bool) {
    guard isNew || ticket.isTry, let outage = outage(of: ticket.scope),
      outage.isConfirmed
    else { return }
    let now = Time.monotonic()
    notice?.show(ticket.scope, outage, now: now)
    let wait = Format.duration(seconds: max(0, Double(outage.nextTry - now) / 1e9))
    guard isNew else {
      logger.info("\(ticket.scope.name): still \(outage.refusal.reason); next try in \(wait)")
      return
    }
    let advice = outage.refusal.advice.isEmpty ? "" : " \(outage.refusal.advice)"
    let left = Format.duration(seconds: max(0, Double(outage.deadline - now) / 1e9))
    logger.error(
      """
      \(ticket.scope.name) has refused everybody since \(Self.clock(outage.since, now)): \
      \(outage.refusal.reason). All wait, and no attempt is used; next try in \(wait), for \(left) at \
      most.\(advice)
      """)
  }

  private func ending(_ scope: Scope, _ outage: OutageWatch.Outage, _ now: Int64) -> Fatal {
    let advice = outage.refusal.advice.isEmpty ? "" : " \(outage.refusal.advice)"
    return Fatal(
      outage.refusal.ending,
      """
      \(scope.name) gave no good answer since \(Self.clock(outage.since, now)) \
      (\(Format.duration(seconds: Double(now - outage.since) / 1e9))): \(outage.refusal.reason). No \
      document failed for it.\(advice) Then run the same command again.
      """)
  }

  private static func clock(_ time: Int64, _ now: Int64) -> String {
    String(Time.timestamp(Time.wall() - (now - time)).prefix(19)) + "Z"
  }
}
