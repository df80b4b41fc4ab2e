import Common
import Glibc
import PDF

/// The private directory of one document: what lies in it, and what is wrong with the machine where that cannot be
/// read or written.
struct JobFolder {
  /// No document is at fault.
  struct Trouble: Error, Sendable, Equatable, CustomStringConvertible {
    let message: String
    /// The `errno`.
    let code: Int32
    var description: String { message }
  }

  /// Where it is.
  let path: String

  /// A file in it.
  func file(_ name: String) -> String { "\(path)/\(name)" }

  /// How a file begins, and its size. `nil` where it cannot be read any more.
  func look(at name: String) throws(Trouble) -> (beginning: [UInt8], bytes: Int)? {
    let descriptor = open(file(name), O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      if HostError.isLocal(errno) { throw trouble("open") }
      return nil
    }
    defer { close(descriptor) }
    var status = stat()
    var bytes = [UInt8](repeating: 0, count: ContentKind.window)
    let count = pread(descriptor, &bytes, bytes.count, 0)
    guard count >= 0, fstat(descriptor, &status) == 0 else {
      if HostError.isLocal(errno) { throw trouble("read") }
      return nil
    }
    return (Array(bytes.prefix(count)), Int(status.st_size))
  }

  /// The size of a file that was just written.
  func bytes(of name: String) throws(Trouble) -> Int {
    guard let size = size(of: name) else { throw trouble("look at") }
    return size
  }

  /// The size of a file; `nil` where there is none.
  func size(of name: String) -> Int? {
    var status = stat()
    return stat(file(name), &status) == 0 ? Int(status.st_size) : nil
  }

  /// Makes what the engine for images has written the result.
  func takeImagesResult() throws(Trouble) {
    if rename(file(JobRequest.imagesResult), file(JobRequest.result)) != 0 {
      throw trouble("write to")
    }
  }

  /// A full disk makes bad results of good documents, and a document is not to pay for it. There
  /// has to be room for what Ghostscript writes: a result, and as much in temporary files, which it
  /// removes when it fails.
  func checkDisk(for sourceBytes: Int) throws(Trouble) {
    let path = file("probe")
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw trouble("write to") }
    defer {
      close(descriptor)
      unlink(path)
    }
    let failure = posix_fallocate(descriptor, 0, off_t(2 * sourceBytes + (1 << 20)))
    if HostError.isLocal(failure) { throw trouble("write to", failure) }
  }

  /// What could not be done to it.
  func trouble(_ verb: String, _ code: Int32 = errno) -> Trouble {
    Trouble(message: "cannot \(verb) \(path): \(String(cString: strerror(code)))", code: code)
  }
}
