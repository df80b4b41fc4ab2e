import Glibc

/// A call on a file that failed: which, on what, and the system's reason.
package struct FileError: Error, Sendable, Equatable, CustomStringConvertible {
  package let call: String
  package let path: String
  /// The `errno` it left.
  package let code: Int32

  /// The error of a call that failed just now, or the given code.
  package init(_ call: String, _ path: String, code: Int32 = errno) {
    self.call = call
    self.path = path
    self.code = code
  }

  /// `cannot open spool/1.pdf: No such file or directory`.
  package var description: String { "cannot \(call) \(path): \(String(cString: strerror(code)))" }
}

/// Writes all bytes, over short writes and signals. Returns 0, or the `errno` of the failure.
package func writeAll(_ bytes: [UInt8], to descriptor: Int32) -> Int32 {
  bytes.withUnsafeBytes { all in
    var rest = all[...]
    while !rest.isEmpty {
      let written = Glibc.write(
        descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
      if written >= 0 {
        rest = rest.dropFirst(written)
      } else if errno != EINTR {
        return errno
      }
    }
    return 0
  }
}
