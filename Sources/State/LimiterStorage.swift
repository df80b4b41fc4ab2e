import Common

/// Where the budgets of hosts are kept, for everybody who names the same place.
///
/// Times that go in and come out are nanoseconds of this machine's monotonic clock. Every error ends
/// the run: without a budget no request is made (promise P6).
protocol LimiterStorage: Sendable {
  /// A host's budget; `nil` for one that was never asked.
  func budget(of host: String) throws(Fatal) -> HostBudget?

  /// Whether ``update(_:_:)`` keeps everybody else away even where it changes nothing.
  var locksToLook: Bool { get }

  /// Changes a host's budget, while nobody else can. The result of `change` counts only once this
  /// returns; until then it may be tried again.
  ///
  /// A longer pause is on disk when this returns, as the portal asked for it. All else need not outlive a
  /// power cut: no machine is up again within a delay.
  func update<T: Sendable>(
    _ host: String, _ change: @Sendable (inout HostBudget) -> T
  ) throws(Fatal) -> T

  /// All hosts, by name.
  func hosts() throws(Fatal) -> [(host: String, budget: HostBudget)]
}
