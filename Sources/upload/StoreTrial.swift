import Common
import Glibc
import Store

/// Tries a store before a run, and tells people what came of it.
struct StoreTrial {
  private let store: any ObjectStore
  private let writing: Bool
  private let isQuiet: Bool

  /// - Parameters:
  ///   - writing: whether it may write an object of its own, and remove it.
  ///   - isQuiet: whether only warnings are told.
  init(_ store: any ObjectStore, writing: Bool, isQuiet: Bool) {
    self.store = store
    self.writing = writing
    self.isQuiet = isQuiet
  }

  /// Throws what would end a run.
  func run() throws -> ExitCode {
    let check: StoreCheck
    do { check = try store.check(writing: writing) } catch let error as RecordError {
      throw Fatal(.unavailable, error.message)
    }
    let lines = (isQuiet ? [] : check.findings) + check.warnings.map { "warning: \($0)" }
    Console.write(lines.map { $0 + "\n" }.joined())
    return .success
  }
}
