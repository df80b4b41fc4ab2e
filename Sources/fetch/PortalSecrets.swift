import Common
import Glibc

/// Where the secrets of portal files are.
enum PortalSecrets {
  /// Bytes that a secret's file may have.
  private static let maximum = 4096

  /// The environment variable of that name, or else the file that NAME_FILE names, which its owner alone may
  /// read. Throws with exit code 78.
  static func find(_ name: String, _ portal: String) throws(Fatal) -> Secret {
    if let value = getenv(name) { return Secret(String(cString: value)) }
    guard let path = getenv(name + "_FILE").map({ String(cString: $0) }) else {
      throw Fatal(
        .configuration,
        """
        the portal \(portal) needs the secret \(name). Set the environment variable \(name), or name its \
        file with \(name)_FILE.
        """)
    }
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw Fatal(
        .configuration,
        "cannot read \(path), the file of \(name): \(String(cString: strerror(errno)))")
    }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
      status.st_mode & 0o077 == 0
    else {
      throw Fatal(
        .configuration,
        "others may read \(path), the file of \(name). Make it yours alone: chmod 600."
      )
    }
    var bytes = [UInt8](repeating: 0, count: maximum)
    let count = read(descriptor, &bytes, bytes.count)
    let text = String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
    let secret = text.prefix { !$0.isNewline }
    guard !secret.isEmpty else {
      throw Fatal(.configuration, "\(path), the file of \(name), has no secret in its first line")
    }
    return Secret(String(secret))
  }
}
