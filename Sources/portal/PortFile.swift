import Common
import Glibc

/// Tells others where the portal listens.
enum PortFile {
  /// Puts the file there whole or not at all: whoever waits for it may read it as soon as it sees
  /// it.
  static func write(_ url: String, to path: String) throws(Fatal) {
    let draft = "\(path).\(getpid()).tmp"
    let descriptor = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw failure(draft) }
    let written = writeAll(Array("\(url)\n".utf8), to: descriptor)
    guard close(descriptor) == 0, written == 0, rename(draft, path) == 0 else {
      defer { unlink(draft) }
      throw failure(path)
    }
  }

  private static func failure(_ path: String) -> Fatal {
    Fatal(.inputOutput, "cannot write \(path): \(String(cString: strerror(errno)))")
  }
}
