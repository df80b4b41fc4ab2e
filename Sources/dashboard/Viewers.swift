import CMicroHTTPD
import Common
import Glibc
import Synchronization

/// What viewers see, and when each part of it last changed. Pure.
struct Board: Sendable {
  private struct Part {
    let html: String
    let changed: Int
  }

  private var parts: [(id: String, part: Part)] = []
  /// Counts the changes.
  private(set) var now = 0

  /// Takes what is to be seen now; nothing has changed where it is what was seen before.
  mutating func update(_ fragments: [(id: String, html: String)]) {
    let before = Dictionary(parts.map { ($0.id, $0.part) }) { $1 }
    let next = now + 1
    parts = fragments.map { id, html in
      if let old = before[id], old.html == html { return (id, old) }
      return (id, Part(html: html, changed: next))
    }
    if parts.contains(where: { $0.part.changed == next }) { now = next }
  }

  /// `{"panel":"<html>"}` of the parts that have changed since `seen`; `nil` where none has.
  func message(since seen: Int) -> [UInt8]? {
    let changed = parts.filter { $0.part.changed > seen }
    guard !changed.isEmpty else { return nil }
    var object = JSONObject()
    for entry in changed { object[entry.id] = .string(entry.part.html) }
    return JSON.object(object).serialized()
  }
}

/// All open WebSockets, and the thread that serves them.
final class Viewers: Sendable {
  /// So many at a time.
  static let most = 64

  private let board = Mutex(Board())
  private let coming = Mutex<[HTTPServer.Upgraded]>([])
  private let number = Atomic<Int>(0)
  private let wake: WakeUp
  private let didChange: @Sendable (Int) -> Void

  /// `didChange` is told how many there are, whenever that changes.
  init(didChange: @escaping @Sendable (Int) -> Void) throws(Fatal) {
    wake = try WakeUp()
    self.didChange = didChange
  }

  /// Whether one more may come.
  var hasRoom: Bool { number.load(ordering: .relaxed) < Self.most }

  /// Takes over a socket.
  func add(_ socket: HTTPServer.Upgraded) {
    coming.withLock { $0.append(socket) }
    wake.happen()
  }

  /// Somebody has connected: the time that this may take is watched from now on.
  func noteConnection() { wake.happen() }

  /// Shows this to all of them, as soon as each can take it.
  func show(_ fragments: [(id: String, html: String)]) {
    board.withLock { $0.update(fragments) }
    wake.happen()
  }

  /// Serves them until `stop`. `tick` is called now and then; it says whether it wants to be called within a second.
  func run(until stop: ShutdownSignal, tick: (Int64) -> Bool) {
    var viewers: [Viewer] = []
    while !stop.isRequested {
      let now = Time.monotonic()
      var wantsTick = tick(now)
      for socket in coming.withLock({ coming in
        defer { coming = [] }
        return coming
      }) {
        if let viewer = Viewer(socket) {
          viewers.append(viewer)
        } else {
          cmicrohttpd_close(socket.handle)
        }
      }
      tellNews(viewers)
      var polled = [wake.poll, pollfd(fd: stop.descriptor, events: Int16(POLLIN), revents: 0)]
      polled += viewers.map { pollfd(fd: $0.socket.descriptor, events: $0.events, revents: 0) }
      wantsTick = wantsTick || !viewers.isEmpty
      poll(&polled, nfds_t(polled.count), wantsTick ? 1000 : -1)
      if polled[0].revents != 0 { wake.clear() }
      let after = Time.monotonic()
      viewers = zip(viewers, polled.dropFirst(2)).compactMap { viewer, entry in
        if viewer.proceed(entry.revents, now: after) { return viewer }
        cmicrohttpd_close(viewer.socket.handle)
        return nil
      }
      if number.exchange(viewers.count, ordering: .relaxed) != viewers.count {
        didChange(viewers.count)
      }
    }
    for viewer in viewers {
      viewer.end()
      cmicrohttpd_close(viewer.socket.handle)
    }
  }

  /// Queues what has changed for those who have taken what they were told before. What several have to be told is made once.
  private func tellNews(_ viewers: [Viewer]) {
    let board = board.withLock(\.self)
    var messages: [Int: [UInt8]?] = [:]
    for viewer in viewers where viewer.seen < board.now && viewer.isReady {
      let message = messages[viewer.seen] ?? board.message(since: viewer.seen)
      messages[viewer.seen] = .some(message)
      viewer.seen = board.now
      if let message { viewer.say(message) }
    }
  }
}

/// Wakes a thread that waits in poll(2), again and again.
final class WakeUp: Sendable {
  private let ends: (reader: Int32, writer: Int32)

  /// Throws with exit code 74 where no pipe is to be had.
  init() throws(Fatal) {
    guard let ends = makePipe() else {
      throw Fatal(.inputOutput, "cannot make a pipe: \(String(cString: strerror(errno)))")
    }
    for end in [ends.reader, ends.writer] { _ = fcntl(end, F_SETFL, O_NONBLOCK) }
    self.ends = ends
  }

  deinit {
    close(ends.reader)
    close(ends.writer)
  }

  /// What the thread waits for.
  var poll: pollfd { pollfd(fd: ends.reader, events: Int16(POLLIN), revents: 0) }

  /// Wakes it, or lets it not fall asleep. A pipe that is full does that, too.
  func happen() {
    var byte: UInt8 = 1
    _ = write(ends.writer, &byte, 1)
  }

  /// It is awake.
  func clear() {
    var bytes = [UInt8](repeating: 0, count: 512)
    while read(ends.reader, &bytes, bytes.count) == bytes.count {}
  }
}
