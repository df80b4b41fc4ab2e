import Glibc
import Synchronization

/// An HTTP server whose every byte a test decides: for faults that no well-behaved server can make.
/// Listens on a free port of the loopback interface; ends with its owner.
public final class ScriptedServer: Sendable {
  /// What the server does in answer to a request, step by step.
  public enum Step: Sendable {
    /// Sends text as it is.
    case send(String)
    /// Sends bytes as they are.
    case sendBytes([UInt8])
    /// Sends the same bytes again and again until the client goes away.
    case sendForever([UInt8])
    /// Sends one byte after the other, so many seconds apart.
    case drip([UInt8], every: Double)
    /// Does nothing until the client goes away.
    case stall
    /// Ends the connection in order.
    case close
    /// Ends the connection with a reset.
    case reset
  }

  /// Answers a request, given its head and its number (from 1).
  public typealias Script = @Sendable (_ head: String, _ number: Int) -> [Step]

  /// Where it listens: `http://127.0.0.1:PORT`.
  public let url: String
  private let listener: Int32
  private let script: Script
  private let heads = Mutex<[String]>([])

  /// Starts a server.
  public init(_ script: @escaping Script) throws {
    self.script = script
    listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
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
    Self.detach { [weak self] in
      while true {
        let connection = accept(listener, nil, nil)
        guard connection >= 0, let self else { break }
        Self.detach { [weak self] in
          self?.serve(connection)
          Glibc.close(connection)
        }
      }
      Glibc.close(listener)
    }
  }

  deinit { shutdown(listener, Int32(SHUT_RDWR)) }

  /// The heads of all requests so far, in order.
  public var requests: [String] { heads.withLock { $0 } }

  private func serve(_ connection: Int32) {
    while let head = Self.readHead(connection) {
      let number = heads.withLock { heads in
        heads.append(head)
        return heads.count
      }
      for step in script(head, number) {
        guard Self.perform(step, connection) else { return }
      }
    }
  }

  private static func readHead(_ connection: Int32) -> String? {
    var bytes: [UInt8] = []
    var byte: UInt8 = 0
    while bytes.count < 65_536, recv(connection, &byte, 1, 0) == 1 {
      bytes.append(byte)
      if bytes.suffix(4).elementsEqual("\r\n\r\n".utf8) {
        return String(decoding: bytes, as: UTF8.self)
      }
    }
    return nil
  }

  /// False when the connection is over.
  private static func perform(_ step: Step, _ connection: Int32) -> Bool {
    switch step {
    case .send(let text): return send(Array(text.utf8), connection)
    case .sendBytes(let bytes): return send(bytes, connection)
    case .sendForever(let bytes):
      while send(bytes, connection) {}
      return false
    case .drip(let bytes, let seconds):
      for byte in bytes {
        guard send([byte], connection), !clientLeaves(connection, within: seconds) else {
          return false
        }
      }
      return true
    case .stall:
      while !clientLeaves(connection, within: 1) {}
      return false
    case .close: return false
    case .reset:
      var linger = linger(l_onoff: 1, l_linger: 0)
      setsockopt(
        connection, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
      return false
    }
  }

  private static func clientLeaves(_ connection: Int32, within seconds: Double) -> Bool {
    var descriptor = pollfd(fd: connection, events: Int16(POLLIN), revents: 0)
    guard poll(&descriptor, 1, Int32(seconds * 1000)) > 0 else { return false }
    var byte: UInt8 = 0
    return recv(connection, &byte, 1, Int32(MSG_PEEK)) <= 0
  }

  private static func send(_ bytes: [UInt8], _ connection: Int32) -> Bool {
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
