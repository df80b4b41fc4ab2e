import Checkpoint
import Common
import Files
import Glibc
import Logging

/// How much of the spool is taken (`--spool-limit`): no document begins while it would not fit, and other tools make
/// room by removing what they are done with. Where a disk is full all the same, room is waited for, too.
///
/// What lies in the spool is measured, whoever put it there, in blocks as disks give them. What is on its way counts as
/// much as large documents do; the first ones are a guess.
final class SpoolRoom: Sendable {
  private struct State {
    /// Bytes when they were last measured, and of what came since.
    var used = 0
    /// Not before then, by the monotonic clock in nanoseconds, is it measured again.
    var nextMeasure: Int64 = 0
    var underWay = 0
    /// What one may need: the largest of late.
    var size = 64 << 10
    var isTold = false
  }

  /// Of most file systems.
  private static let block = 4096
  /// Seconds until a document that found no room looks again.
  private static let pause = 0.05

  private let limit: Int?
  private let root: String
  private let logger: Logger
  private let state = Lock(State())

  /// Room for `limit` bytes below `root`; `nil` for as much as there is.
  init(limit: Int?, root: String, logger: Logger) {
    self.limit = limit
    self.root = root
    self.logger = logger
  }

  /// Waits until another document may begin. Throws when the run is stopped before.
  func enter(_ stop: ShutdownSignal) throws(RecordError) {
    guard let limit else { return }
    let began = Time.monotonic()
    while true {
      let (isLetIn, used, isNews) = state.withLock { state in
        let now = Time.monotonic()
        measure(&state, now: now)
        let isLetIn =
          state.used + (state.underWay + 1) * state.size <= limit
          || state.used + state.underWay == 0
        if isLetIn { state.underWay += 1 }
        let isNews = !isLetIn && !state.isTold && now - began > 10_000_000_000
        state.isTold = !isLetIn && (state.isTold || isNews)
        return (isLetIn, state.used, isNews)
      }
      if isLetIn { return }
      if isNews {
        logger.notice(
          """
          the spool holds \(Format.bytes(used)) of \(Format.bytes(limit)): waiting until other tools have removed \
          files
          """)
      }
      guard stop.sleep(seconds: Self.pause) else { throw RecordError.stopped }
    }
  }

  /// A document that was let in has come to its end: as a file of so many bytes, or not.
  func leave(_ bytes: Int?) {
    guard limit != nil else { return }
    state.withLock { state in
      state.underWay -= 1
      guard let bytes = bytes.map(Self.onDisk) else { return }
      state.used += bytes
      state.size = max(bytes, state.size - state.size / 16)
    }
  }

  /// The disk is full: waits until something was removed, a second at least. Throws when the run is stopped before,
  /// or where room is not limited.
  func waitAfterFull(_ full: Fatal, _ stop: ShutdownSignal) throws {
    guard limit != nil else { throw full }
    logger.warning("\(full.message): waiting until other tools have removed files")
    let before = Self.bytes(below: root)
    repeat {
      guard stop.sleep(seconds: 1) else { throw RecordError.stopped }
    } while Self.bytes(below: root) >= max(1, before)
  }

  /// Looks what is there, for a tenth of the time at most.
  private func measure(_ state: inout State, now: Int64) {
    guard now >= state.nextMeasure else { return }
    state.used = Self.bytes(below: root)
    let took = Time.monotonic() - now
    state.nextMeasure = now + max(Int64(Self.pause * 1e9), 10 * took)
  }

  /// But for what is on its way.
  private static func bytes(below folder: String, depth: Int = 2) -> Int {
    Folders.names(in: folder).reduce(0) { sum, name in
      let path = "\(folder)/\(name)"
      if let stamp = FileStamp(path: path) { return sum + onDisk(stamp.bytes) }
      return depth > 1 && name != ".part" ? sum + bytes(below: path, depth: depth - 1) : sum
    }
  }

  private static func onDisk(_ bytes: Int) -> Int { (bytes + block - 1) / block * block }
}

/// The spool's disk took no more of a document.
struct DiskFull: Error, CustomStringConvertible {
  /// How the run ends where nothing else was asked for.
  let reason: Fatal
  var description: String { reason.message }

  /// What a failure to write is: this, or the end of the run.
  static func error(_ failure: FileError) -> any Error {
    let reason = Fatal(.inputOutput, "\(failure)")
    return failure.code == ENOSPC || failure.code == EDQUOT ? DiskFull(reason: reason) : reason
  }
}
