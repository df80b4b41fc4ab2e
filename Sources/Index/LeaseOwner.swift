import Common
import Glibc

/// Who holds a lease: the reading of ``Run/owner``.
struct LeaseOwner {
  let host: String
  let process: Int32

  init?(_ text: String) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 3, let process = Int32(parts[1]), process > 0 else { return nil }
    host = String(parts[0])
    self.process = process
  }

  /// Whether it is a process of this machine that is no more (kill(2): ESRCH). A number that was
  /// given to another process since makes this false; then the lease runs out by itself.
  var isDead: Bool {
    host == Self.thisHost && kill(process, 0) != 0 && errno == ESRCH
  }

  static let thisHost: String = {
    var name = [CChar](repeating: 0, count: 256)
    guard gethostname(&name, name.count - 1) == 0 else { return "localhost" }
    return String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }()
}

extension Run {
  /// A run of this process, with a random name.
  public static func here(leaseSeconds: Double = 600) -> Run {
    let id = Format.padded(String(UInt64.random(in: 0...UInt64.max), radix: 16), 16)
    return Run(id: id, host: LeaseOwner.thisHost, process: getpid(), leaseSeconds: leaseSeconds)
  }
}
