import Glibc

/// A directory of a test's own, removed with everything in it when the test is done.
public final class TemporaryDirectory: Sendable {
  /// Where it is.
  public let path: String

  /// Makes one.
  public init() throws {
    var template = Array("/tmp/conveyor-test-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw SystemError("mkdtemp") }
    path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  deinit {
    nftw(path, { name, _, _, _ in name.map { remove($0) } ?? 0 }, 16, Int32(FTW_DEPTH.rawValue | FTW_PHYS.rawValue))
  }

  /// Writes a file in it.
  public func write(_ text: String, to name: String) throws { try write(Array(text.utf8), to: name) }

  /// Writes a file in it.
  public func write(_ bytes: [UInt8], to name: String) throws {
    guard let file = fopen("\(path)/\(name)", "w") else { throw SystemError("fopen") }
    defer { fclose(file) }
    guard fwrite(bytes, 1, bytes.count, file) == bytes.count else { throw SystemError("fwrite") }
  }
}

/// A system call that failed in a test's own preparations.
public struct SystemError: Error, CustomStringConvertible {
  /// Which, and why.
  public let description: String

  init(_ call: String) { description = "\(call): \(String(cString: strerror(errno)))" }
}
