import Checkpoint
import Common

/// The ids that workers of this process are at, or have fetched: one file and one checkpoint row belong to
/// each, so that one worker at a time may have it, and one document in all.
final class IDsInWork: Sendable {
  private let ids = Lock<[String: String]>([:])
  /// What this process has fetched; the checkpoint knows with which request.
  private let fetched = KnownIDs(isComplete: true)

  /// Takes an id for the document that `request` asks for; returns false when the run is stopped first.
  /// The same document, met twice in one input, is waited for, and then found fetched.
  ///
  /// Throws `invalid_record` where another document has the id just now; but for an id that this process has
  /// fetched, ``check(_:for:)`` says which document that was, as soon as nobody is at it.
  func take(_ id: String, for request: String, stop: ShutdownSignal) throws(RecordError) -> Bool {
    while true {
      let holder = ids.withLock { ids in
        if ids[id] == nil {
          ids[id] = request
          return String?.none
        }
        return ids[id]
      }
      guard let holder else { return true }
      guard holder == request || fetched.mayContain(id) else { throw Self.conflict(id) }
      guard stop.sleep(seconds: 0.02) else { return false }
    }
  }

  /// Takes those ids that no worker has just now, with one lock; says which. Of an id that is there twice, the first.
  func takeFree(_ taken: [(id: String, request: String)]) -> [Bool] {
    ids.withLock { ids in
      taken.map { id, request in
        guard ids[id] == nil else { return false }
        ids[id] = request
        return true
      }
    }
  }

  /// Gives ids back that ``takeFree(_:)`` took, and notes those that are in the spool.
  func leave(_ taken: [String], fetched: [String]) {
    if !fetched.isEmpty { self.fetched.insert(fetched) }
    ids.withLock { ids in for id in taken { ids.removeValue(forKey: id) } }
  }

  /// Gives an id back.
  func leave(_ id: String) { ids.withLock { _ = $0.removeValue(forKey: id) } }

  /// Notes that the file of an id is in the spool by the work of this process.
  func noteFetched(_ id: String) { fetched.insert([id]) }

  /// Throws `invalid_record` where this process has fetched another document of the same id.
  func check(_ known: Checkpoint.Entry?, for request: String) throws(RecordError) {
    guard let known, known.request != request, known.errorClass == nil,
      fetched.mayContain(known.id)
    else { return }
    throw Self.conflict(known.id)
  }

  private static func conflict(_ id: String) -> RecordError {
    RecordError(
      .invalidRecord,
      """
      the id \(Format.quoted(id)) belongs to another document of this input, whose file this one would \
      overwrite. Give each document an id of its own.
      """)
  }
}
