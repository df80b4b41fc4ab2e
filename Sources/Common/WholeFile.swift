import Glibc

/// Gives a file new content, whole or not at all: whoever reads it sees the old or the new one. `what`
/// names it in the error, which has exit code 74.
public func writeWhole(_ bytes: [UInt8], to path: String, _ what: String) throws(Fatal) {
  let temporary = "\(path).\(getpid()).part"
  func wrong(_ code: Int32 = errno) -> Fatal {
    unlink(temporary)
    return Fatal(.inputOutput, "cannot write \(what) \(path): \(String(cString: strerror(code)))")
  }
  let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0o644)
  guard descriptor >= 0 else { throw wrong() }
  defer { close(descriptor) }
  let failure = writeAll(bytes, to: descriptor)
  guard failure == 0 else { throw wrong(failure) }
  guard rename(temporary, path) == 0 else { throw wrong() }
}
