import Common
import Glibc

/// Who holds a lease: the reading of ``Run/owner``.
struct LeaseOwner: Sendable, Equatable {
  let host: String
  /// `nil` where older software wrote `host/4711/run`, which does not say which process 4711 is meant.
  let process: ProcessIdentity?

  init?(_ text: String) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 3 else { return nil }
    host = String(parts[0])
    process = ProcessIdentity(String(parts[1]))
    guard process != nil || (Int32(parts[1]) ?? 0) > 0 else { return nil }
  }

  /// Whether it is known to be no more. What cannot be judged from here lives until its lease runs out: a
  /// process of another machine, of an earlier boot, of another PID namespace (a container with the
  /// same host name), or one that older software named.
  var isDead: Bool {
    guard host == Self.thisHost, let process, let here = ProcessIdentity.this else { return false }
    return process.isDead(seenFrom: here)
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
    return Run(
      id: id, host: LeaseOwner.thisHost,
      process: ProcessIdentity.this?.description ?? String(getpid()), leaseSeconds: leaseSeconds)
  }
}
