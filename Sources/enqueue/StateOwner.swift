import Files
import CLI
import Common
import Glibc
import Index

/// A state folder belongs to one index, and its file `index` says which: in another one, the same id is
/// another document, and both would take each other's files for their own.
struct StateOwner {
  private struct Note: Equatable {
    let index: String
    /// The folder itself, so that a copy is known to be one.
    let folder: String
  }

  let folder: String
  /// What tells indexes apart (``IndexURL/identity``).
  let index: String

  /// Throws with exit code 78 where the folder belongs to another index.
  ///
  /// An index file that is not there any more was moved or removed, and a folder that is not where it was
  /// noted was copied: neither makes the folder anybody else's.
  func check() throws(Fatal) {
    guard let note = read(), note.index != index, note.folder == Self.identity(of: folder) else {
      return
    }
    if note.index.hasPrefix("sqlite:"), access(String(note.index.dropFirst(7)), F_OK) != 0 {
      return
    }
    throw Fatal(
      .configuration,
      """
      the state folder \(folder) belongs to the index \(note.index), not to \(index), whose ids name other \
      documents. Name another folder with --state; if both are the same index, remove \(file).
      """)
  }

  /// Makes the folder this index's. Throws as ``check()`` does, and with 74.
  func claim() throws(Fatal) {
    try Self.makeDirectories(folder)
    try check()
    if let note = read(), note.index == index, note.folder == Self.identity(of: folder) { return }
    let object: JSONObject = [
      "index": .string(index), "folder": .string(Self.identity(of: folder) ?? ""),
    ]
    do throws(FileError) {
      let bytes = JSON.object(object).serialized() + [UInt8(ascii: "\n")]
      try WholeFile.write(bytes, to: file, mode: 0o600)
    } catch {
      throw Fatal(.inputOutput, "\(error). Name another state folder with --state")
    }
  }

  private var file: String { "\(folder)/index" }

  private func read() -> Note? {
    guard let handle = fopen(file, "re") else { return nil }
    defer { fclose(handle) }
    var bytes = [UInt8](repeating: 0, count: 1 << 14)
    let count = fread(&bytes, 1, bytes.count, handle)
    guard let json = try? JSON(parsing: Array(bytes[..<count])), let index = json["index"]?.string,
      let folder = json["folder"]?.string
    else { return nil }
    return Note(index: index, folder: folder)
  }

  private static func identity(of path: String) -> String? {
    var status = stat()
    return stat(path, &status) == 0 ? "\(status.st_dev) \(status.st_ino)" : nil
  }

  private static func makeDirectories(_ path: String) throws(Fatal) {
    let failure = Folders.make(path)
    guard failure != 0 else { return }
    let reason = String(cString: strerror(failure))
    throw Fatal(
      .inputOutput, "cannot make the state folder \(path): \(reason). Name another one with --state"
    )
  }
}
