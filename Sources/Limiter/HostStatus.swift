import Common

extension Limiter {
  /// What is known of a host at this moment.
  package struct HostStatus: Sendable {
    package let host: String
    /// Seconds until its next free slot.
    package let nextSlot: Double
    /// Seconds that nobody asks it any more, because it said so.
    package let pause: Double
    /// Seconds since the last request started; `nil` after a restart of the machine.
    package let lastStart: Double?
    /// Refusals (429, 503) since its last good answer.
    package let refusals: Int
    /// What the operator ordered.
    package let steering: Steering
  }

  /// All hosts that were asked, and those for which something is ordered, by name.
  package func status() throws(Fatal) -> [HostStatus] {
    let now = Time.monotonic()
    let orders = Dictionary(try storage.steering()) { $1 }
    let asked = try hosts()
    let others = Set(orders.keys).subtracting(asked.map(\.host))
    return (asked + others.map { ($0, HostBudget()) }).sorted { $0.host < $1.host }.map {
      host, budget in
      HostStatus(
        host: host, nextSlot: max(0, Double(max(budget.nextSlot, budget.pausedUntil) - now) / 1e9),
        pause: max(0, Double(budget.pausedUntil - now) / 1e9),
        lastStart: budget.lastStart == 0 ? nil : max(0, Double(now - budget.lastStart) / 1e9),
        refusals: budget.refusals, steering: orders[host] ?? Steering())
    }
  }
}

extension Limiter.HostStatus {
  /// As JSON, for programs.
  package var json: JSON {
    .object([
      "host": .string(host), "next_slot_seconds": .decimal(nextSlot),
      "pause_seconds": .decimal(pause),
      "last_start_seconds_ago": lastStart.map { .decimal($0) }, "refusals": .int(refusals),
      "orders": steering.isEmpty ? nil : steering.json,
    ])
  }
}
