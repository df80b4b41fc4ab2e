import Files
import Common
import Crypto
import Glibc
import HTTP

/// A page as it came: in memory while it is small, else in a file, so that many workers with large pages
/// need no more memory than with small ones. Owns the file.
final class PageBody {
  /// Largest page that is read, in bytes. Pages with the state of a form in them have 11 MB.
  static let maximum = 32 << 20
  /// Bytes that stay in memory.
  private static let memory = 64 << 10
  /// Bytes that are read at a time.
  private static let chunkSize = 64 << 10

  private let path: String
  private var descriptor: Int32 = -1
  /// How the page begins; all of it where there is no file.
  private(set) var start: [UInt8] = []
  private(set) var count = 0
  /// Whether there was more than is kept.
  private(set) var isCut = false

  /// A page that goes to `path` should it become large.
  init(path: String) { self.path = path }

  deinit {
    guard descriptor >= 0 else { return }
    close(descriptor)
  }

  var isEmpty: Bool { count == 0 }

  /// Adds what came. Returns why the file cannot be written.
  func append(_ bytes: UnsafeRawBufferPointer) -> FileError? {
    let kept = bytes.prefix(Self.maximum - count)
    if kept.count < bytes.count { isCut = true }
    guard !kept.isEmpty else { return nil }
    count += kept.count
    if descriptor < 0, count <= Self.memory {
      start.append(contentsOf: kept)
      return nil
    }
    if descriptor < 0 {
      descriptor = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
      guard descriptor >= 0 else { return FileError("open", path) }
      // Read by the descriptor alone, so that nothing is left whatever ends the process.
      unlink(path)
      if let failure = write(start) { return failure }
    }
    return write(Array(kept))
  }

  private func write(_ bytes: [UInt8]) -> FileError? {
    errno = writeAll(bytes, to: descriptor)
    return errno == 0 ? nil : FileError("write", path)
  }

  /// The bytes from `offset` on, 64 KiB at most; none at the end.
  func chunk(at offset: Int) throws(FileError) -> [UInt8] {
    guard descriptor >= 0 else { return Array(start.dropFirst(offset).prefix(Self.chunkSize)) }
    var bytes = [UInt8](repeating: 0, count: Self.chunkSize)
    while true {
      let read = pread(descriptor, &bytes, bytes.count, off_t(offset))
      if read >= 0 { return Array(bytes.prefix(read)) }
      guard errno == EINTR else { throw FileError("read", path) }
    }
  }

  /// All bytes.
  func all() throws(FileError) -> [UInt8] {
    if descriptor < 0 { return start }
    var bytes: [UInt8] = []
    while bytes.count < count {
      let chunk = try chunk(at: bytes.count)
      if chunk.isEmpty { break }
      bytes += chunk
    }
    return bytes
  }

  /// The last bytes, `length` at most.
  func end(_ length: Int) -> [UInt8] {
    guard descriptor >= 0 else { return Array(start.suffix(length)) }
    return ((try? chunk(at: max(0, count - min(length, Self.chunkSize)))) ?? []).suffix(length)
  }
}

extension Charset {
  /// How far into a page a `meta` is looked for (HTML Standard, "prescan a byte stream").
  private static let prescan = 1024

  /// How a page is written, as browsers find out (HTML Standard, "determining the character encoding"): by
  /// its byte order mark, else by its `Content-Type`, else by a `meta` in its beginning; without any of them
  /// in UTF-8 where it can be that, else in windows-1252.
  static func of(pageBeginning start: [UInt8], contentType: String?) -> Charset {
    if start.starts(with: [0xEF, 0xBB, 0xBF]) { return .utf8 }
    if start.starts(with: [0xFF, 0xFE]) { return .utf16LittleEndian }
    if start.starts(with: [0xFE, 0xFF]) { return .utf16BigEndian }
    if let charset = contentType.flatMap({ named(in: $0) }) { return charset }
    if let charset = inMeta(String(decoding: start.prefix(prescan), as: UTF8.self)) {
      // A page whose meta could be read as ASCII is not in two bytes for each character.
      return charset.isWide ? .utf8 : charset
    }
    return isUTF8(start) ? .utf8 : .windows1252
  }

  /// The value of `charset=` in a header field or in an attribute.
  private static func named(in text: String) -> Charset? {
    var rest = Substring(text)
    while let found = rest.range(of: "charset") {
      rest = rest[found.upperBound...]
      let value = rest.drop(while: \.isWhitespace)
      guard value.first == "=" else { continue }
      let label = value.dropFirst().drop(while: \.isWhitespace)
      if let quote = label.first, quote == "\"" || quote == "'" {
        return Charset(label: String(label.dropFirst().prefix { $0 != quote }))
      }
      return Charset(label: String(label.prefix { !$0.isWhitespace && !";\"'/>".contains($0) }))
    }
    return nil
  }

  private static func inMeta(_ beginning: String) -> Charset? {
    var rest = Substring(beginning)
    while let found = rest.range(of: "<meta") {
      let tag = rest[found.upperBound...].prefix { $0 != ">" }
      if let charset = named(in: String(tag)) { return charset }
      rest = rest[tag.endIndex...]
    }
    return nil
  }

  /// Whether the beginning is UTF-8, but for a character that its end cuts.
  private static func isUTF8(_ bytes: [UInt8]) -> Bool {
    let whole =
      bytes.count < 4
      ? bytes[...]
      : bytes.dropLast(
        bytes.suffix(3).reversed().prefix { $0 & 0xC0 == 0x80 }.count + 1)
    return String(validating: whole, as: UTF8.self) != nil
  }
}

extension Substring {
  /// The first place of an ASCII text, in any case.
  fileprivate func range(of text: String) -> Range<Substring.Index>? {
    var start = startIndex
    while start < endIndex {
      if let end = index(start, offsetBy: text.count, limitedBy: endIndex),
        self[start..<end].lowercased() == text
      {
        return start..<end
      }
      formIndex(after: &start)
    }
    return nil
  }
}
