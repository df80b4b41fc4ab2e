/// The watches of a gate, by group: records that bring their own addresses may lead to any number of servers, and
/// what is asked before each request must neither look at them all nor remember them all.
struct OutageWatches: Sendable {
  private let policy: OutagePolicy
  private var groups: [String: [OutageGate.Scope: OutageWatch]] = [:]
  /// With so many groups, those are forgotten in which nothing is undecided.
  private var most = leastMost

  private static let leastMost = 4096

  init(_ policy: OutagePolicy) { self.policy = policy }

  /// How many groups are remembered.
  var count: Int { groups.count }

  /// The watch of a scope; `nil` where nothing is known of it.
  subscript(scope: OutageGate.Scope) -> OutageWatch? { groups[scope.group]?[scope] }

  /// What fails together with a scope, itself included.
  func group(of scope: OutageGate.Scope) -> [OutageGate.Scope: OutageWatch] {
    groups[scope.group] ?? [:]
  }

  mutating func change<T>(
    _ scope: OutageGate.Scope, _ body: (inout OutageWatch) -> sending T
  ) -> sending T {
    if groups.count >= most, groups[scope.group] == nil { forget() }
    return body(&groups[scope.group, default: [:]][scope, default: OutageWatch(policy)])
  }

  /// The next time comes when there are twice as many, so that all of it together takes no longer than to note them.
  private mutating func forget() {
    groups = groups.filter { _, watches in !watches.values.allSatisfy(\.isIdle) }
    most = max(Self.leastMost, 2 * groups.count)
  }
}
