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
