import CText
import Glibc

/// Brings a text into UTF-8, piece by piece. What is no character becomes U+FFFD, and NULs are left out: a
/// parser in C would take one for the end. Owns iconv's converter; belongs to one thread.
public struct CharsetDecoder: ~Copyable {
  /// `nil` for UTF-8: iconv(3) lets numbers pass there that are no characters (sequences of five bytes).
  private let converter: iconv_t?
  /// The beginning of a character that a piece broke off in.
  private var rest: [CChar] = []

  /// A decoder; `nil` where the system has no memory for one.
  public init?(_ charset: Charset) {
    if charset == .utf8 {
      converter = nil
      return
    }
    let converter = iconv_open("UTF-8", charset.name)
    guard converter != iconv_t(bitPattern: -1) else { return nil }
    self.converter = converter
  }

  deinit { if let converter { iconv_close(converter) } }

  /// The next piece in UTF-8.
  public mutating func decode(_ piece: UnsafeRawBufferPointer) -> [UInt8] {
    guard let converter else { return checked(piece) }
    var input = rest
    input.append(contentsOf: piece.bindMemory(to: CChar.self))
    rest = []
    var output: [UInt8] = []
    output.reserveCapacity(input.count + input.count / 2 + 16)
    var buffer = [CChar](repeating: 0, count: 16 << 10)
    input.withUnsafeMutableBufferPointer { input in
      var (from, left) = (input.baseAddress, input.count)
      while left > 0 {
        let (result, failure) = buffer.withUnsafeMutableBufferPointer { buffer in
          var (to, room) = (buffer.baseAddress, buffer.count)
          errno = 0
          let result = iconv(converter, &from, &left, &to, &room)
          let failure = errno
          let written = UnsafeRawBufferPointer(
            start: buffer.baseAddress, count: buffer.count - room)
          if let base = written.baseAddress, memchr(base, 0, written.count) != nil {
            output.append(contentsOf: written.lazy.filter { $0 != 0 })
          } else {
            output.append(contentsOf: written)
          }
          return (result, failure)
        }
        if result != -1 || failure == E2BIG { continue }
        if failure == EINVAL, left < 16 { break }
        output += [0xEF, 0xBF, 0xBD]
        from = from?.advanced(by: 1)
        left -= 1
      }
      rest = Array(input.suffix(left))
    }
    return output
  }

  /// The same for what is UTF-8 or should be.
  private mutating func checked(_ piece: UnsafeRawBufferPointer) -> [UInt8] {
    var bytes = rest.map { UInt8(bitPattern: $0) }
    bytes.append(contentsOf: piece)
    // The beginning of a character that the next piece goes on with.
    let tail = bytes.suffix(3).reversed().prefix { $0 & 0xC0 == 0x80 }.count
    let lead = tail < bytes.count ? bytes[bytes.count - 1 - tail] : 0
    let length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC2 ? 2 : 1
    let kept = length > tail + 1 && lead < 0xF5 ? tail + 1 : 0
    rest = bytes.suffix(kept).map { CChar(bitPattern: $0) }
    bytes.removeLast(kept)
    if String(validating: bytes, as: UTF8.self) == nil {
      bytes = Array(String(decoding: bytes, as: UTF8.self).utf8)
    }
    if bytes.contains(0) { bytes.removeAll { $0 == 0 } }
    return bytes
  }

  /// What is left when all pieces were decoded: nothing, or the mark for half a character.
  public mutating func finish() -> [UInt8] { rest.isEmpty ? [] : [0xEF, 0xBF, 0xBD] }
}
