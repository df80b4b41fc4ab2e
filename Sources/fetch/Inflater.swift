import CZlib

/// Unpacks a body that a server compressed without being asked (RFC 9110, section 8.4.1), chunk by chunk.
/// Owns zlib's state; belongs to one thread.
final class Inflater {
  /// A body that cannot be unpacked.
  struct Failure: Error, CustomStringConvertible {
    var description: String { "the compressed body is damaged" }
  }

  private var stream = z_stream()
  private(set) var isFinished = false
  private static let room = 64 << 10

  /// For a body that begins with these bytes; `nil` where they are neither gzip (RFC 1952) nor, with
  /// `isDeflate`, deflate, which servers send with the header of zlib (RFC 1950) and without.
  init?(beginning bytes: UnsafeRawBufferPointer, isDeflate: Bool) {
    guard bytes.count >= 2 else { return nil }
    let isGzip = bytes[0] == 0x1F && bytes[1] == 0x8B
    let isZlib = bytes[0] & 0x0F == 8 && (Int(bytes[0]) << 8 | Int(bytes[1])).isMultiple(of: 31)
    guard isGzip || isDeflate else { return nil }
    // Raw deflate has no mark: what is a PDF or a page already is not taken for it.
    if isDeflate, !isGzip, !isZlib, "%<{ \n\r\t\u{FEFF}".utf8.contains(bytes[0]) { return nil }
    let code =
      isGzip
      ? czlib_gunzip_init(&stream)
      : isZlib ? czlib_inflate_init(&stream) : czlib_raw_inflate_init(&stream)
    guard code == Z_OK else { return nil }
  }

  deinit { inflateEnd(&stream) }

  /// Unpacks a chunk and hands it over in parts, until `take` says that it is enough.
  func unpack(
    _ bytes: UnsafeRawBufferPointer, _ take: (UnsafeRawBufferPointer) -> Bool
  ) throws(Failure) -> Bool {
    var input = Array(bytes)
    var output = [UInt8](repeating: 0, count: Self.room)
    var isWanted = true
    var code = Z_OK
    input.withUnsafeMutableBufferPointer { input in
      stream.next_in = input.baseAddress
      stream.avail_in = UInt32(clamping: input.count)
      repeat {
        let count = output.withUnsafeMutableBufferPointer { output in
          stream.next_out = output.baseAddress
          stream.avail_out = UInt32(output.count)
          code = inflate(&stream, Z_NO_FLUSH)
          return output.count - Int(stream.avail_out)
        }
        if count > 0 {
          isWanted = output.withUnsafeBytes { take(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
        }
      } while isWanted && code == Z_OK && (stream.avail_in > 0 || stream.avail_out == 0)
    }
    // What follows the end is padding, which gzip(1) leaves out, too.
    if code == Z_STREAM_END { isFinished = true }
    // Z_BUF_ERROR: nothing more can be done before the next chunk.
    guard [Z_OK, Z_STREAM_END, Z_BUF_ERROR].contains(code) else { throw Failure() }
    return isWanted
  }
}
