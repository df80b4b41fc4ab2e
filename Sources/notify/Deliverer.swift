import Common
import Glibc
import Logging

/// Brings what waits in the outbox to its endpoints, each in a thread of its own: one that is dead keeps no other
/// waiting. Ends when nothing is left, or when its time is up; what is left stays in the outbox.
struct Deliverer: Sendable {
  let outbox: Outbox
  let endpoints: [Endpoint]
  /// What signs; `nil` only where there are no endpoints.
  let keys: SigningKeys?
  let ping: Endpoint?
  let stop: ShutdownSignal
  let logger: Logger

  /// Delivers, and sends a ping besides, for `patience` seconds at most.
  func run(_ signal: PingSignal? = nil, patience: Double, lock path: String?) {
    let deadline = Time.monotonic() + Int64(patience * 1e9)
    let pings = ping == nil || signal == nil ? 0 : 1
    guard patience > 0, endpoints.count + pings > 0 else { return }
    // Two processes that deliver at a time would deliver twice.
    let lock = path.map { DeliveryLock($0) }
    // Where the system has fewer threads, what is left waits in the outbox.
    withThreads(endpoints.count + pings) { number in
      if number <= endpoints.count {
        guard lock?.take(until: deadline, stop) != false else { return }
        deliver(to: endpoints[number - 1], until: deadline)
      } else if let ping, let signal {
        self.ping(ping, signal, until: deadline)
      }
    }
    lock?.release()
  }

  private func deliver(to endpoint: Endpoint, until deadline: Int64) {
    guard let keys else { return }
    let sender = Sender(stop: stop)
    do {
      while !stop.isRequested {
        let left = Double(deadline - Time.monotonic()) / 1e9
        switch try outbox.next(for: endpoint, now: Time.wall()) {
        case .nothing: return
        case .later(let time):
          let wait = Double(time.subtractingClamped(Time.wall())) / 1e9
          guard wait < left, stop.sleep(seconds: wait) else { return }
        case .due(let message):
          guard left > 0 else { return }
          let verdict = sender.deliver(message, to: endpoint, keys, within: left)
          guard !stop.isRequested || verdict == .delivered else { return }
          try note(verdict, message, endpoint)
        }
      }
    } catch {
      logger.error("could not note what was delivered: \(Fatal(describing: error).message)")
    }
  }

  private func note(
    _ verdict: DeliveryPolicy.Verdict, _ message: Outbox.Message, _ endpoint: Endpoint
  ) throws(Fatal) {
    let what = "\(message.type) (\(message.id))"
    switch verdict {
    case .delivered:
      try outbox.remove(message)
      logger.info("delivered \(what) to \(endpoint.shown)")
    case .gone:
      try outbox.set(endpoint, isDisabled: true)
      logger.error(
        """
        \(endpoint.shown) wants no more events (HTTP 410), and gets none from now on. If that is wrong: \
        conveyor notify test
        """)
    case .failed(let why, let isReceivers, let after):
      let attempts = message.attempts + 1
      guard let wait = DeliveryPolicy.wait(after: attempts, random: .random(in: 0...1)) else {
        try outbox.remove(message)
        logger.error("gave up \(what) to \(endpoint.shown) after \(attempts) attempts: \(why)")
        return
      }
      let now = Time.wall()
      let next = now + Int64(max(wait, after ?? 0) * 1e9)
      try outbox.postpone(
        message, for: endpoint, until: next, why: why, delaysOthers: isReceivers,
        rest: after.map { now + Int64($0 * 1e9) })
      logger.info("did not deliver \(what) to \(endpoint.shown): \(why)")
    }
  }

  /// Three tries, as such services recommend for what must not be missed; half of the time at most.
  private func ping(_ endpoint: Endpoint, _ signal: PingSignal, until deadline: Int64) {
    let sender = Sender(stop: stop)
    var why = "there was no time for it"
    for attempt in 0..<3 where !stop.isRequested {
      let left = Double(deadline - Time.monotonic()) / 1e9
      guard left > 0, attempt == 0 || stop.sleep(seconds: min(Double(attempt), left)) else { break }
      guard let failure = sender.ping(endpoint, signal, within: left) else { return }
      why = failure
    }
    if !stop.isRequested { logger.warning("the ping to \(endpoint.shown) failed: \(why)") }
  }
}

/// One process at a time delivers from an outbox: a lock that the kernel takes back from who dies (flock(2)).
final class DeliveryLock: Sendable {
  private let descriptor: Int32
  private let isTaken = Lock(false)

  init(_ path: String) {
    descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
  }

  deinit { close(descriptor) }

  /// Waits for it. False where it was not to be had in time. Where there can be no lock, nothing is locked: an event
  /// that arrives twice is better than one that does not.
  func take(until deadline: Int64, _ stop: ShutdownSignal) -> Bool {
    guard descriptor >= 0 else { return true }
    while true {
      let isOurs = isTaken.withLock { isTaken in
        if !isTaken { isTaken = flock(descriptor, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK }
        return isTaken
      }
      if isOurs { return true }
      guard Time.monotonic() < deadline, stop.sleep(seconds: 0.05) else { return false }
    }
  }

  func release() { if descriptor >= 0 { _ = flock(descriptor, LOCK_UN) } }
}
