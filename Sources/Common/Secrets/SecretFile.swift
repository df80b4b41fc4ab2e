import Files
import Glibc

/// A file that says who we are, read whole.
package enum SecretFile {
  private static let maximumBytes = 1 << 20

  /// Those who are not to read a file, as bits of its mode (stat(2)).
  package enum Others: mode_t, Sendable {
    /// All but its owner and its group.
    case everybody = 0o007
    /// All but its owner; and its group, where root owns it and lends it to us.
    case group = 0o077

    /// The bits that a file of `owner` may not have for `reader`. What root owns is not ours to change, and the
    /// group is how we may read it at all: so Kubernetes mounts secrets (0440 with fsGroup), and so libpq takes keys
    /// (PostgreSQL manual, 34.19.2).
    package func forbidden(owner: uid_t, reader: uid_t) -> mode_t {
      owner == 0 && reader != 0 ? Self.everybody.rawValue : rawValue
    }
  }

  /// The bytes of a file that `others` may not be able to read (promise P13), if it holds a `secret`.
  /// `what` names it in errors: `the key file /etc/key.json (GOOGLE_APPLICATION_CREDENTIALS)`. Throws with exit code
  /// 77, or 78 where there is no such file.
  package static func read(
    _ path: String, _ what: String, hiddenFrom others: Others = .everybody,
    secret: ([UInt8]) -> Bool = { _ in true }
  ) throws(Fatal) -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
    guard descriptor >= 0 else {
      throw Fatal(
        errno == ENOENT ? .configuration : .permission,
        "\(what) cannot be read: \(String(cString: strerror(errno)))")
    }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw Fatal(.permission, "\(what) is no file")
    }
    var bytes = [UInt8](repeating: 0, count: Int(min(max(0, status.st_size), maximumBytes)))
    var filled = 0
    while filled < bytes.count {
      let count = bytes.withUnsafeMutableBytes {
        Glibc.read(descriptor, $0.baseAddress?.advanced(by: filled), $0.count - filled)
      }
      guard count > 0 else { break }
      filled += count
    }
    bytes.removeLast(bytes.count - filled)
    let forbidden = others.forbidden(owner: status.st_uid, reader: geteuid())
    if status.st_mode & forbidden != 0, secret(bytes) {
      let readers = others == .group ? "others" : "every user of this machine"
      throw Fatal(
        .permission, "\(what) can be read by \(readers). \(advice(path, descriptor))")
    }
    return bytes
  }

  /// What can be done where it is: what is mounted does not take chmod(1).
  private static func advice(_ path: String, _ descriptor: Int32) -> String {
    let resolved = realpath(path, nil)
    defer { free(resolved) }
    // Kubernetes mounts what it calls a volume of a secret as links into `..2026_11_26…`, so that all its files
    // change in one step (kubernetes/pkg/volume/util/atomic_writer.go).
    if let resolved, String(cString: resolved).contains("/..") {
      return
        "Kubernetes mounted it, so chmod does not help: in the pod's specification, give the "
        + "secret's volume defaultMode: 0400, or 0440 and the pod a securityContext with fsGroup "
        + "where its container does not run as root"
    }
    var system = statvfs()
    if fstatvfs(descriptor, &system) == 0, system.f_flag & UInt(ST_RDONLY) != 0 {
      return
        "Its file system is read-only here: chmod 600 it where it comes from, or mount it with that "
        + "mode"
    }
    return "Run chmod 600 on it"
  }

  /// Writes a file anew that only we may read, in one step. False where that does not go.
  package static func write(_ bytes: [UInt8], to path: String) -> Bool {
    let temporary = "\(path).\(getpid()).part"
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    guard writeAll(bytes, to: descriptor) == 0, rename(temporary, path) == 0 else {
      unlink(temporary)
      return false
    }
    return true
  }
}
