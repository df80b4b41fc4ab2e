import Common
import Glibc

/// A file that is there whole or not at all, whenever somebody looks.
enum WholeFile {
  /// Writes `bytes` to `path` by way of a temporary file beside it; `what` names them in errors.
  static func write(_ bytes: [UInt8], to path: String, what: String) throws(Fatal) {
    let temporary = "\(path).\(getpid()).part"
    func wrong() -> Fatal {
      let reason = String(cString: strerror(errno))
      unlink(temporary)
      return Fatal(.inputOutput, "cannot write \(what) \(path): \(reason)")
    }
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw wrong() }
    defer { close(descriptor) }
    errno = writeAll(bytes, to: descriptor)
    guard errno == 0, rename(temporary, path) == 0 else { throw wrong() }
  }
}
