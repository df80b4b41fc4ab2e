import CCurl
import Glibc

/// A request. The URL is taken as it is; whether it may be asked for was decided before.
package struct Request: Sendable, Equatable {
  /// `GET`, `HEAD`, or a method that sends a body: `POST`, `PUT`, `DELETE`.
  package var method = "GET"
  /// What is sent with it; not with GET and HEAD.
  package var body = RequestBody()
  /// An absolute http or https URL.
  package var url: WebURL
  /// Further header fields, name and value.
  package var headers: [(name: String, value: String)] = []
  /// Which addresses may be connected to, after names were resolved.
  package var addresses = AddressRule.any

  /// A request without further headers.
  package init(_ url: WebURL, addresses: AddressRule = .any) {
    self.url = url
    self.addresses = addresses
  }

  /// Whether both ask for the same.
  package static func == (left: Request, right: Request) -> Bool {
    left.url == right.url && left.addresses == right.addresses
      && left.method == right.method && left.body == right.body
      && left.headers.elementsEqual(right.headers, by: ==)
  }
}

package struct Response: Sendable {
  package let head: ResponseHead
  /// Bytes of the body.
  package let bytes: Int
  /// The server's address, as numbers.
  package let address: String?

  /// An answer that came, or that was saved.
  package init(head: ResponseHead, bytes: Int, address: String?) {
    self.head = head
    self.bytes = bytes
    self.address = address
  }
}

/// Takes a body as it arrives.
package protocol BodySink: AnyObject {
  /// The headers are there. False ends the transfer.
  func begin(_ head: ResponseHead) -> Bool
  /// More of the body is there. False ends the transfer.
  func receive(_ bytes: UnsafeRawBufferPointer) -> Bool
}

/// What a request sends: bytes from memory and ranges of open files, one behind the other.
package struct RequestBody: Sendable, Equatable {
  /// A part of a body.
  package enum Chunk: Sendable, Equatable {
    /// Bytes from memory.
    case bytes([UInt8])
    /// Bytes of a file that stays open, read with pread(2), so that threads may share it.
    case file(descriptor: Int32, offset: Int, count: Int)

    var count: Int {
      switch self {
      case .bytes(let bytes): bytes.count
      case .file(_, _, let count): count
      }
    }
  }

  package let chunks: [Chunk]

  /// A body of these parts; without any, an empty one.
  package init(_ chunks: [Chunk] = []) { self.chunks = chunks }

  /// Its length in bytes, which is sent before it.
  package var count: Int { chunks.reduce(0) { $0 + $1.count } }
}

extension Request {
  /// Whether a body belongs to the method, if only an empty one.
  var sendsBody: Bool { method != "GET" && method != "HEAD" }
}

/// A body on its way out: knows how far it has come.
struct BodyReader {
  private var chunks: ArraySlice<RequestBody.Chunk>
  private var done = 0

  init(_ body: RequestBody) { chunks = body.chunks[...] }

  /// Fills a buffer, over the borders of chunks, so that small ones cost no packets of their own; 0 at the
  /// end of the body.
  mutating func read(
    into buffer: UnsafeMutableRawBufferPointer
  ) throws(TransferError) -> Int {
    var filled = 0
    while let chunk = chunks.first, filled < buffer.count {
      let count = min(buffer.count - filled, chunk.count - done)
      if count > 0 {
        let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[filled..<filled + count])
        let read = try read(chunk, into: rest)
        done += read
        filled += read
      }
      if done == chunk.count {
        chunks.removeFirst()
        done = 0
      }
    }
    return filled
  }

  /// Fills a buffer that is not longer than what is left of a chunk, or a part of it.
  private func read(
    _ chunk: RequestBody.Chunk, into buffer: UnsafeMutableRawBufferPointer
  ) throws(TransferError) -> Int {
    switch chunk {
    case .bytes(let bytes):
      buffer.copyBytes(from: bytes[done..<done + buffer.count])
      return buffer.count
    case .file(let descriptor, let offset, _):
      var read = 0
      repeat {
        read = pread(descriptor, buffer.baseAddress, buffer.count, offset + done)
      } while read < 0 && errno == EINTR
      guard read > 0 else {
        let why = read < 0 ? String(cString: strerror(errno)) : "it became shorter"
        throw TransferError(
          CURLE_READ_ERROR, detail: "cannot read the file that is sent: \(why)", kind: .local)
      }
      return read
    }
  }
}
