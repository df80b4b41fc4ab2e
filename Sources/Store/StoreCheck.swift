/// What a store said when it was tried before a run.
public struct StoreCheck: Sendable, Equatable {
  /// What is well, for people.
  public var findings: [String]
  /// What ends no run, and yet is not as it should be.
  public var warnings: [String]

  /// Findings, and what is to be said against them.
  public init(_ findings: [String], warnings: [String] = []) {
    self.findings = findings
    self.warnings = warnings
  }
}

/// What a check tries: what the run after it will do.
public struct CheckPlan: Sendable, Equatable {
  /// Whether it may write an object of its own, and remove it.
  public var writes: Bool
  /// Whether the run replaces objects.
  public var overwrites: Bool
  /// Metadata like those of the run's documents.
  public var metadata: [String: String]

  /// A check by reading alone, unless it `writes`.
  public init(writes: Bool, overwrites: Bool = false, metadata: [String: String] = [:]) {
    self.writes = writes
    self.overwrites = overwrites
    self.metadata = metadata
  }
}
