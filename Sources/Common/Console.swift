import Glibc

/// What is said to people besides the log: on stderr, and without secrets (promise P13).
public enum Console {
  /// Writes a text as it is, line ends and all, but for secrets in it. A terminal that is gone stops
  /// nothing.
  public static func write(_ text: String) {
    _ = writeAll(Array(SecretRedactor.message(text).utf8), to: STDERR_FILENO)
  }
}
