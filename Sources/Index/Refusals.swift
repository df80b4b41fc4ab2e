import Common
import Synchronization

/// Documents that the table does not let be claimed: a trigger or a constraint refuses the change of the
/// row. One of them must not keep the others from being claimed, so they are passed over.
public final class Refusals: Sendable {
  /// One document, and what the table says of it.
  public struct Refusal: Sendable, Equatable {
    /// The document.
    public let id: Int
    /// The database's words, in one line.
    public let reason: String
  }

  private let found = Mutex<[Int: String]>([:])
  /// Those that were picked and not changed, without a word: worth another try later.
  private let unchanged = Mutex<Set<Int>>([])

  init() {}

  /// Those that were refused with an error.
  public var all: [Refusal] {
    found.withLock { $0.map { Refusal(id: $0.key, reason: $0.value) }.sorted { $0.id < $1.id } }
  }

  /// How many were refused with an error.
  var count: Int { found.withLock { $0.count } }

  /// All that the next claims pass over.
  var ids: [Int] { found.withLock { Array($0.keys) } + unchanged.withLock { Array($0) } }

  func add(_ id: Int, _ reason: String) { found.withLock { $0[id] = reason } }

  func addUnchanged(_ id: Int) { _ = unchanged.withLock { $0.insert(id) } }

  /// Gives those that were not changed another chance.
  public func forgetUnchanged() { unchanged.withLock { $0 = [] } }
}

/// What keeps claims from changing documents that are there to be claimed.
public struct Obstacle: Sendable, Equatable {
  /// Why, and what to do, in one line.
  public let reason: String
  /// What a run ends with that does not wait.
  public let code: ExitCode
}
