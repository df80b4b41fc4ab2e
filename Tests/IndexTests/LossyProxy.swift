import Glibc
import Support
import Synchronization
import Testing

/// Stands between a client and a server, and loses answers when it is told to: the server has done
/// what it was asked, and the client cannot know.
final class LossyProxy: Sendable {
  let port: Int
  private let server: Int
  private let listener: Int32
  private let toLose = Atomic<Int>(0)

  init(to server: Int) throws {
    self.server = server
    listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    let listener = listener
    var (address, size) = Self.address(port: 0)
    let isBound = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(listener, $0, size) == 0 && listen(listener, 8) == 0
          && getsockname(listener, $0, &size) == 0
      }
    }
    try #require(isBound)
    port = Int(UInt16(bigEndian: address.sin_port))
  }

  deinit { close(listener) }

  /// The answers to the next so many requests are lost, each with its connection.
  func loseAnswers(_ count: Int) { toLose.store(count, ordering: .sequentiallyConsistent) }

  var answersToLose: Int { toLose.load(ordering: .sequentiallyConsistent) }

  /// Passes bytes on, for any number of connections, until `stop` becomes readable.
  func run(until stop: Int32) {
    var pairs: [(client: Int32, server: Int32)] = []
    while true {
      var waiting = ([stop, listener] + pairs.flatMap { [$0.client, $0.server] })
        .map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
      poll(&waiting, nfds_t(waiting.count), -1)
      if waiting[0].revents != 0 { break }
      pairs = pairs.enumerated().filter { number, pair in
        let isOpen =
          (waiting[2 + 2 * number].revents == 0 || pass(pair.client, pair.server))
          && (waiting[3 + 2 * number].revents == 0 || answer(pair.server, pair.client))
        if !isOpen { closeBoth(pair) }
        return isOpen
      }.map(\.element)
      if waiting[1].revents != 0, let upstream = connectUpstream() {
        pairs.append((accept(listener, nil, nil), upstream))
      }
    }
    for pair in pairs { closeBoth(pair) }
  }

  private func closeBoth(_ pair: (client: Int32, server: Int32)) {
    close(pair.client)
    close(pair.server)
  }

  private func pass(_ from: Int32, _ to: Int32) -> Bool {
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    let count = read(from, &buffer, buffer.count)
    return count > 0 && send(to, buffer, count, Int32(MSG_NOSIGNAL)) == count
  }

  private func answer(_ from: Int32, _ to: Int32) -> Bool {
    guard answersToLose > 0 else { return pass(from, to) }
    toLose.subtract(1, ordering: .sequentiallyConsistent)
    return false
  }

  private func connectUpstream() -> Int32? {
    let upstream = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var (address, size) = Self.address(port: server)
    let isConnected = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(upstream, $0, size) == 0 }
    }
    if !isConnected { close(upstream) }
    return isConnected ? upstream : nil
  }

  private static func address(port: Int) -> (sockaddr_in, socklen_t) {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = UInt16(port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    return (address, socklen_t(MemoryLayout<sockaddr_in>.size))
  }
}
