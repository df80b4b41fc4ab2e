import Glibc

/// A socket on a free port of the loopback interface, with a thread for each connection. Ends with its
/// owner.
package final class LoopbackListener: Sendable {
  /// Where it listens: `http://127.0.0.1:PORT`.
  package let url: String
  private let listener: Int32

  /// Listens, and has `serve` serve each connection, which is closed when that returns.
  package init(_ serve: @escaping @Sendable (_ connection: Int32) -> Void) throws {
    listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let listener = listener
    let isBound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(listener, $0, length) == 0 && listen(listener, 64) == 0
          && getsockname(listener, $0, &length) == 0
      }
    }
    guard isBound else { throw SystemError("bind") }
    url = "http://127.0.0.1:\(UInt16(bigEndian: address.sin_port))"
    Self.detach {
      while true {
        let connection = accept(listener, nil, nil)
        guard connection >= 0 else { break }
        Self.detach {
          serve(connection)
          Glibc.close(connection)
        }
      }
      Glibc.close(listener)
    }
  }

  deinit { shutdown(listener, Int32(SHUT_RDWR)) }

  /// The head of the next request with the empty line at its end; `nil` at the end of a connection.
  static func head(_ connection: Int32) -> String? {
    var bytes: [UInt8] = []
    var byte: UInt8 = 0
    while bytes.count < 65_536, recv(connection, &byte, 1, 0) == 1 {
      bytes.append(byte)
      if byte == 10, bytes.suffix(4).elementsEqual("\r\n\r\n".utf8) {
        return String(decoding: bytes, as: UTF8.self)
      }
    }
    return nil
  }

  /// The body that a head announces.
  static func body(_ connection: Int32, after head: String) -> String {
    let line = head.split(whereSeparator: \.isNewline).first {
      $0.lowercased().hasPrefix("content-length:")
    }
    let length = line.flatMap { Int($0.dropFirst(15).filter { !$0.isWhitespace }) } ?? 0
    guard (1...1 << 20).contains(length) else { return "" }
    var bytes = [UInt8](repeating: 0, count: length)
    let count = recv(connection, &bytes, length, Int32(MSG_WAITALL))
    return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
  }

  /// False when the connection is over.
  package static func send(_ bytes: [UInt8], _ connection: Int32) -> Bool {
    var rest = bytes[...]
    while !rest.isEmpty {
      let sent = rest.withUnsafeBytes {
        Glibc.send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      guard sent > 0 else { return false }
      rest = rest.dropFirst(sent)
    }
    return true
  }

  /// Makes the end of a connection a reset.
  static func resetOnClose(_ connection: Int32) {
    var linger = linger(l_onoff: 1, l_linger: 0)
    setsockopt(
      connection, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
  }

  private final class Job {
    let body: () -> Void
    init(_ body: @escaping () -> Void) { self.body = body }
  }

  private static func detach(_ body: @escaping @Sendable () -> Void) {
    var thread = pthread_t()
    let job = Unmanaged.passRetained(Job(body)).toOpaque()
    pthread_create(
      &thread, nil,
      { raw in
        guard let raw else { return nil }
        Unmanaged<Job>.fromOpaque(raw).takeRetainedValue().body()
        return nil
      }, job)
    pthread_detach(thread)
  }
}
