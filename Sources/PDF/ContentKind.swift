/// What a file, or the body of an answer, is by how it begins: one definition of a PDF for all tools.
///
/// Readers take a file for a PDF where `%PDF-` begins within its first 1,024 bytes (ISO 32000-2, annex H of
/// readers' custom): portals write a byte order mark or a warning in front of it. Only Ghostscript must not: a
/// file that begins with `%!` runs as a program there, so that `optimize` gives it none whose first byte is
/// another.
package enum ContentKind: Sendable, Equatable {
  /// A PDF whose header is so many bytes from the beginning.
  case pdf(offset: Int)
  /// HTML, or what is written like it.
  case page
  /// Text without any markup.
  case text
  /// JSON.
  case json
  /// Something else that is known: `a TIFF image`.
  case other(String)
  /// Bytes that nothing is known of.
  case unknown

  /// How many bytes are looked at; more change nothing.
  package static let window = 1024 + 4

  /// By the first bytes of a file; all of it, where it is shorter than ``window``.
  package init(_ bytes: some Collection<UInt8>) {
    // Nearly all files are PDFs; no other kind begins like one.
    guard !bytes.starts(with: "%PDF-".utf8) else {
      self = .pdf(offset: 0)
      return
    }
    let bytes = Array(bytes.prefix(Self.window))
    if let name = Self.signatures.first(where: { bytes.starts(with: $0.bytes) })?.name {
      self = .other(name == Self.zip ? Self.archive(bytes) : name)
    } else if Self.isMultipart(bytes) {
      self = .other("a multipart message")
    } else if let offset = Self.place(of: "%PDF-", in: bytes) {
      self = .pdf(offset: offset)
    } else if bytes.starts(with: "%!".utf8) {
      self = .other("a PostScript program")
    } else if bytes.count > 262, bytes[257..<262].elementsEqual("ustar".utf8) {
      self = .other("a tar archive")
    } else {
      self = Self.written(bytes)
    }
  }

  /// For people: `a PDF`, `a TIFF image`.
  package var name: String {
    switch self {
    case .pdf: "a PDF"
    case .page: "an HTML page"
    case .text: "plain text"
    case .json: "JSON"
    case .other(let name): name
    case .unknown: "data of an unknown kind"
    }
  }

  private static let zip = "a ZIP archive"

  /// How files begin that are sent where a PDF should be. None of them is one, whatever follows: a ZIP may
  /// hold a PDF uncompressed.
  private static let signatures: [(bytes: [UInt8], name: String)] = [
    ([0x49, 0x49, 0x2A, 0], "a TIFF image"), ([0x4D, 0x4D, 0, 0x2A], "a TIFF image"),
    ([0x49, 0x49, 0x2B, 0], "a TIFF image"), ([0x4D, 0x4D, 0, 0x2B], "a TIFF image"),
    ([0xFF, 0xD8, 0xFF], "a JPEG image"), ([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A], "a PNG image"),
    (Array("GIF87a".utf8), "a GIF image"), (Array("GIF89a".utf8), "a GIF image"),
    ([0, 0, 0, 0x0C, 0x6A, 0x50, 0x20, 0x20], "a JPEG 2000 image"),
    ([0xFF, 0x4F, 0xFF, 0x51], "a JPEG 2000 image"),
    ([0x97, 0x4A, 0x42, 0x32], "a JBIG2 image"), (Array("AT&TFORM".utf8), "a DjVu document"),
    (Array("PK\u{3}\u{4}".utf8), zip), (Array("PK\u{5}\u{6}".utf8), zip),
    (Array("PK\u{7}\u{8}".utf8), zip), ([0x1F, 0x8B], "gzip data"),
    (Array("BZh".utf8), "bzip2 data"), ([0xFD, 0x37, 0x7A, 0x58, 0x5A, 0], "xz data"),
    ([0x28, 0xB5, 0x2F, 0xFD], "Zstandard data"),
    ([0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C], "a 7-Zip archive"),
    (Array("Rar!".utf8), "a RAR archive"),
    ([0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1], "an Office document"),
    (Array("{\\rtf".utf8), "an RTF document"), ([0xC5, 0xD0, 0xD3, 0xC6], "a PostScript program"),
  ]

  private static func archive(_ bytes: [UInt8]) -> String {
    let office = ["[Content_Types].xml", "word/", "xl/", "ppt/", "mimetypeapplication/vnd."]
    return office.contains { place(of: $0, in: bytes) != nil } ? "an Office document" : zip
  }

  private static func isMultipart(_ bytes: [UInt8]) -> Bool {
    // What cannot be one is not read as text for this.
    guard let first = bytes.first(where: { $0 > 0x20 }),
      "-mMcC".utf8.contains(first) || first >= 0x80
    else { return false }
    let text = String(decoding: bytes, as: UTF8.self).lowercased()
    let start = text.drop { $0.isWhitespace }
    let isHead =
      start.hasPrefix("--") || start.hasPrefix("mime-version:")
      || start.hasPrefix("content-type: multipart/")
    return isHead && (text.contains("content-type:") || text.contains("content-disposition:"))
  }

  private static func written(_ bytes: [UInt8]) -> ContentKind {
    // Pages in UTF-16 have a NUL beside each letter.
    let letters = bytes.filter { $0 != 0 }
    let isMarkup = letters.indices.dropLast().contains {
      letters[$0] == UInt8(ascii: "<")
        && ((0x61...0x7A).contains(letters[$0 + 1] | 0x20) || "!?/".utf8.contains(letters[$0 + 1]))
    }
    if isMarkup { return .page }
    let isText = !bytes.contains { $0 < 0x20 && !(0x09...0x0D).contains($0) && $0 != 0x1B }
    guard isText else { return .unknown }
    let first = bytes.drop { $0 <= 0x20 || $0 >= 0x80 }.first
    return first == UInt8(ascii: "{") || first == UInt8(ascii: "[") ? .json : .text
  }

  private static func place(of text: String, in bytes: [UInt8]) -> Int? {
    let text = Array(text.utf8)
    guard bytes.count >= text.count else { return nil }
    return (0...bytes.count - text.count).first {
      bytes[$0] == text[0] && bytes[$0..<$0 + text.count].elementsEqual(text)
    }
  }
}
