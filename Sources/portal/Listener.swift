import Common
import Glibc

/// The owner of the listening socket.
final class Listener: Sendable {
  let descriptor: Int32
  /// The base URL of the portal.
  let url: String

  init(_ endpoint: Endpoint) throws(Fatal) {
    guard var address = endpoint.address else {
      throw Fatal(.usage, "\(endpoint.host) is not an IPv4 address")
    }
    // A client that went away between poll and accept must not make accept wait for the next one.
    let kind = SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue
    let opened = socket(AF_INET, Int32(kind), 0)
    guard opened >= 0 else { throw Self.failure("open a socket", errno) }
    var yes: Int32 = 1
    setsockopt(opened, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(4))
    // Inherited by what it accepts: a request may be there before we could ask for its time.
    setsockopt(opened, SOL_SOCKET, Socket.timestamps, &yes, socklen_t(4))
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isListening = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
        bind(opened, pointer, length) == 0 && Glibc.listen(opened, 4096) == 0
          && getsockname(opened, pointer, &length) == 0
      }
    }
    guard isListening else {
      let code = errno
      close(opened)
      throw Self.failure("listen on \(endpoint)", code)
    }
    descriptor = opened
    let host = endpoint.host == "0.0.0.0" ? "127.0.0.1" : endpoint.host
    url = "http://\(host):\(UInt16(bigEndian: address.sin_port))"
  }

  deinit { close(descriptor) }

  /// The next connection, or `nil` where none can be had now.
  func accept() -> Socket? {
    let connection = Glibc.accept(descriptor, nil, nil)
    return connection >= 0 ? Socket(owning: connection) : nil
  }

  private static func failure(_ action: String, _ code: Int32) -> Fatal {
    Fatal(
      code == EACCES ? .permission : .unavailable,
      "cannot \(action): \(String(cString: strerror(code)))")
  }
}
