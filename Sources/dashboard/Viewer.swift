import CWslay
import Common
import Glibc

/// One open WebSocket: libwslay's frames over a socket that never blocks. Belongs to the thread of ``Viewers``.
///
/// Whatever a client does, it holds one message of the dashboard's at most: the next one is made when the last was
/// taken. What it says has no meaning here, and is bounded.
final class Viewer {
  /// Bytes of a message from a client; a longer one ends the connection (1009).
  static let longestMessage: UInt64 = 1024
  /// Bytes read from a client in one turn, so that one that floods us does not keep the others waiting.
  static let turn = 8192
  /// Seconds that a client may leave a message untaken.
  static let patience: Int64 = 5
  /// Seconds between two pings, and without an answer after which a client counts as gone.
  static let pingInterval: Int64 = 20
  static let longestSilence: Int64 = 50

  let socket: HTTPServer.Upgraded
  /// Up to which change of the board it has been told.
  var seen = 0

  private var context: wslay_event_context_ptr?
  private var extra: ArraySlice<UInt8>
  private var mayRead = 0
  /// Since when something waits to be taken, on the monotonic clock.
  private var blockedSince: Int64?
  private var lastHeard = Time.monotonic()
  private var lastPing = Time.monotonic()

  init?(_ socket: HTTPServer.Upgraded) {
    self.socket = socket
    extra = socket.extra[...]
    var callbacks = wslay_event_callbacks()
    callbacks.recv_callback = { context, buffer, length, _, owner in
      guard let owner, let buffer else { return -1 }
      let viewer = Unmanaged<Viewer>.fromOpaque(owner).takeUnretainedValue()
      return viewer.receive(UnsafeMutableRawBufferPointer(start: buffer, count: length), context)
    }
    callbacks.send_callback = { context, data, length, _, owner in
      guard let owner, let data else { return -1 }
      let viewer = Unmanaged<Viewer>.fromOpaque(owner).takeUnretainedValue()
      let sent = send(viewer.socket.descriptor, data, length, Int32(MSG_NOSIGNAL))
      if sent < 0 { viewer.note(errno, context) }
      return sent
    }
    let owner = Unmanaged.passUnretained(self).toOpaque()
    guard wslay_event_context_server_init(&context, &callbacks, owner) == 0 else { return nil }
    wslay_event_config_set_max_recv_msg_length(context, Self.longestMessage)
    // Nothing is kept of what it says, fragments included.
    wslay_event_config_set_no_buffering(context, 1)
    let flags = fcntl(socket.descriptor, F_GETFL)
    _ = fcntl(socket.descriptor, F_SETFL, flags | O_NONBLOCK)
    // The kernel, too, keeps little for a client that does not read.
    var size: Int32 = 64 << 10
    setsockopt(
      socket.descriptor, SOL_SOCKET, SO_SNDBUF, &size, socklen_t(MemoryLayout<Int32>.size))
  }

  deinit { wslay_event_context_free(context) }

  private func note(_ failure: Int32, _ context: wslay_event_context_ptr?) {
    let isLater = failure == EAGAIN || failure == EINTR
    wslay_event_set_error(
      context,
      isLater ? Int32(WSLAY_ERR_WOULDBLOCK.rawValue) : Int32(WSLAY_ERR_CALLBACK_FAILURE.rawValue))
  }

  private func receive(
    _ buffer: UnsafeMutableRawBufferPointer, _ context: wslay_event_context_ptr?
  ) -> Int {
    guard mayRead > 0 else {
      note(EAGAIN, context)
      return -1
    }
    if !extra.isEmpty {
      let count = min(extra.count, buffer.count)
      buffer.copyBytes(from: extra.prefix(count))
      extra = extra.dropFirst(count)
      return count
    }
    let count = recv(socket.descriptor, buffer.baseAddress, min(buffer.count, mayRead), 0)
    if count > 0 {
      mayRead -= count
      lastHeard = Time.monotonic()
      return count
    }
    note(count < 0 ? errno : ECONNRESET, context)
    return -1
  }

  /// Whether nothing waits to be taken.
  var isReady: Bool { wslay_event_want_write(context) == 0 }

  /// What poll(2) is to wait for. Who does not take what was said is not listened to: each ping of a client's would
  /// have another answer waiting.
  var events: Int16 {
    Int16(isReady ? POLLIN : POLLOUT)
  }

  /// Queues a message. Only where ``isReady``.
  func say(_ text: [UInt8]) {
    text.withUnsafeBufferPointer { bytes in
      var message = wslay_event_msg(
        opcode: UInt8(WSLAY_TEXT_FRAME.rawValue), msg: bytes.baseAddress, msg_length: bytes.count)
      _ = wslay_event_queue_msg(context, &message)
    }
  }

  /// Reads and writes what goes at once. False when the connection is over, or has to be.
  func proceed(_ ready: Int16, now: Int64) -> Bool {
    if ready & Int16(POLLERR | POLLNVAL) != 0 { return false }
    if !extra.isEmpty || ready & Int16(POLLIN | POLLHUP) != 0 {
      mayRead = Self.turn
      guard wslay_event_recv(context) == 0 else { return false }
    }
    if isReady, now - lastPing > Self.pingInterval * 1_000_000_000 {
      lastPing = now
      var ping = wslay_event_msg(
        opcode: UInt8(WSLAY_PING.rawValue), msg: nil, msg_length: 0)
      _ = wslay_event_queue_msg(context, &ping)
    }
    if !isReady, wslay_event_send(context) != 0 { return false }
    if isReady { blockedSince = nil } else { blockedSince = blockedSince ?? now }
    let isStuck = blockedSince.map { now - $0 > Self.patience * 1_000_000_000 } ?? false
    let isSilent = now - lastHeard > Self.longestSilence * 1_000_000_000
    let isClosed =
      wslay_event_get_close_sent(context) != 0 && wslay_event_get_close_received(context) != 0
      || wslay_event_get_read_enabled(context) == 0 && isReady
    return !isStuck && !isSilent && !isClosed
  }

  /// Says goodbye: the dashboard ends.
  func end() {
    _ = wslay_event_queue_close(context, UInt16(WSLAY_CODE_GOING_AWAY.rawValue), nil, 0)
    _ = wslay_event_send(context)
  }
}
