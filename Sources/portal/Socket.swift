import Glibc

/// The owner of a connected socket.
final class Socket: Sendable {
  let descriptor: Int32

  /// Takes over `descriptor`. Nothing is held back to fill packets: a fault may need each byte.
  init(owning descriptor: Int32) {
    self.descriptor = descriptor
    var yes: Int32 = 1
    setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(4))
    // A client that does not read must not hold a thread for ever.
    var limit = timeval(tv_sec: 120, tv_usec: 0)
    setsockopt(
      descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
  }

  deinit { close(descriptor) }

  /// Sends all bytes; `more` follow. Returns how many were sent: fewer if the client is gone.
  func send(_ bytes: ArraySlice<UInt8>, more: Bool) -> Int {
    bytes.withUnsafeBytes { all in
      var sent = 0
      while sent < all.count {
        let rest = UnsafeRawBufferPointer(rebasing: all[sent...])
        let count = Glibc.send(
          descriptor, rest.baseAddress, rest.count,
          Int32(MSG_NOSIGNAL) | (more ? Int32(MSG_MORE) : 0))
        if count > 0 {
          sent += count
        } else if errno != EINTR {
          break
        }
      }
      return sent
    }
  }

  /// What has come, or waits for it: at most 16 KiB; empty at the end of the connection.
  func receive() -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: 16_384) { buffer, count in
      var received = -1
      repeat {
        received = recv(descriptor, buffer.baseAddress, buffer.count, 0)
      } while received < 0 && errno == EINTR
      count = max(0, received)
    }
  }

  /// Makes the end of this connection an RST: what was not sent yet is thrown away (socket(7),
  /// SO_LINGER).
  func resetOnClose() {
    var now = linger(l_onoff: 1, l_linger: 0)
    setsockopt(
      descriptor, SOL_SOCKET, SO_LINGER, &now, socklen_t(MemoryLayout<linger>.size))
  }

  /// Ends the sending side and drops what the client still sends. Without this, bytes that were
  /// not read would turn the end into an RST, and the client might lose the answer.
  func finish() {
    shutdown(descriptor, Int32(SHUT_WR))
    var limit = timeval(tv_sec: 1, tv_usec: 0)
    setsockopt(
      descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    for _ in 0..<64 where receive().isEmpty { return }
  }
}
