import Files
import Glibc

/// What is said to people besides the log: on stderr, and without secrets (promise P13); and answers on stdout.
package enum Console {
  /// Writes a text as it is, line ends and all, but for secrets in it. A terminal that is gone stops
  /// nothing.
  package static func write(_ text: String) {
    _ = writeAll(Array(SecretRedactor.message(text).utf8), to: STDERR_FILENO)
  }

  /// Writes what was asked for to stdout, as it is. False where its reader is gone, which is no failure. Throws
  /// ``Fatal`` with exit code 74 where it cannot be written.
  @discardableResult
  package static func answer(_ text: String) throws(Fatal) -> Bool {
    let failure = writeAll(Array(text.utf8), to: STDOUT_FILENO)
    guard failure == 0 || failure == EPIPE else {
      throw Fatal(.inputOutput, "cannot write to stdout: \(String(cString: strerror(failure)))")
    }
    return failure == 0
  }
}

/// Standard input, output and error as a program is given them, or not.
package enum StandardDescriptors {
  /// Takes the numbers of those that are closed, so that no file opened later becomes the output or
  /// gets error messages in the middle of a document. Each is opened the wrong way round: what reads
  /// from or writes to it fails with EBADF, as it would without this, and does not pass for empty.
  package static func hold() {
    for (descriptor, mode) in [
      (STDIN_FILENO, O_WRONLY), (STDOUT_FILENO, O_RDONLY), (STDERR_FILENO, O_RDONLY),
    ] where fcntl(descriptor, F_GETFD) < 0 {
      // In this order, open(2) returns the number that is missing: the lowest one that is free.
      _ = open("/dev/null", mode)
    }
  }
}
