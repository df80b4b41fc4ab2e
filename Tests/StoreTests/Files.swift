import Glibc
import Store
import Synchronization
import Testing

/// A directory of a test's own for the documents it puts, removed with all that is in it.
final class Files: Sendable {
  let directory: String
  private let count = Atomic<Int>(0)

  init() throws {
    var template = Array("/tmp/conveyor-store-XXXXXX".utf8CString)
    try #require(mkdtemp(&template) != nil)
    directory = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  deinit { for path in Self.tree(directory).reversed() { remove(path) } }

  /// A new file with this content.
  func document(_ text: String) throws -> SourceFile { try document(bytes: Array(text.utf8)) }

  /// A new file with these bytes.
  func document(bytes: [UInt8]) throws -> SourceFile {
    let path = newPath()
    try Self.write(bytes, to: path)
    return SourceFile(path: path)
  }

  static func write(_ text: String, to path: String) throws {
    try write(Array(text.utf8), to: path)
  }

  static func write(_ bytes: [UInt8], to path: String) throws {
    let file = try #require(fopen(path, "w"))
    defer { fclose(file) }
    try #require(fwrite(bytes, 1, bytes.count, file) == bytes.count)
  }

  /// What a small file holds.
  func text(_ path: String) throws -> String {
    let file = try #require(fopen(path, "r"))
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 4096)
    let count = fread(&bytes, 1, bytes.count, file)
    return String(decoding: bytes.prefix(count), as: UTF8.self)
  }

  /// A pipe with a name that nobody writes to: whoever opens it the simple way waits for ever.
  func fifo() throws -> String {
    let path = newPath()
    try #require(mkfifo(path, 0o600) == 0)
    return path
  }

  private func newPath() -> String {
    "\(directory)/document-\(count.add(1, ordering: .relaxed).newValue)"
  }

  /// A directory and all that is in it, parents first.
  static func tree(_ path: String) -> [String] {
    var paths = [path]
    guard let handle = opendir(path) else { return paths }
    defer { closedir(handle) }
    while let entry = readdir(handle) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name == "." || name == ".." { continue }
      let below = path + "/" + name
      paths += entry.pointee.d_type == UInt8(DT_DIR) ? tree(below) : [below]
    }
    return paths
  }
}
