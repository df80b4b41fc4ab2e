import Glibc

/// A directory of a test's own, removed with everything in it when the test is done.
package final class TemporaryDirectory: Sendable {
  /// Where it is.
  package let path: String

  /// Makes one.
  package init() throws {
    var template = Array("/tmp/conveyor-test-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw SystemError("mkdtemp") }
    path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  deinit { Self.removeAll(path) }

  private static func removeAll(_ path: String) {
    for entry in entries(path) {
      if entry.isDirectory { removeAll(entry.path) } else { unlink(entry.path) }
    }
    rmdir(path)
  }

  /// Writes a file in it, and returns its path.
  @discardableResult
  package func write(_ text: String, to name: String) throws -> String {
    try write(Array(text.utf8), to: name)
  }

  /// Writes a file in it, and returns its path.
  @discardableResult
  package func write(_ bytes: [UInt8], to name: String) throws -> String {
    guard let file = fopen("\(path)/\(name)", "w") else { throw SystemError("fopen") }
    defer { fclose(file) }
    guard fwrite(bytes, 1, bytes.count, file) == bytes.count else { throw SystemError("fwrite") }
    return "\(path)/\(name)"
  }
}

/// A system call that failed in a test's own preparations.
package struct SystemError: Error, CustomStringConvertible {
  /// Which, and why.
  package let description: String

  init(_ call: String) { description = "\(call): \(String(cString: strerror(errno)))" }
}

extension TemporaryDirectory {
  /// The paths of all files in it, at any depth, sorted.
  package func files() -> [String] { Self.files(path).sorted() }

  private static func files(_ directory: String) -> [String] {
    entries(directory).flatMap { $0.isDirectory ? files($0.path) : [$0.path] }
  }

  fileprivate static func entries(_ directory: String) -> [(path: String, isDirectory: Bool)] {
    guard let stream = opendir(directory) else { return [] }
    defer { closedir(stream) }
    var found: [(path: String, isDirectory: Bool)] = []
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      guard name != ".", name != ".." else { continue }
      found.append(("\(directory)/\(name)", Int32(entry.pointee.d_type) == Int32(DT_DIR)))
    }
    return found
  }
}
