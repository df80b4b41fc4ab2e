import Glibc

/// Standard input, output and error as a program is given them, or not.
public enum StandardDescriptors {
  /// Takes the numbers of those that are closed, so that no file opened later becomes the output or
  /// gets error messages in the middle of a document. Each is opened the wrong way round: what reads
  /// from or writes to it fails with EBADF, as it would without this, and does not pass for empty.
  public static func hold() {
    for (descriptor, mode) in [
      (STDIN_FILENO, O_WRONLY), (STDOUT_FILENO, O_RDONLY), (STDERR_FILENO, O_RDONLY),
    ] where fcntl(descriptor, F_GETFD) < 0 {
      // In this order, open(2) returns the number that is missing: the lowest one that is free.
      _ = open("/dev/null", mode)
    }
  }
}
