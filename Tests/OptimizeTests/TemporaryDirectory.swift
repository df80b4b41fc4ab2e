import Files
import Common
import Glibc
import Support
import Testing

@testable import optimize

extension TemporaryDirectory {
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
