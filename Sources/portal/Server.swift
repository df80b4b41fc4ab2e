import Files
import Common
import Glibc
import Synchronization

/// Takes connections and gives each a thread of its own: a fault may keep one waiting for minutes.
final class Server: Sendable {
  /// More connections than these are closed at once.
  static let maximumConnections = 1000

  /// Ends `run()` and wakes the threads that wait.
  let stop = ShutdownSignal()
  private let listener: Listener
  private let serve: Serve
  private let open = Atomic<Int>(0)

  /// Serves the connection of that number, from 1, to its end.
  typealias Serve = @Sendable (_ number: Int, _ socket: Socket, _ server: Server) -> Void

  init(listener: Listener, serve: @escaping Serve) {
    self.listener = listener
    self.serve = serve
    Self.raiseFileLimit()
  }

  /// Serves until a stop is requested. Connections that are open then end soon after.
  func run() {
    var number = 0
    while wait(listener.descriptor) {
      guard let socket = listener.accept() else {
        // The client is gone already, or there are no descriptors left: let some be closed.
        if errno == EMFILE || errno == ENFILE { _ = stop.sleep(seconds: 0.05) }
        continue
      }
      number += 1
      guard open.load(ordering: .relaxed) < Self.maximumConnections else { continue }
      open.add(1, ordering: .relaxed)
      // Hundreds of stacks of the usual 8 MiB would be a lot; drawing a page needs far less than this.
      let isStarted = startThread(stackSize: 1 << 20) { [self, number] in
        serve(number, socket, self)
        open.subtract(1, ordering: .relaxed)
      }
      if !isStarted { open.subtract(1, ordering: .relaxed) }
    }
  }

  /// Waits until `descriptor` can be read, or until nothing came for `seconds`. False then, and
  /// when a stop was requested.
  func wait(_ descriptor: Int32, seconds: Double? = nil, for events: Int32 = POLLIN) -> Bool {
    var descriptors = [
      pollfd(fd: descriptor, events: Int16(events), revents: 0),
      pollfd(fd: stop.descriptor, events: Int16(POLLIN), revents: 0),
    ]
    let deadline = seconds.map { Time.monotonic() + Int64($0 * 1e9) }
    while !stop.isRequested {
      let left = deadline.map { Double($0 - Time.monotonic()) / 1e6 }
      if let left, left <= 0 { return false }
      let ready = poll(&descriptors, 2, left.map { Int32(min($0, 1e9).rounded(.up)) } ?? -1)
      if ready > 0, descriptors[0].revents != 0 { return true }
    }
    return false
  }

  /// Hundreds of connections need as many descriptors.
  private static func raiseFileLimit() {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
    limit.rlim_cur = max(limit.rlim_cur, min(limit.rlim_max, 4096))
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
  }
}

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

/// Tells others where the portal listens.
enum PortFile {
  /// Puts the file there whole or not at all: whoever waits for it may read it as soon as it sees
  /// it.
  static func write(_ url: String, to path: String) throws(Fatal) {
    do throws(FileError) { try WholeFile.write(Array("\(url)\n".utf8), to: path) } catch {
      throw Fatal(.inputOutput, "\(error)")
    }
  }
}
