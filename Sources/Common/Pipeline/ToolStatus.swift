import Synchronization

/// How a tool of a run fares at this moment, as the dashboard reads of it: a note (``ProcessNote``) in `STATE/status`,
/// replaced each second and removed at the end.
package struct ToolStatus: Sendable {
  package let tool: String
  package let process: Int
  /// Seconds since it was written.
  package let age: Double
  package let workers: Int
  /// Workers that have a document.
  package let busy: Int
  /// Seconds that the oldest of these has been worked on.
  package let oldest: Double
  /// The share of its workers' time, from 0 to 1, that went into documents, since it was written before.
  package let share: Double
  /// Documents since the start, and those that failed, here or before.
  package let documents: Int
  package let failures: Int
  /// What else a tool has to say.
  package let details: JSON

  /// Reads what was written; `nil` where it is something else.
  package init?(_ json: JSON, now: Int64) {
    guard let tool = json["tool"]?.string, let process = json["process"]?.int,
      let time = OutageReport.time(json["at"])
    else { return nil }
    (self.tool, self.process) = (tool, process)
    age = max(0, Double(now.subtractingClamped(time)) / 1e9)
    workers = json["workers"]?.int ?? 0
    busy = json["busy"]?.int ?? 0
    oldest = json["oldest_seconds"]?.double ?? 0
    share = json["busy_share"]?.double ?? 0
    documents = json["documents"]?.int ?? 0
    failures = json["failures"]?.int ?? 0
    details = json["details"] ?? .null
  }

  /// All living tools' in a folder, in the order of their names. What a killed program left behind says nothing.
  package static func current(in folder: String, now: Int64 = Time.wall()) -> [ToolStatus] {
    ProcessNote.current(in: folder).compactMap { ToolStatus($0, now: now) }
  }
}

/// Writes a tool's ``ToolStatus``, and counts for it what its workers do.
package final class StatusNotice: Sendable {
  private struct State {
    /// Since when each worker has had its document, on the monotonic clock; 0 without one.
    var since: [Int64]
    /// Nanoseconds that went into documents that are done.
    var busy: Int64 = 0
    var documents = 0
    /// At the last time that something was written.
    var before: (time: Int64, busy: Int64)
  }

  private let note: ProcessNote
  private let details: @Sendable () -> JSON
  private let state = Lock(State(since: [], before: (Time.monotonic(), 0)))
  /// Whether it is over. Held while the note is written, which then is not there again after the end; workers never
  /// wait for that.
  private let isOver = Mutex(false)
  private let done = Latch()

  /// A notice in a run's state folder, with what the tool has to say besides.
  package init(tool: String, state: String, details: @escaping @Sendable () -> JSON = { .null }) {
    note = ProcessNote(tool: tool, folder: "\(state)/status")
    self.details = details
  }

  /// Writes each second from the first one on, until ``end()``; not at all where no thread is left for that.
  /// `failures` says how many documents have failed, here or before.
  func begin(workers: Int, failures: @escaping @Sendable () -> Int) {
    state.withLock { $0.since = [Int64](repeating: 0, count: workers) }
    _ = startThread { [self] in
      var isFirst = true
      while done.sleep(seconds: 1) {
        if isFirst { note.removeLeftBehind() }
        isFirst = false
        write(failures())
      }
    }
  }

  /// A worker, numbered from 1, has begun with a document.
  func began(_ worker: Int) {
    state.withLock { state in
      if state.since.indices.contains(worker - 1) { state.since[worker - 1] = Time.monotonic() }
    }
  }

  /// It is done with it, or, where it looked at several, with so many.
  func ended(_ worker: Int, documents: Int) {
    state.withLock { state in
      guard state.since.indices.contains(worker - 1), state.since[worker - 1] != 0 else { return }
      state.busy += Time.monotonic() - state.since[worker - 1]
      state.since[worker - 1] = 0
      state.documents += documents
    }
  }

  /// The tool ends: nothing is left of it.
  func end() {
    done.happen()
    isOver.withLock { $0 = true }
    note.remove()
  }

  private func write(_ failures: Int) {
    let details = details()
    let members = state.withLock { state -> JSONObject in
      let now = Time.monotonic()
      let open = state.since.filter { $0 != 0 }
      let busy = state.busy + open.reduce(0) { $0 + now - $1 }
      let whole = Double(max(1, now - state.before.time)) * Double(max(1, state.since.count))
      let share = min(1, max(0, Double(busy - state.before.busy) / whole))
      state.before = (now, busy)
      return [
        "at": .string(Time.timestamp()), "workers": .int(state.since.count),
        "busy": .int(open.count),
        "oldest_seconds": .decimal(open.min().map { Double(now - $0) / 1e9 } ?? 0, 1),
        "busy_share": .decimal(share, 3), "documents": .int(state.documents),
        "failures": .int(failures), "details": details,
      ]
    }
    isOver.withLock { if !$0 { note.write(members) } }
  }
}
