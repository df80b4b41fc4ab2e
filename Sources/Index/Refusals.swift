import Common
import Synchronization

/// Documents that the table does not let be claimed: a trigger or a constraint refuses the change of the
/// row. One of them must not keep the others from being claimed, so they are passed over.
package final class Refusals: Sendable {
  /// One document, and what the table says of it.
  package struct Refusal: Sendable, Equatable {
    package let id: Int
    /// The database's message, in one line.
    package let reason: String
  }

  private let found = Mutex<[Int: String]>([:])
  /// Those that were picked and silently not changed: worth another try later.
  private let unchanged = Mutex<Set<Int>>([])

  init() {}

  /// Those that were refused with an error.
  package var all: [Refusal] {
    found.withLock { $0.map { Refusal(id: $0.key, reason: $0.value) }.sorted { $0.id < $1.id } }
  }

  /// How many were refused with an error.
  var count: Int { found.withLock { $0.count } }

  /// All that the next claims pass over.
  var ids: [Int] { found.withLock { Array($0.keys) } + unchanged.withLock { Array($0) } }

  private func add(_ id: Int, _ reason: String) { found.withLock { $0[id] = reason } }

  private func addUnchanged(_ id: Int) { _ = unchanged.withLock { $0.insert(id) } }

  /// Claims documents one by one; notes those that refuse (``RowRefusal``) or stay as they are. Throws where
  /// several refuse with the same message: then the table `name` is unsuitable, not a single row.
  func claimEach<Row>(
    _ ids: [Int], in name: String, _ claim: (Int) throws -> [Row]
  ) throws -> [Row] {
    var rows: [Row] = []
    var reasons: Set<String> = []
    for id in ids {
      do {
        let claimed = try claim(id)
        if claimed.isEmpty { addUnchanged(id) }
        rows += claimed
      } catch let refusal as RowRefusal {
        add(id, refusal.reason)
        reasons.insert(refusal.reason)
      }
    }
    if rows.isEmpty, ids.count > 2, reasons.count == 1, let reason = reasons.first {
      throw Fatal(
        .configuration,
        Format.printable(
          "the table index_documents in \(name) rejects every claim: \(reason). See "
            + "docs/index.md."))
    }
    return rows
  }

  /// Gives those that were not changed another chance.
  package func forgetUnchanged() { unchanged.withLock { $0 = [] } }
}

/// A row does not take what is written; it is the row's trouble and not the run's.
struct RowRefusal: Error, CustomStringConvertible {
  /// The database's message.
  let reason: String
  var description: String { reason }
}

/// Notices when the table takes no outcome any more, whatever the document: then it is one cause, and
/// documents must not fail for it one by one (promise P15).
final class RefusalStreak: Sendable {
  /// So many different documents in a row are refused for the same reason before the run ends.
  static let limit = 3

  private let last = Mutex<(pattern: String, ids: Set<String>)>(("", []))

  /// An outcome was written.
  func end() { last.withLock { $0 = ("", []) } }

  /// Notes a refusal. Whether it is the table, and not the document.
  func isTable(_ id: String, _ reason: String) -> Bool {
    // Numbers in the message are most likely the document's.
    let pattern = String(reason.filter { !$0.isNumber })
    return last.withLock { last in
      if last.pattern != pattern { last = (pattern, []) }
      last.ids.insert(id)
      return last.ids.count >= Self.limit
    }
  }

  /// What a run ends with then.
  static func fatal(_ reason: String, _ name: String) -> Fatal {
    Fatal(
      .configuration,
      Format.printable(
        "the table index_documents in \(name) rejects every settlement: \(reason). Check its triggers, "
          + "constraints and the width of its columns (docs/index.md)."))
  }
}

/// What keeps claims from changing claimable documents.
package struct Obstacle: Sendable, Equatable {
  /// Why, and what to do, in one line.
  package let reason: String
  /// What a run ends with that does not wait.
  package let code: ToolExit
}
