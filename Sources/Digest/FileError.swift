import Glibc

/// A call on a file that failed: which, on what, and the system's reason.
public struct FileError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The system call.
  public let call: String
  /// The file.
  public let path: String
  /// The `errno` it left.
  public let code: Int32

  /// The error of a call that failed just now, or the given code.
  public init(_ call: String, _ path: String, code: Int32 = errno) {
    self.call = call
    self.path = path
    self.code = code
  }

  /// `cannot open spool/1.pdf: No such file or directory`.
  public var description: String { "cannot \(call) \(path): \(String(cString: strerror(code)))" }
}
