import Glibc

/// Counts the attributes of each tag as they come by, before the parser sees them: libxml2 compares each with
/// all before it, which took 90 s for 2 MB of them, and asks nobody meanwhile. Follows libxml2's own reading
/// of tags (HTMLparser.c, htmlParseStartElement), as far as that matters here.
struct TagScan {
  /// More attributes than this are no tag of a page. (The richest of real pages have some 60.)
  static let maximum = 1000

  private enum State {
    case text
    /// Behind `<`.
    case open
    /// In a comment, with the dashes that just came.
    case comment(dashes: Int)
    /// `<!…>`, `<?…>` and `</…>`, with how much of `!--` matched, if it still does.
    case other(matched: Int)
    case name
    case inside
    /// In an attribute's name.
    case attribute
    /// Behind `=`.
    case equals
    case value
    case quoted(UInt8)
    /// In a script or a style, with what matched of its end.
    case raw(matched: Int)
  }

  private var state = State.text
  private var name: [UInt8] = []
  /// How the script or style ends that is being read: `</script`.
  private var rawEnd: [UInt8] = []
  private var attributes = 0

  /// Takes the next bytes. False where a tag has too many attributes.
  mutating func take(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var index = 0
    while index < bytes.count {
      // Most bytes are text, or within quotes.
      switch state {
      case .text: index = Self.index(of: UInt8(ascii: "<"), in: bytes, from: index)
      case .quoted(let quote): index = Self.index(of: quote, in: bytes, from: index)
      default: break
      }
      guard index < bytes.count else { break }
      advance(bytes[index])
      index += 1
      if attributes > Self.maximum { return false }
    }
    return true
  }

  private static func index(
    of byte: UInt8, in bytes: UnsafeRawBufferPointer, from start: Int
  ) -> Int {
    guard let base = bytes.baseAddress,
      let found = memchr(base + start, Int32(byte), bytes.count - start)
    else { return bytes.count }
    return UnsafeRawPointer(found) - base
  }

  private mutating func advance(_ byte: UInt8) {
    switch state {
    case .text: if byte == UInt8(ascii: "<") { state = .open }
    case .open: open(byte)
    case .comment(let dashes):
      if byte == UInt8(ascii: "-") {
        state = .comment(dashes: dashes + 1)
      } else {
        state = byte == UInt8(ascii: ">") && dashes >= 2 ? .text : .comment(dashes: 0)
      }
    case .other(let matched):
      if byte == UInt8(ascii: ">") {
        state = .text
      } else if matched > 0 {
        let isDash = byte == UInt8(ascii: "-")
        state =
          isDash && matched == 2
          ? .comment(dashes: 0) : .other(matched: isDash ? matched + 1 : 0)
      }
    case .name:
      if Self.isBlank(byte) || byte == UInt8(ascii: "/") {
        state = .inside
      } else if byte == UInt8(ascii: ">") {
        end()
      } else if name.count < 8 {
        name.append(byte | 0x20)
      }
    case .inside, .attribute, .equals, .value, .quoted: inside(byte)
    case .raw(let matched): raw(byte, matched)
    }
  }

  private mutating func open(_ byte: UInt8) {
    if (0x61...0x7A).contains(byte | 0x20) {
      name = [byte | 0x20]
      attributes = 0
      state = .name
    } else if "!?/".utf8.contains(byte) {
      state = .other(matched: byte == UInt8(ascii: "!") ? 1 : 0)
    } else {
      state = byte == UInt8(ascii: "<") ? .open : .text
    }
  }

  private mutating func inside(_ byte: UInt8) {
    switch state {
    case .quoted(let quote): if byte == quote { state = .inside }
    case .equals where byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'"):
      state = .quoted(byte)
    case .equals where Self.isBlank(byte): break
    case _ where byte == UInt8(ascii: ">"): end()
    case .equals, .value: state = Self.isBlank(byte) ? .inside : .value
    case _ where byte == UInt8(ascii: "="): state = .equals
    case .attribute where !Self.isBlank(byte): break
    case _ where Self.isBlank(byte): state = .inside
    default:
      attributes += 1
      state = .attribute
    }
  }

  private mutating func end() {
    attributes = 0
    let isRaw = name.elementsEqual("script".utf8) || name.elementsEqual("style".utf8)
    if isRaw { rawEnd = Array("</".utf8) + name }
    state = isRaw ? .raw(matched: 0) : .text
  }

  private mutating func raw(_ byte: UInt8, _ matched: Int) {
    if byte == rawEnd[matched] || matched > 1 && byte | 0x20 == rawEnd[matched] {
      state = matched + 1 == rawEnd.count ? .other(matched: 0) : .raw(matched: matched + 1)
    } else {
      state = .raw(matched: byte == UInt8(ascii: "<") ? 1 : 0)
    }
  }

  private static func isBlank(_ byte: UInt8) -> Bool {
    byte == 0x20 || (0x09...0x0D).contains(byte)
  }
}
