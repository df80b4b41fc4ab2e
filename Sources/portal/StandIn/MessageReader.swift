import Glibc

/// The head of a request that may have a body.
struct MessageHead: Sendable {
  let method: String
  let target: String
  /// Names in lower case.
  let headers: [String: String]

  /// The path's parts, percent-decoded.
  var path: [String] {
    target.prefix { $0 != "?" }.split(separator: "/").map { Query.decoded($0, isForm: false) }
  }

  /// A value of the query, percent-decoded.
  func query(_ name: String) -> String? {
    guard let mark = target.firstIndex(of: "?") else { return nil }
    let pairs = target[target.index(after: mark)...].split(separator: "&")
    return pairs.first { $0.hasPrefix(name + "=") }
      .map { Query.decoded($0.dropFirst(name.count + 1), isForm: false) }
  }

  /// Bytes of the body; a body without a length cannot be read.
  var bodyLength: Int { max(0, headers["content-length"].flatMap { Int($0) } ?? 0) }

  /// `nil` where it is no head.
  init?(_ bytes: UnsafeRawBufferPointer) {
    let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\r\n")
    let words = lines.first?.split(separator: " ") ?? []
    guard words.count == 3 else { return nil }
    method = String(words[0])
    target = String(words[1])
    var headers: [String: String] = [:]
    for line in lines.dropFirst() {
      guard let colon = line.firstIndex(of: ":") else { return nil }
      headers[line[..<colon].lowercased()] = line[line.index(after: colon)...].trimmed()
    }
    self.headers = headers
  }
}

/// Reads requests with their bodies from a connection, in chunks as large as they come. Owns its buffer.
struct MessageReader: ~Copyable {
  private static let size = 256 << 10

  private let descriptor: Int32
  private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 16)
  private var filled = 0..<0

  init(_ descriptor: Int32) { self.descriptor = descriptor }

  deinit { buffer.deallocate() }

  /// The next head; `nil` at the end of the connection, or where there is none to be seen.
  mutating func head() -> MessageHead? {
    while true {
      let rest = UnsafeRawBufferPointer(rebasing: buffer[filled])
      if let end = rest.position(of: Array("\r\n\r\n".utf8)) {
        filled = filled.lowerBound + end + 4..<filled.upperBound
        return MessageHead(UnsafeRawBufferPointer(rebasing: rest[..<end]))
      }
      guard receive() else { return nil }
    }
  }

  /// Hands over the next `count` bytes. False where the connection ended before.
  mutating func body(_ count: Int, _ take: (UnsafeRawBufferPointer) -> Void) -> Bool {
    var left = count
    while left > 0 {
      if filled.isEmpty {
        filled = 0..<0
        guard receive() else { return false }
      }
      let chunk = filled.prefix(left)
      take(UnsafeRawBufferPointer(rebasing: buffer[chunk]))
      filled = chunk.upperBound..<filled.upperBound
      left -= chunk.count
    }
    return true
  }

  private mutating func receive() -> Bool {
    if filled.lowerBound > 0 {
      let count = filled.count
      buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: buffer[filled]))
      filled = 0..<count
    }
    guard let base = buffer.baseAddress, filled.upperBound < buffer.count else { return false }
    var received = -1
    repeat {
      received = recv(descriptor, base + filled.upperBound, buffer.count - filled.upperBound, 0)
    } while received < 0 && errno == EINTR
    guard received > 0 else { return false }
    filled = filled.lowerBound..<filled.upperBound + received
    return true
  }
}

extension UnsafeRawBufferPointer {
  /// Where some bytes first stand.
  func position(of bytes: [UInt8]) -> Int? {
    guard let base = baseAddress, let first = bytes.first else { return nil }
    var start = 0
    while count - start >= bytes.count,
      let found = memchr(base + start, Int32(first), count - start - bytes.count + 1)
    {
      if memcmp(found, bytes, bytes.count) == 0 { return UnsafeRawPointer(found) - base }
      start = UnsafeRawPointer(found) - base + 1
    }
    return nil
  }
}
