import Files
import Glibc
import Synchronization

/// Tells other programs what a tool waits for: a small file for each process, `FOLDER/TOOL-PID.json`,
/// replaced at each try (rename(2)), and removed when all is well again. docs/outages.md has its form.
///
/// It is only shown to people, so a disk that does not take it stops nobody.
package final class OutageNotice: Sendable {
  private let tool: String
  private let folder: String
  private let path: String
  private let outages = Mutex<[String: JSON]>([:])

  /// A notice in a folder, which is made where something has to be said.
  package init(tool: String, folder: String) {
    self.tool = tool
    self.folder = folder
    path = "\(folder)/\(tool)-\(getpid()).json"
  }

  deinit { unlink(path) }

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
      if outages.isEmpty { unlink(path) } else { write(outages) }
    }
  }

  private func write(_ outages: [String: JSON]) {
    let all = outages.sorted { $0.key < $1.key }.map(\.value)
    let text = JSON.object([
      "tool": .string(tool), "process": .int(Int(getpid())),
      "identity": ProcessIdentity.this.map { .string($0.description) },
      "outages": .array(all),
    ]).description
    mkdir(folder, 0o700)
    let part = path + ".part"
    let descriptor = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { return }
    let isWhole = writeAll(Array((text + "\n").utf8), to: descriptor) == 0
    close(descriptor)
    guard isWhole, rename(part, path) == 0 else {
      unlink(part)
      return
    }
  }
}
