import Common
import Synchronization

/// What the operator ordered for a host. It holds for every process that shares the limiter, within a second, and over
/// restarts of programs and machines, until it is taken back.
package struct Steering: Sendable, Equatable {
  /// Nobody asks the host.
  package struct Pause: Sendable, Equatable {
    /// Its end, in nanoseconds since 1970; `nil` until it is taken back.
    package var until: Int64?
    /// For those who meet it; may be empty.
    package var why: String

    package init(until: Int64?, why: String) {
      self.until = until
      self.why = why
    }
  }

  package var pause: Pause?
  /// Seconds between two requests, in place of each run's own.
  package var delay: Double?
  /// When the host may be asked at all.
  package var hours: OpeningHours?

  /// No orders.
  package init() {}

  /// Whether nothing is ordered.
  package var isEmpty: Bool { self == Steering() }

  /// The rate of a run whose own is `own`.
  package func pace(_ own: RateLimit) -> RateLimit {
    delay.map { RateLimit(delay: $0, burst: own.burst) } ?? own
  }

  /// Whether nobody may ask the host at a time (nanoseconds since 1970), and why.
  package func closure(at wall: Int64) -> String? {
    if let pause, pause.until.map({ $0 > wall }) ?? true {
      let end = pause.until.map { "until \(Time.timestamp($0))" } ?? "until it is resumed"
      return "paused \(end)" + (pause.why.isEmpty ? "" : ": \(pause.why)")
    }
    guard let hours, !hours.isOpen(at: wall) else { return nil }
    return "closed: it may be asked \(hours)"
  }
}

/// As it is stored: `{"pause":{"until":1795621600,"why":"…"},"delay":1,"hours":"22:00-06:00 Europe/Berlin"}`, times in
/// nanoseconds since 1970.
extension Steering {
  /// `nil` for a text that this program does not write.
  init?(stored text: String) {
    guard let json = try? JSON(parsing: text), json.object != nil else { return nil }
    if let pause = json["pause"] {
      guard let why = pause["why"]?.string else { return nil }
      self.pause = Pause(until: pause["until"]?.int.map(Int64.init), why: why)
    }
    if let value = json["delay"] {
      guard let delay = value.double, (0...RateLimit.longestDelay).contains(delay) else {
        return nil
      }
      self.delay = delay
    }
    if let value = json["hours"] {
      guard let hours = value.string.flatMap(OpeningHours.init) else { return nil }
      self.hours = hours
    }
  }

  /// The same, for a place whose name is given. Throws with exit code 74.
  init(stored text: String, _ host: String, in place: String) throws(Fatal) {
    guard let steering = Steering(stored: text) else {
      throw Fatal(
        .inputOutput,
        """
        the limiter \(place) cannot be used: the orders for \(Format.quoted(host)) are not as this program \
        writes them. Give them again: conveyor limiter clear \(Format.printable(host))
        """)
    }
    self = steering
  }

  /// The same as JSON.
  package var json: JSON {
    .object([
      "pause": pause.map { pause in
        .object(["until": pause.until.map { .int(Int($0)) }, "why": .string(pause.why)])
      },
      "delay": delay.map { .decimal($0, 6) },
      "hours": hours.map { .string($0.description) },
    ])
  }
}

extension Limiter {
  /// What is ordered for a host, as this process knew it at most ``steeringAge`` ago.
  func steering(of host: String) throws(Fatal) -> Steering {
    let now = Time.monotonic()
    let seen = orders.withLock { $0[host] }
    if let seen, now - seen.readAt < Self.steeringAge { return seen.steering }
    let steering = try storage.steering(of: host)
    orders.withLock { $0[host] = Orders(steering: steering, readAt: now) }
    if steering != seen?.steering ?? Steering() { tell(steering, host) }
    return steering
  }

  private func tell(_ steering: Steering, _ host: String) {
    var words = steering.closure(at: Time.wall()).map { [$0] } ?? []
    if let delay = steering.delay {
      words.append("\(Format.decimal(delay, 3)) s between requests")
    }
    if let hours = steering.hours { words.append("hours \(hours)") }
    let text = words.isEmpty ? "no orders any more" : words.joined(separator: ", ")
    report("the operator's orders for \(host): \(text)")
  }

  /// Waits until the operator lets the host be asked. False when `stop` was requested before.
  func waitForOpening(_ host: String, _ stop: ShutdownSignal) throws(Fatal) -> Bool {
    while try steering(of: host).closure(at: Time.wall()) != nil {
      guard stop.sleep(until: Time.monotonic() + Self.steeringAge) else { return false }
    }
    return !stop.isRequested
  }

  /// Changes what is ordered for a host; returns it. It is on disk when this returns.
  package func steer(
    host: String, _ change: @Sendable (inout Steering) -> Void
  ) throws(Fatal) -> Steering {
    let steering = try storage.steer(host, change)
    orders.withLock { _ = $0.removeValue(forKey: host) }
    // Slots that were reserved at a slower pace must not hold up the quicker one.
    if let delay = steering.delay {
      let pace = RateLimit(delay: delay)
      try update(host) { budget in
        let next = max(Time.monotonic(), budget.lastStart.addingClamped(pace.gap))
        budget.nextSlot = min(budget.nextSlot, next)
      }
    }
    return steering
  }
}
