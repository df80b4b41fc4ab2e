import CZlib

/// The filter `FlateDecode` (ISO 32000-1, 7.4.4) with a limit: a kilobyte may stand for a gigabyte,
/// and libqpdf would make it.
public enum Flate {
  /// The content of `bytes`; `nil` where they are damaged, end early, or hold more than `limit`.
  public static func inflate(_ bytes: [UInt8], limit: Int) -> [UInt8]? {
    var stream = z_stream()
    guard czlib_inflate_init(&stream) == Z_OK else { return nil }
    defer { inflateEnd(&stream) }
    var bytes = bytes
    return bytes.withUnsafeMutableBufferPointer { source -> [UInt8]? in
      stream.next_in = source.baseAddress
      stream.avail_in = UInt32(clamping: source.count)
      var result: [UInt8] = []
      var room = min(limit, max(4096, 4 * source.count))
      while true {
        var status = Z_OK
        let have = result.count
        // One more than the limit, to see whether there is more.
        let piece = [UInt8](unsafeUninitializedCapacity: room + 1) { buffer, count in
          stream.next_out = buffer.baseAddress
          stream.avail_out = UInt32(clamping: room + 1)
          status = CZlib.inflate(&stream, Z_NO_FLUSH)
          count = room + 1 - Int(stream.avail_out)
        }
        if have == 0 { result = piece } else { result += piece }
        if result.count > limit { return nil }
        if status == Z_STREAM_END { return result }
        guard status == Z_OK, stream.avail_in > 0 || stream.avail_out == 0 else { return nil }
        room = min(limit - result.count, max(4096, 2 * result.count))
      }
    }
  }

  /// `bytes` as small as zlib makes them.
  public static func deflate(_ bytes: [UInt8]) -> [UInt8]? {
    var stream = z_stream()
    guard czlib_deflate_init(&stream, 9) == Z_OK else { return nil }
    defer { deflateEnd(&stream) }
    var bytes = bytes
    let bound = Int(deflateBound(&stream, UInt(bytes.count)))
    var isWhole = false
    let result = bytes.withUnsafeMutableBufferPointer { source in
      [UInt8](unsafeUninitializedCapacity: bound) { buffer, count in
        stream.next_in = source.baseAddress
        stream.avail_in = UInt32(clamping: source.count)
        stream.next_out = buffer.baseAddress
        stream.avail_out = UInt32(clamping: bound)
        isWhole = CZlib.deflate(&stream, Z_FINISH) == Z_STREAM_END
        count = bound - Int(stream.avail_out)
      }
    }
    return isWhole ? result : nil
  }
}
