import Files
import Common
import Crypto
import Glibc

/// The file that a record names: `fetch.path`, or else `path`.
struct SourceFile: Sendable, Equatable {
  /// As the record has it.
  let path: String
  /// The same, absolute and without links.
  let absolute: String
  /// Its size.
  let bytes: Int
  /// Its SHA-256 as `fetch` recorded it, where it did.
  let sha256: String?
  /// Whether `fetch` brought it, so that what is wrong with it now is not the record's fault.
  let isFetched: Bool

  /// Throws ``RecordError`` where the record names no file that can be read, and ``Fatal`` where
  /// that is the machine's fault. `root` is a directory that the file has to be in.
  init(of record: DocumentRecord, below root: String? = nil) throws {
    guard let file = try record.sourceFile() else {
      throw RecordError(
        .invalidRecord, #"the record names no file: "fetch.path" or "path" must be a string"#)
    }
    try self.init(path: file.path, sha256: file.sha256, isFetched: file.isOurs, below: root)
    if let recorded = file.bytes, recorded != bytes {
      throw changed("\(Format.count(bytes)) bytes", "\(Format.count(recorded)) bytes")
    }
  }

  init(
    path: String, sha256: String? = nil, isFetched: Bool = false, below root: String? = nil
  ) throws {
    self.isFetched = isFetched
    self.sha256 = sha256?.lowercased()
    // A C string would end at a NUL, and name another file.
    guard !path.isEmpty, !path.utf8.contains(0) else {
      throw RecordError(.invalidRecord, "invalid file name: \(Format.quoted(path))")
    }
    do throws(FileError) {
      guard let file = try RegularFile.open(path, following: true, below: root) else {
        throw FileError("use", path, code: EINVAL)
      }
      bytes = try file.size()
    } catch { throw Self.error(error, isFetched: isFetched) }
    guard let resolved = realpath(path, nil) else {
      throw Self.error(FileError("open", path), isFetched: isFetched)
    }
    defer { free(resolved) }
    self.path = path
    absolute = String(cString: resolved)
  }

  /// Reads it to its end. Throws `local` where it is not what `fetch` recorded any more.
  func digest() throws -> FileDigest {
    let digest: FileDigest
    do throws(FileError) {
      guard let file = try RegularFile.open(absolute, following: false) else {
        throw FileError("use", path, code: EINVAL)
      }
      // What grows while it is read may never end.
      let size = try file.size()
      var total = 0
      digest = try FileDigest(descriptor: file.descriptor, path: path) { bytes throws(FileError) in
        total += bytes.count
        if total > size { throw FileError("read", path, code: EBUSY) }
      }
    } catch { throw Self.error(error, isFetched: isFetched) }
    if let sha256, sha256 != digest.sha256 { throw changed("SHA-256 \(digest.sha256)", sha256) }
    return digest
  }

  private func changed(_ found: String, _ recorded: String) -> RecordError {
    RecordError(
      .local, "the file \(path) changed since it was fetched: \(found) instead of \(recorded)")
  }

  /// Whose fault a failed call is. A file that was fetched and no longer exists was removed from
  /// outside, and comes back with the next attempt; one that only the record names is the record's.
  private static func error(_ error: FileError, isFetched: Bool) -> any Error {
    switch error.code {
    case EINVAL:
      RecordError(.invalidRecord, "not a regular file: \(Format.quoted(error.path))")
    case EXDEV:
      RecordError(.invalidRecord, "\(Format.quoted(error.path)) is outside of --root")
    case EBUSY: RecordError(.local, "\(error.path) grew while it was being read")
    case _ where HostError.isLocal(error.code): Fatal(.inputOutput, error.description)
    default: RecordError(isFetched ? .local : .invalidRecord, error.description)
    }
  }
}

/// Which failures of system calls are the machine's fault, and which a record's (promise P12).
enum HostError {
  static func isLocal(_ code: Int32) -> Bool {
    [EMFILE, ENFILE, ENOSPC, EDQUOT, EFBIG, EIO, ENOMEM, EROFS].contains(code)
  }
}
