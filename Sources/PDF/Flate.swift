import CDeflate
import CZlib

/// The filter `FlateDecode` (ISO 32000-1, 7.4.4) with a limit: a kilobyte may stand for a gigabyte,
/// and libqpdf would make it.
package enum Flate {
  /// The content of `bytes`; `nil` where they are damaged, end early, or hold more than `limit`.
  package static func inflate(_ bytes: [UInt8], limit: Int) -> [UInt8]? {
    var stream = z_stream()
    guard czlib_inflate_init(&stream) == Z_OK else { return nil }
    defer { inflateEnd(&stream) }
    // One more than the limit, to see whether there is more. Memory that is not written to costs
    // nothing.
    let room = min(limit, Self.maximumRatio * bytes.count) + 1
    let content = run(&stream, on: bytes, room: room, CZlib.inflate)
    return content.flatMap { $0.count <= limit ? $0 : nil }
  }

  /// A byte holds 1032 at most (a match of 258 for a length and a distance of one bit each).
  private static let maximumRatio = 1032

  /// How hard it is tried to find what repeats.
  package enum Effort: Int32, Sendable {
    /// To compare two ways of writing the same: 100 MB a second.
    case quick = 4
    /// 20 MB a second. On the streams of 233 public scans 12 % smaller than zlib at its best, in half of its
    /// time; libdeflate's utmost (12) would take twice to five times as long for half a percent.
    case best = 10
  }

  /// `bytes` deflated; `nil` where there is no memory for it.
  package static func deflate(_ bytes: [UInt8], effort: Effort = .best) -> [UInt8]? {
    guard let compressor = libdeflate_alloc_compressor(effort.rawValue) else { return nil }
    defer { libdeflate_free_compressor(compressor) }
    let bound = libdeflate_zlib_compress_bound(compressor, bytes.count)
    let result = [UInt8](unsafeUninitializedCapacity: bound) { buffer, count in
      count = libdeflate_zlib_compress(
        compressor, bytes, bytes.count, buffer.baseAddress, buffer.count)
    }
    return result.isEmpty ? nil : result
  }

  /// Has zlib take all of `bytes` in one step; `nil` where it does not come to an end within `room`.
  private static func run(
    _ stream: inout z_stream, on bytes: [UInt8], room: Int,
    _ step: (UnsafeMutablePointer<z_stream>, Int32) -> Int32
  ) -> [UInt8]? {
    var bytes = bytes
    var isWhole = false
    let result = bytes.withUnsafeMutableBufferPointer { source in
      [UInt8](unsafeUninitializedCapacity: room) { buffer, count in
        stream.next_in = source.baseAddress
        stream.avail_in = UInt32(clamping: source.count)
        stream.next_out = buffer.baseAddress
        stream.avail_out = UInt32(clamping: room)
        isWhole = step(&stream, Z_FINISH) == Z_STREAM_END
        count = room - Int(stream.avail_out)
      }
    }
    return isWhole ? result : nil
  }
}

/// The filter undone chunk by chunk, for what is too large to hold at once. Owns zlib's state.
package struct InflateStream: ~Copyable {
  private let stream: UnsafeMutablePointer<z_stream>
  private let source: UnsafeMutableBufferPointer<UInt8>
  private var isAtEnd = false

  /// Begins with `bytes`.
  package init?(_ bytes: [UInt8]) {
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
    source = .allocate(capacity: bytes.count)
    _ = source.initialize(from: bytes)
    stream.pointee.next_in = source.baseAddress
    stream.pointee.avail_in = UInt32(clamping: bytes.count)
    guard czlib_inflate_init(stream) == Z_OK else {
      stream.deallocate()
      source.deallocate()
      return nil
    }
  }

  deinit {
    inflateEnd(stream)
    stream.deallocate()
    source.deallocate()
  }

  /// Fills `buffer` as far as there is content. `nil` where the data are damaged or end early.
  package mutating func read(into buffer: UnsafeMutableBufferPointer<UInt8>) -> Int? {
    stream.pointee.next_out = buffer.baseAddress
    stream.pointee.avail_out = UInt32(clamping: buffer.count)
    while stream.pointee.avail_out > 0, !isAtEnd {
      switch CZlib.inflate(stream, Z_NO_FLUSH) {
      case Z_OK: break
      case Z_STREAM_END: isAtEnd = true
      default: return nil
      }
    }
    return buffer.count - Int(stream.pointee.avail_out)
  }
}
