import Common
import HTTP

/// What Redis refused, or that it could not be reached.
package struct RedisError: ConnectionFailure, Sendable, Equatable, CustomStringConvertible {
  /// The first word of an error of the server's: `NOAUTH`, `WRONGPASS`, `NOGROUP`, `ERR` …; empty where it said
  /// nothing.
  package let code: String
  /// The server's or libcurl's words, on one line.
  package let description: String
  package let endsConnection: Bool
  /// Whether a certificate does not hold, or a file of ours cannot be used.
  let isTLS: Bool
  /// Whether it is this program's own setup that is wrong.
  let isSetup: Bool

  /// An error that the server answered with.
  init(reply: String) {
    code = String(reply.prefix { $0 != " " })
    description = Format.printable(reply)
    // A server that became a replica, or is starting: the address may lead to another one by now.
    endsConnection = ["READONLY", "LOADING", "MASTERDOWN"].contains(code)
    (isTLS, isSetup) = (false, false)
  }

  /// A connection that was not made, or broke.
  init(_ error: TransferError) {
    code = ""
    description = Format.printable(error.description)
    endsConnection = true
    isTLS = error.kind == .certificate
    isSetup = [.configuration, .invalid].contains(error.kind)
  }

  /// Bytes that are no reply.
  init(_ error: ReplyReader.Malformed) {
    code = "PROTOCOL"
    description = "the answer is not Redis': \(error)"
    endsConnection = true
    (isTLS, isSetup) = (false, false)
  }

  /// Whether the same may succeed a little later: the connection broke, the server starts, fails over, has no
  /// memory left just now, or lacks replicas.
  package var isPassing: Bool {
    guard !isTLS, !isSetup else { return false }
    return code.isEmpty
      || ["READONLY", "LOADING", "MASTERDOWN", "BUSY", "TRYAGAIN", "NOREPLICAS", "OOM"]
        .contains(code)
  }
}

extension Fatal {
  /// What an error of Redis means for a run; `purpose` is what it is used for: "limiter".
  package init(_ error: RedisError, _ name: String, _ purpose: String) {
    let (code, advice): (ToolExit, String) =
      switch error.code {
      case "" where error.isTLS:
        (.permission, ". Name the certificates to trust with CONVEYOR_REDIS_CA_FILE.")
      case "" where error.isSetup: (.configuration, ". See the files of CONVEYOR_REDIS_….")
      case "": (.unavailable, ". Is the server up, and the address right?")
      case "NOAUTH", "WRONGPASS":
        (.permission, ". See the user in the URL and CONVEYOR_REDIS_PASSWORD_FILE.")
      case "NOPERM": (.permission, ". See the user's ACL in docs/fleet.md.")
      case "MOVED", "ASK", "CROSSSLOT", "CLUSTERDOWN":
        (.configuration, ". Redis Cluster is not supported: name a server of its own.")
      case "MISCONF", "OOM": (.inputOutput, ". See the server's disk, and maxmemory.")
      case "PROTOCOL": (.unavailable, ". Is the port Redis', and TLS (rediss://) as it has it?")
      case "READONLY", "LOADING", "MASTERDOWN", "BUSY", "NOREPLICAS", "TRYAGAIN":
        (.unavailable, ". Does the address lead to the primary server?")
      case "WRONGTYPE": (.configuration, ". Something else uses its keys: choose another database.")
      default: (.other, "")
      }
    let text = "the \(purpose) \(name) cannot be used: \(error.description)\(advice)"
    self.init(code, Format.printable(text))
  }
}
