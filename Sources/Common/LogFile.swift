import Glibc

/// A log file that follows its name, as log rotation expects: where the file was renamed or removed, the
/// next line goes into a new one. (`copytruncate` needs nothing: the file is opened for appending.)
public final class LogFile: Sendable {
  private struct State {
    var descriptor: Int32
    var device: dev_t
    var inode: ino_t
  }

  private let path: String
  private let state: Lock<State>

  /// Opens or creates it. Throws with exit code 74.
  public init(path: String) throws(Fatal) {
    self.path = path
    guard let state = Self.open(path) else {
      throw Fatal(
        .inputOutput, "cannot open the log file \(path): \(String(cString: strerror(errno)))")
    }
    self.state = Lock(state)
  }

  deinit { state.withLock { _ = close($0.descriptor) } }

  /// Appends a line with a single write(2), so that lines of several processes do not mix. A log that
  /// cannot be written stops nobody.
  func write(_ line: [UInt8]) {
    state.withLock { state in
      // stat(2) takes a microsecond, and needs no signal that an operator could forget.
      var named = stat()
      let isSame =
        stat(path, &named) == 0 && named.st_ino == state.inode && named.st_dev == state.device
      if !isSame, let new = Self.open(path) {
        close(state.descriptor)
        state = new
      }
      _ = writeAll(line, to: state.descriptor)
    }
  }

  private static func open(_ path: String) -> State? {
    let descriptor = Glibc.open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { return nil }
    var status = stat()
    fstat(descriptor, &status)
    return State(descriptor: descriptor, device: status.st_dev, inode: status.st_ino)
  }
}
