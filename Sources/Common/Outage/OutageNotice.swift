import Synchronization

/// Tells other programs what a tool waits for: a note (``ProcessNote``) that is replaced at each try, and removed when all
/// is well again. docs/outages.md has its form.
package final class OutageNotice: Sendable {
  private let note: ProcessNote
  private let outages = Mutex<[String: JSON]>([:])

  /// A notice in a folder, which is made where something has to be said.
  package init(tool: String, folder: String) {
    note = ProcessNote(tool: tool, folder: folder)
  }

  deinit { note.remove() }

  /// After a try, a reader waits so many seconds for the next notice before it takes it for one that was
  /// left behind: a try may take as long as the longest transfer.
  static let validity: Int64 = 900

  func show(_ scope: OutageGate.Scope, _ outage: OutageWatch.Outage, now: Int64) {
    let wall = Time.wall()
    func time(_ monotonic: Int64) -> JSON {
      .string(Time.timestamp(wall + min(monotonic, now + 86_400_000_000_000) - now))
    }
    let entry = JSON.object([
      "name": .string(scope.name), "reason": .string(outage.refusal.reason),
      "advice": .string(outage.refusal.advice), "since": time(outage.since),
      "next_try": time(outage.nextTry), "ends": time(outage.deadline),
      "tries": .int(outage.tries),
      "valid_until": time(max(outage.nextTry, now) + Self.validity * 1_000_000_000),
    ])
    outages.withLock { outages in
      outages[scope.key] = entry
      write(outages)
    }
  }

  func clear(_ key: String) {
    outages.withLock { outages in
      outages[key] = nil
      if outages.isEmpty { note.remove() } else { write(outages) }
    }
  }

  private func write(_ outages: [String: JSON]) {
    let all = outages.sorted { $0.key < $1.key }.map(\.value)
    note.write(["outages": .array(all)])
  }
}
