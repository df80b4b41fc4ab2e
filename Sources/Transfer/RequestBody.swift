import CCurl
import Glibc

/// What a request sends: bytes from memory and ranges of open files, one behind the other.
public struct RequestBody: Sendable, Equatable {
  /// A part of a body.
  public enum Piece: Sendable, Equatable {
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

  /// All parts, in order.
  public let pieces: [Piece]

  /// A body of these parts; without any, an empty one.
  public init(_ pieces: [Piece] = []) { self.pieces = pieces }

  /// Its length in bytes, which is sent before it.
  public var count: Int { pieces.reduce(0) { $0 + $1.count } }
}

extension Request {
  /// Whether a body belongs to the method, if only an empty one.
  var sendsBody: Bool { method != "GET" && method != "HEAD" }
}

/// A body on its way out: knows how far it has come.
struct BodyReader {
  private var pieces: ArraySlice<RequestBody.Piece>
  private var done = 0

  init(_ body: RequestBody) { pieces = body.pieces[...] }

  /// Fills a buffer, over the borders of pieces, so that small ones cost no packets of their own; 0 at the
  /// end of the body.
  mutating func read(
    into buffer: UnsafeMutableRawBufferPointer
  ) throws(TransferError) -> Int {
    var filled = 0
    while let piece = pieces.first, filled < buffer.count {
      let count = min(buffer.count - filled, piece.count - done)
      if count > 0 {
        let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[filled..<filled + count])
        let read = try read(piece, into: rest)
        done += read
        filled += read
      }
      if done == piece.count {
        pieces.removeFirst()
        done = 0
      }
    }
    return filled
  }

  /// Fills a buffer that is not longer than what is left of a piece, or a part of it.
  private func read(
    _ piece: RequestBody.Piece, into buffer: UnsafeMutableRawBufferPointer
  ) throws(TransferError) -> Int {
    switch piece {
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
