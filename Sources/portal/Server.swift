import Common
import Glibc
import Synchronization

/// Takes connections and gives each a thread of its own: a fault may keep one waiting for minutes.
final class Server: Sendable {
  /// More connections than these are closed at once.
  static let maximumConnections = 1000

  /// Ends `run()` and wakes the threads that wait.
  let stop = Stop()
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
