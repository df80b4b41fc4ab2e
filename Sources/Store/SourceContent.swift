import Files
import Common
import Crypto
import Glibc

extension SourceFile {
  /// Reads the file once, for SHA-256 and what else is wanted, handing over each chunk, and compares
  /// what was read with what is recorded. Throws `local` where the file is not there, not a file, or
  /// not the same any more: it changed behind our back, which another attempt may put right.
  func content(
    also extras: FileDigest.Extras,
    _ chunk: (UnsafeRawBufferPointer) throws(FileError) -> Void = { _ in }
  ) throws -> FileDigest {
    try content(of: try open(), also: extras, chunk)
  }

  /// Opens it. Throws `local` where it is not there, and `invalid_record` where it is no file, or not one
  /// that may be used.
  func open() throws -> RegularFile {
    do throws(FileError) {
      guard !path.isEmpty, let file = try RegularFile.open(path, following: true, below: root)
      else {
        throw FileError("use", path, code: EINVAL)
      }
      return file
    } catch { throw error.atSource }
  }

  /// The same for a file that is open already, and was not read yet.
  func content(
    of file: borrowing RegularFile, also extras: FileDigest.Extras,
    _ chunk: (UnsafeRawBufferPointer) throws(FileError) -> Void = { _ in }
  ) throws -> FileDigest {
    let content: FileDigest
    do throws(FileError) {
      // What grows while it is read may never end.
      let size = try file.size()
      var total = 0
      content = try FileDigest(descriptor: file.descriptor, path: path, also: extras) {
        bytes throws(FileError) in
        total += bytes.count
        guard total <= size else { throw FileError("read", path, code: EBUSY) }
        try chunk(bytes)
      }
    } catch {
      throw error.path == path ? error.atSource : error.atDestination
    }
    if let bytes, bytes != content.bytes {
      throw changed("\(Format.count(content.bytes)) bytes", "\(Format.count(bytes)) bytes")
    }
    if let sha256, sha256 != content.sha256 {
      throw changed("SHA-256 \(content.sha256)", sha256)
    }
    return content
  }

  /// Reads an open file again, after a store said that it got something else: the error, if it was
  /// the file that changed while it was sent.
  func changed(
    _ file: borrowing RegularFile, since content: FileDigest
  ) throws -> RecordError? {
    lseek(file.descriptor, 0, SEEK_SET)
    do throws(FileError) {
      let now = try FileDigest(descriptor: file.descriptor, path: path)
      return now.sha256 == content.sha256
        ? nil : changed("SHA-256 \(now.sha256)", content.sha256)
    } catch { throw error.atSource }
  }

  private func changed(_ found: String, _ recorded: String) -> RecordError {
    RecordError(
      .local, "the file \(path) changed since it was recorded: it has \(found), not \(recorded)")
  }
}

extension RegularFile {
  /// The MD5 of all that it holds now, in hexadecimal digits.
  func md5() throws -> String? {
    lseek(descriptor, 0, SEEK_SET)
    do throws(FileError) {
      return try FileDigest(descriptor: descriptor, path: "a file", also: .md5).md5
    } catch { throw error.atSource }
  }

  /// Its size in bytes, at this moment; for a document's own file.
  func sourceSize() throws -> Int {
    do throws(FileError) { return try size() } catch { throw error.atSource }
  }
}
