import Common
import Glibc
import Store

/// Tries a store before a run, and tells people what came of it.
struct StoreTrial {
  private let store: any ObjectStore
  private let plan: CheckPlan
  private let isQuiet: Bool

  /// - Parameters:
  ///   - plan: what is tried.
  ///   - isQuiet: whether only warnings are told.
  init(_ store: any ObjectStore, _ plan: CheckPlan, isQuiet: Bool) {
    self.store = store
    self.plan = plan
    self.isQuiet = isQuiet
  }

  /// Throws what would end a run.
  func run() throws -> ExitCode {
    let check: StoreCheck
    do { check = try store.check(plan) } catch let error as RecordError {
      throw Fatal(.unavailable, error.message)
    }
    let lines = (isQuiet ? [] : check.findings) + check.warnings.map { "warning: \($0)" }
    Console.write(lines.map { $0 + "\n" }.joined())
    return .success
  }
}
