import CMicroHTTPD
import Common
import Glibc
import Synchronization

/// The server: libmicrohttpd, with bounds on all that a client can make it hold. One thread of the library reads and
/// writes; what takes time is answered later, from another one.
final class HTTPServer: Sendable {
  /// What becomes of a request.
  enum Answer: Sendable {
    case reply(Reply)
    /// The reply comes when this calls what it is given.
    case later(@Sendable (_ finish: @escaping @Sendable (Reply) -> Void) -> Void)
    /// It becomes a WebSocket; the value of `Sec-WebSocket-Accept`.
    case socket(String)
  }

  /// A socket that is no longer the library's: what closes it, and what came with the request's last packet.
  struct Upgraded: @unchecked Sendable {
    // Proof: the pointer is used once, to close the socket, by the thread that has taken it over.
    let handle: OpaquePointer
    let descriptor: Int32
    let extra: [UInt8]
  }

  /// Connections at a time; what is beyond is closed at once.
  static let connections = 128
  /// Bytes that the library may hold for a connection: the header fields have to fit.
  static let memory = 24 << 10
  /// Bytes of a body: forms have some hundred.
  static let longestBody = 4096
  /// Seconds without a byte after which a connection is closed.
  static let idle = 10
  /// Seconds after which one is closed that is still neither answered nor waiting for an answer.
  static let longest: Int64 = 20

  private let handler: @Sendable (Request) -> Answer
  private let didConnect: @Sendable () -> Void
  private let didUpgrade: @Sendable (Upgraded) -> Void
  private let deadlines = Mutex<[UInt: (descriptor: Int32, time: Int64)]>([:])

  init(
    handler: @escaping @Sendable (Request) -> Answer, didConnect: @escaping @Sendable () -> Void,
    didUpgrade: @escaping @Sendable (Upgraded) -> Void
  ) {
    self.handler = handler
    self.didConnect = didConnect
    self.didUpgrade = didUpgrade
  }

  /// Answers what comes in on a listening socket until the process ends, and lives as long. Throws with exit code 74.
  func start(_ socket: Int32) throws(Fatal) {
    let context = Unmanaged.passRetained(self).toOpaque()
    let daemon = cmicrohttpd_start(
      socket, UInt32(Self.connections), Self.memory, UInt32(Self.idle), context,
      { context, connection, path, method, _, data, size, box in
        guard let context, let connection, let path, let method, let size, let box else {
          return .NO
        }
        let server = Unmanaged<HTTPServer>.fromOpaque(context).takeUnretainedValue()
        guard let kept = box.pointee else {
          let exchange = Exchange(HTTPServer.request(connection, method, path))
          box.pointee = Unmanaged.passRetained(exchange).toOpaque()
          return .YES
        }
        let exchange = Unmanaged<Exchange>.fromOpaque(kept).takeUnretainedValue()
        if size.pointee > 0 {
          exchange.add(UnsafeRawBufferPointer(start: data, count: size.pointee))
          size.pointee = 0
          return .YES
        }
        return server.answer(exchange, connection)
      },
      { _, _, box, _ in
        guard let kept = box?.pointee else { return }
        box?.pointee = nil
        Unmanaged<Exchange>.fromOpaque(kept).release()
      },
      { context, connection, _, event in
        guard let context, let connection else { return }
        let server = Unmanaged<HTTPServer>.fromOpaque(context).takeUnretainedValue()
        server.note(connection, isOpen: event == .CONNECTION_NOTIFY_STARTED)
      })
    guard daemon != nil else { throw Fatal(.inputOutput, "cannot start the web server") }
  }

  /// Closes connections that have taken too long: who sends a byte now and then is never idle. To be called once a
  /// second; returns whether there are any connections.
  func enforceDeadlines(now: Int64) -> Bool {
    deadlines.withLock { deadlines in
      for (key, entry) in deadlines where entry.time < now {
        // The library sees the end of the stream and does the rest; the descriptor is its own.
        shutdown(entry.descriptor, Int32(SHUT_RDWR))
        deadlines[key] = nil
      }
      return !deadlines.isEmpty
    }
  }

  private func note(_ connection: OpaquePointer, isOpen: Bool) {
    let descriptor = isOpen ? cmicrohttpd_socket(connection) : -1
    let key = UInt(bitPattern: connection)
    deadlines.withLock {
      $0[key] = isOpen ? (descriptor, Time.monotonic() + Self.longest * 1_000_000_000) : nil
    }
    if isOpen { didConnect() }
  }

  private func forget(_ connection: OpaquePointer) { note(connection, isOpen: false) }

  private func answer(_ exchange: Exchange, _ connection: OpaquePointer) -> MHD_Result {
    if let reply = exchange.reply { return Self.send(reply, connection) }
    guard let request = exchange.request else {
      return Self.send(
        Reply(413, "text/plain; charset=utf-8", "This is more than a form has.\n"), connection)
    }
    switch handler(request) {
    case .reply(let reply): return Self.send(reply, connection)
    case .socket(let accept): return upgrade(connection, accept)
    case .later(let work):
      forget(connection)
      MHD_suspend_connection(connection)
      let suspended = Suspended(connection: connection)
      work { reply in
        guard exchange.finish(reply) else { return }
        MHD_resume_connection(suspended.connection)
      }
      return .YES
    }
  }

  private struct Suspended: @unchecked Sendable {
    // Proof: the library keeps a suspended connection until it is resumed, which happens once.
    let connection: OpaquePointer
  }

  private static func send(_ reply: Reply, _ connection: OpaquePointer) -> MHD_Result {
    let response = reply.body.withUnsafeBufferPointer {
      MHD_create_response_from_buffer(
        $0.count, UnsafeMutableRawPointer(mutating: $0.baseAddress), .RESPMEM_MUST_COPY)
    }
    guard let response else { return .NO }
    defer { MHD_destroy_response(response) }
    MHD_add_response_header(response, "Content-Type", reply.type)
    for (name, value) in Reply.always.merging(reply.fields, uniquingKeysWith: { $1 }) {
      MHD_add_response_header(response, name, value)
    }
    return MHD_queue_response(connection, UInt32(reply.status), response)
  }

  private func upgrade(_ connection: OpaquePointer, _ accept: String) -> MHD_Result {
    let context = Unmanaged.passUnretained(self).toOpaque()
    let response = MHD_create_response_for_upgrade(
      { context, connection, _, extra, size, descriptor, handle in
        guard let context, let connection, let handle else { return }
        let server = Unmanaged<HTTPServer>.fromOpaque(context).takeUnretainedValue()
        server.forget(connection)
        let extra = extra.map { Array(UnsafeRawBufferPointer(start: $0, count: size)) } ?? []
        server.didUpgrade(Upgraded(handle: handle, descriptor: descriptor, extra: extra))
      }, context)
    guard let response else { return .NO }
    defer { MHD_destroy_response(response) }
    MHD_add_response_header(response, "Upgrade", "websocket")
    MHD_add_response_header(response, "Sec-WebSocket-Accept", accept)
    return MHD_queue_response(connection, 101, response)
  }

  private static func request(
    _ connection: OpaquePointer, _ method: UnsafePointer<CChar>, _ path: UnsafePointer<CChar>
  ) -> Request {
    var request = Request(method: String(cString: method), path: String(cString: path))
    withUnsafeMutablePointer(to: &request) { pointer in
      MHD_get_connection_values(
        connection, .HEADER_KIND,
        { context, _, name, value in
          guard let context, let name else { return .YES }
          let key = String(cString: name).lowercased()
          let text = value.map { String(cString: $0) } ?? ""
          let request = context.assumingMemoryBound(to: Request.self)
          if request.pointee.fields.updateValue(text, forKey: key) != nil {
            request.pointee.repeated.insert(key)
          }
          return .YES
        }, pointer)
      MHD_get_connection_values(
        connection, .GET_ARGUMENT_KIND,
        { context, _, name, value in
          guard let context, let name else { return .YES }
          context.assumingMemoryBound(to: Request.self).pointee.query[String(cString: name)] =
            value.map { String(cString: $0) } ?? ""
          return .YES
        }, pointer)
    }
    return request
  }
}

/// One request and its answer: the library calls back several times for each.
private final class Exchange: Sendable {
  private struct State {
    var request: Request?
    var reply: Reply?
  }

  private let state: Mutex<State>

  init(_ request: Request) { state = Mutex(State(request: request)) }

  /// A piece of the body; more than a form has, and the request is none any more.
  func add(_ bytes: UnsafeRawBufferPointer) {
    state.withLock { state in
      let length = (state.request?.body.count ?? 0) + bytes.count
      if length > HTTPServer.longestBody { state.request = nil }
      state.request?.body.append(contentsOf: bytes)
    }
  }

  /// `nil` where it was too long.
  var request: Request? { state.withLock(\.request) }
  var reply: Reply? { state.withLock(\.reply) }

  /// False where there is an answer already.
  func finish(_ reply: Reply) -> Bool {
    state.withLock { state in
      guard state.reply == nil else { return false }
      state.reply = reply
      return true
    }
  }
}

/// Where the dashboard listens: `127.0.0.1:8800`, `[::1]:8800`.
struct Address: Sendable, Equatable, CustomStringConvertible {
  let host: String
  let port: Int

  /// `nil` for a text that is none.
  init?(_ text: String) {
    guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...])
    else { return nil }
    var host = String(text[..<colon])
    if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
    guard !host.isEmpty else { return nil }
    (self.host, self.port) = (host == "localhost" ? "127.0.0.1" : host, Int(port))
  }

  /// Whether only programs of this machine reach it.
  var isLoopback: Bool { host.hasPrefix("127.") || host == "::1" }

  var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

  /// A listening socket and its port. Throws with exit code 69 where it cannot be had.
  func listen() throws(Fatal) -> (descriptor: Int32, port: Int) {
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV
    var found: UnsafeMutablePointer<addrinfo>?
    guard getaddrinfo(host, String(port), &hints, &found) == 0, let found else {
      throw Fatal(
        .usage, "--listen must be an address and a port like 127.0.0.1:8800; it is \(self)")
    }
    defer { freeaddrinfo(found) }
    let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
    let descriptor = socket(found.pointee.ai_family, type, 0)
    var yes: Int32 = 1
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
    guard descriptor >= 0, bind(descriptor, found.pointee.ai_addr, found.pointee.ai_addrlen) == 0,
      Glibc.listen(descriptor, 64) == 0
    else {
      let reason = String(cString: strerror(errno))
      if descriptor >= 0 { close(descriptor) }
      throw Fatal(
        .unavailable, "cannot listen on \(self): \(reason). Name another address with --listen.")
    }
    var address = sockaddr_in6()
    var length = socklen_t(MemoryLayout<sockaddr_in6>.size)
    withUnsafeMutableBytes(of: &address) {
      _ = getsockname(descriptor, $0.baseAddress?.assumingMemoryBound(to: sockaddr.self), &length)
    }
    // The port is at the same place in both families.
    return (descriptor, Int(UInt16(bigEndian: address.sin6_port)))
  }
}
