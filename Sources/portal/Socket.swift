import Common
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

  /// SO_TIMESTAMPNS (asm-generic/socket.h), which is also the type of its control message.
  static let timestamps: Int32 = 35

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

  /// What has come, or waits for it: at most 16 KiB; empty at the end of the connection. `at` becomes the moment at
  /// which the kernel received it, by the monotonic clock: on a busy machine a thread reads it later.
  func receive(at time: inout Int64) -> [UInt8] {
    var control = [UInt8](repeating: 0, count: 128)
    let bytes = [UInt8](unsafeUninitializedCapacity: 16_384) { buffer, count in
      var received = -1
      control.withUnsafeMutableBytes { control in
        var chunk = iovec(iov_base: buffer.baseAddress, iov_len: buffer.count)
        withUnsafeMutablePointer(to: &chunk) { chunk in
          var message = msghdr()
          (message.msg_iov, message.msg_iovlen) = (chunk, 1)
          (message.msg_control, message.msg_controllen) = (control.baseAddress, control.count)
          repeat {
            received = recvmsg(descriptor, &message, 0)
          } while received < 0 && errno == EINTR
        }
      }
      count = max(0, received)
    }
    let now = Time.monotonic()
    time = Self.stamp(control).map { min(now, $0 - Self.wallAhead()) } ?? now
    return bytes
  }

  /// How far the wall clock is ahead of the monotonic one, in nanoseconds. A thread that is held up between reading the
  /// one and the other would put a request milliseconds before its time, so the closest of a few readings counts.
  private static func wallAhead() -> Int64 {
    var ahead: Int64 = 0
    var closest = Int64.max
    for _ in 0..<20 where closest > 10_000 {
      let before = Time.monotonic()
      let wall = Time.wall()
      let apart = Time.monotonic() - before
      if apart < closest { (closest, ahead) = (apart, wall - before) }
    }
    return ahead
  }

  /// The time of the wall clock in a control message of SO_TIMESTAMPNS (socket(7), cmsg(3)), in nanoseconds since
  /// 1970: header, level and type, then a timespec.
  private static func stamp(_ control: [UInt8]) -> Int64? {
    control.withUnsafeBytes { bytes in
      let header = bytes.loadUnaligned(as: cmsghdr.self)
      guard header.cmsg_level == SOL_SOCKET, header.cmsg_type == Self.timestamps else { return nil }
      let time = bytes.loadUnaligned(
        fromByteOffset: MemoryLayout<cmsghdr>.size, as: timespec.self)
      return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
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
    var ignored: Int64 = 0
    for _ in 0..<64 where receive(at: &ignored).isEmpty { return }
  }
}

/// Finds the heads of requests in what a connection delivers, in whatever chunks it comes.
struct HeadBuffer {
  /// Longest head that is read, in bytes.
  static let maximumHead = 16_384

  private var bytes: [UInt8] = []
  /// Where the search for the end goes on, so that a head in small chunks is not searched anew.
  private var searched = 0

  /// Whether no request has begun.
  var isEmpty: Bool { bytes.allSatisfy { $0 == 13 || $0 == 10 } }

  mutating func append(_ chunk: some Sequence<UInt8>) { bytes.append(contentsOf: chunk) }

  /// The body that follows the last head; `nil` if more bytes are needed.
  mutating func body(_ count: Int) -> [UInt8]? {
    guard bytes.count >= count else { return nil }
    defer { bytes.removeFirst(count) }
    return Array(bytes.prefix(count))
  }

  /// The next whole head, without the empty line that ends it; `nil` if more bytes are needed.
  mutating func next() throws(BadRequest) -> [UInt8]? {
    let end: [UInt8] = [13, 10, 13, 10]
    // Empty lines before a request are skipped (RFC 9112, section 2.2).
    if searched == 0 { bytes = Array(bytes.drop { $0 == 13 || $0 == 10 }) }
    while searched + end.count <= bytes.count {
      if searched > Self.maximumHead { break }
      if bytes[searched..<(searched + end.count)].elementsEqual(end) {
        let head = Array(bytes[..<searched])
        bytes.removeFirst(searched + end.count)
        searched = 0
        return head
      }
      searched += 1
    }
    guard bytes.count <= Self.maximumHead else {
      throw BadRequest(431, "The head of the request is longer than \(Self.maximumHead) bytes.")
    }
    return nil
  }
}
