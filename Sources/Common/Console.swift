import Files
import Glibc

/// What is said to people besides the log: on stderr, and without secrets (promise P13).
package enum Console {
  /// Writes a text as it is, line ends and all, but for secrets in it. A terminal that is gone stops
  /// nothing.
  package static func write(_ text: String) {
    _ = writeAll(Array(SecretRedactor.message(text).utf8), to: STDERR_FILENO)
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
