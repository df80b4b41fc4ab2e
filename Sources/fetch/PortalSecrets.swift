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
    let bytes: [UInt8]
    do throws(Fatal) {
      bytes = try SecretFile.read(path, "\(path), the file of \(name),", hiddenFrom: .group)
    } catch {
      // Whatever is wrong with it, the run is not set up as it has to be.
      throw Fatal(.configuration, error.message)
    }
    let text = String(decoding: bytes.prefix(maximum), as: UTF8.self)
    let secret = text.prefix { !$0.isNewline }
    guard !secret.isEmpty else {
      throw Fatal(.configuration, "\(path), the file of \(name), has no secret in its first line")
    }
    return Secret(String(secret))
  }
}
