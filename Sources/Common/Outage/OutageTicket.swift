import Synchronization

/// What passes between an ``OutageGate`` and those who ask it.
extension OutageGate {
  /// What is asked, and fails as one: a server, a step of a portal, a store.
  package struct Scope: Hashable, Sendable {
    package let key: String
    /// What people call it: `the portal mid (https://portal.example.org)`.
    package let name: String
    /// What is likely to fail together with it: the server behind several steps.
    package let group: String

    /// A scope; without a group it is one of its own.
    package init(key: String, name: String, group: String? = nil) {
      self.key = key
      self.name = name
      self.group = group ?? key
    }

    /// The key says which it is; the rest follows from it.
    package static func == (one: Scope, other: Scope) -> Bool { one.key == other.key }
    package func hash(into hasher: inout Hasher) { hasher.combine(key) }
  }

  /// A request that was let pass. To be answered once: further reports do nothing.
  package final class Ticket: Sendable {
    let scope: Scope
    /// Whether all others wait for what it brings.
    package let isTry: Bool
    let began = Time.monotonic()
    private let isOpen = Atomic<Bool>(true)

    init(_ scope: Scope, isTry: Bool) {
      self.scope = scope
      self.isTry = isTry
    }

    func close() -> Bool { isOpen.exchange(false, ordering: .acquiringAndReleasing) }
  }

  /// A refusal that is undecided.
  package struct Held: Sendable {
    /// When it came, by the monotonic clock, in nanoseconds.
    let since: Int64
  }

  /// What a worker is to do.
  package enum Step {
    case ask(Ticket)
    case askSample(Ticket)
    case own
  }
}
