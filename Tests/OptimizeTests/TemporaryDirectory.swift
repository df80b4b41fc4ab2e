import Common
import Glibc
import Testing

@testable import optimize

/// A directory that goes when its value goes.
final class TemporaryDirectory {
  let path: String

  init() throws {
    var template = Array("/tmp/optimize-tests-XXXXXX".utf8CString)
    try #require(mkdtemp(&template) != nil)
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  deinit { FileTree.remove(path) }

  /// Writes a file and returns its path.
  @discardableResult
  func write(_ bytes: [UInt8], to name: String) throws -> String {
    let file = "\(path)/\(name)"
    let descriptor = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    defer { close(descriptor) }
    try #require(writeAll(bytes, to: descriptor) == 0)
    return file
  }

  func makeDirectory(_ name: String) throws -> String {
    try #require(mkdir("\(path)/\(name)", 0o755) == 0)
    return "\(path)/\(name)"
  }

  /// What is there, hidden names included.
  var names: [String] { FileTree.names(in: path).sorted() }

  static func read(_ path: String) -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = Glibc.read(descriptor, &buffer, buffer.count)
      guard count > 0 else { return bytes }
      bytes += buffer[..<count]
    }
  }
}
