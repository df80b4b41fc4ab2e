import Common
import GRDB
import Glibc
import Synchronization

/// Opens a SQLite file that several processes write, creates it where it is missing.
///
/// A rollback journal, not WAL: Debian's SQLite 3.40 has the WAL-reset bug (fixed in 3.51.3), which
/// several writing processes can hit. TRUNCATE spares the directory a file created and deleted for
/// each commit.
package func openSQLite(
  _ path: String, label: String? = nil, synchronous: String, waiting wait: BusyWait
) throws -> DatabaseQueue {
  var configuration = Configuration()
  configuration.label = label
  configuration.busyMode = .callback { wait.again(after: $0) }
  configuration.prepareDatabase { db in
    try db.execute(sql: "PRAGMA journal_mode = TRUNCATE; PRAGMA synchronous = \(synchronous)")
  }
  return try DatabaseQueue(path: path, configuration: configuration)
}

/// Waiting for another process's transaction. SQLite's own handler backs off so far that processes
/// starve (measured with 8 writers: single waits of 2 s); short sleeps of random length keep shares
/// fair.
package final class BusyWait: Sendable {
  private let timeout: Int64
  private let longest: UInt32
  private let since = Mutex<Int64>(0)

  /// Gives up after `timeout` seconds; sleeps `longest` microseconds at most, a fifth of that at first.
  package init(timeout: Double, longest: UInt32) {
    self.timeout = Int64(timeout * 1e9)
    self.longest = longest
  }

  /// Sleeps a little. False when the time is up. Each wait counts its tries from 0.
  func again(after tries: Int) -> Bool {
    let now = Time.monotonic()
    let started = since.withLock { since in
      if tries == 0 { since = now }
      return since
    }
    guard now - started < timeout else { return false }
    usleep(.random(in: longest / 20...(tries < 10 ? longest / 5 : longest)))
    return true
  }
}
