import Common
import Glibc

/// The file that a record names: `fetch.path`, or else `path`.
struct SourceFile: Sendable, Equatable {
  /// As the record has it.
  let path: String
  /// The same, absolute and without links.
  let absolute: String
  /// Its size.
  let bytes: Int

  /// Throws ``RecordError`` where the record names no file that can be read, and ``Fatal`` where
  /// that is the machine's fault.
  init(of record: Record) throws {
    guard let path = (record["fetch"]?["path"] ?? record["path"])?.string else {
      throw RecordError(
        .invalidRecord, #"the record names no file: neither "fetch.path" nor "path" is a string"#)
    }
    try self.init(path: path)
  }

  init(path: String) throws {
    // A C string would end at a NUL, and name another file.
    guard !path.isEmpty, !path.utf8.contains(0) else {
      throw RecordError(.invalidRecord, "the file name \(Format.quoted(path)) is not one")
    }
    // Without O_NONBLOCK, a named pipe would let us wait for its writer.
    let descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    guard descriptor >= 0 else { throw LocalTrouble.error("open", path, errno) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw LocalTrouble.error("read", path, errno) }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw RecordError(.invalidRecord, "\(Format.quoted(path)) is not a file")
    }
    guard let resolved = realpath(path, nil) else {
      throw LocalTrouble.error("open", path, errno)
    }
    defer { free(resolved) }
    self.path = path
    absolute = String(cString: resolved)
    bytes = Int(status.st_size)
  }
}

/// Which failures of system calls are the machine's fault, and which a record's (promise P12).
enum LocalTrouble {
  static func isLocal(_ code: Int32) -> Bool {
    [EMFILE, ENFILE, ENOSPC, EDQUOT, EIO, ENOMEM, EROFS].contains(code)
  }

  /// The error of a call on the file that a record names.
  static func error(_ verb: String, _ path: String, _ code: Int32) -> any Error {
    let message = "cannot \(verb) \(Format.quoted(path)): \(String(cString: strerror(code)))"
    return isLocal(code)
      ? Fatal(.inputOutput, message) : RecordError(.invalidRecord, message)
  }
}
