import Common

/// A page as a scanner delivers it.
struct PageImage: Sendable, Equatable {
  enum Encoding: Sendable { case faxGroup4, jpeg }

  let width: Int
  let height: Int
  /// Pixels an inch.
  let resolution: Int
  let encoding: Encoding
  let data: [UInt8]
}

/// Pixels an inch of the sample portal's scans.
enum ScanResolution: Int, CaseIterable, Sendable {
  /// What is quick to draw and to serve.
  case dpi150 = 150
  /// What county offices scan at.
  case dpi300 = 300
}

/// Puts a PDF together (ISO 32000-1, section 7.5): objects, then the table of where they are. It
/// has no dates and no identifier, so that the same pages make the same bytes.
struct PDFFile {
  private var bytes: [UInt8]
  private var offsets: [Int] = []

  /// `note` is a line of ASCII for whoever looks into the file. `size` is about what the file will
  /// have: an array that grows by doubling would keep up to twice its bytes in the cache.
  init(note: String, size: Int) {
    // Four bytes above 127 tell transfer programs that this is not text.
    bytes = Array("%PDF-1.4\n%".utf8) + [0xE2, 0xE3, 0xCF, 0xD3] + Array("\n% \(note)\n".utf8)
    bytes.reserveCapacity(size)
  }

  /// Adds the next object, numbered from 1.
  mutating func add(_ dictionary: String, stream: [UInt8]? = nil) {
    offsets.append(bytes.count)
    bytes += "\(offsets.count) 0 obj\n".utf8
    if let stream {
      bytes += "<< \(dictionary) /Length \(stream.count) >>\nstream\n".utf8
      bytes += stream
      bytes += "\nendstream".utf8
    } else {
      bytes += "<< \(dictionary) >>".utf8
    }
    bytes += "\nendobj\n".utf8
  }

  /// The whole file. Object 1 is the catalogue.
  consuming func finished() -> [UInt8] {
    let start = bytes.count
    bytes += "xref\n0 \(offsets.count + 1)\n0000000000 65535 f \n".utf8
    for offset in offsets {
      let digits = String(offset)
      bytes += (String(repeating: "0", count: 10 - digits.count) + digits + " 00000 n \n").utf8
    }
    bytes += "trailer\n<< /Size \(offsets.count + 1) /Root 1 0 R >>\n".utf8
    bytes += "startxref\n\(start)\n%%EOF\n".utf8
    return bytes
  }

  /// A file with one image on each page.
  static func of(_ images: [PageImage]) -> [UInt8] {
    let size = images.reduce(1024) { $0 + $1.data.count + 1024 }
    var file = PDFFile(note: "Sample document, not an official record", size: size)
    let kids = images.indices.map { "\(3 + $0 * 3) 0 R" }.joined(separator: " ")
    file.add("/Type /Catalog /Pages 2 0 R")
    file.add("/Type /Pages /Count \(images.count) /Kids [\(kids)]")
    for (index, image) in images.enumerated() {
      let number = 3 + index * 3
      let width = image.width * 72 / image.resolution
      let height = image.height * 72 / image.resolution
      file.add(
        "/Type /Page /Parent 2 0 R /MediaBox [0 0 \(width) \(height)] "
          + "/Resources << /XObject << /Im0 \(number + 2) 0 R >> >> /Contents \(number + 1) 0 R")
      file.add("", stream: Array("q \(width) 0 0 \(height) 0 0 cm /Im0 Do Q".utf8))
      file.add(description(of: image), stream: image.data)
    }
    return file.finished()
  }

  private static func description(of image: PageImage) -> String {
    let size = "/Width \(image.width) /Height \(image.height)"
    let common = "/Type /XObject /Subtype /Image \(size) /ColorSpace /DeviceGray"
    return switch image.encoding {
    case .jpeg: "\(common) /BitsPerComponent 8 /Filter /DCTDecode"
    case .faxGroup4:
      "\(common) /BitsPerComponent 1 /Filter /CCITTFaxDecode "
        + "/DecodeParms << /K -1 /Columns \(image.width) /Rows \(image.height) >>"
    }
  }
}

/// Valid PDFs of any size that cost no more than a copy of memory, for measuring downloads.
struct BulkPDF: Sendable {
  /// Largest size in bytes.
  static let maximumSize = 1 << 28

  private let template: [UInt8]
  /// Where the document's number goes, in ten digits.
  private let place: Range<Int>

  /// Files of `size` bytes, or a little more where that is too small for a PDF.
  init(size: Int, seed: Int) {
    let mark = Format.padded("", 10)
    let empty = Self.file(mark, padding: [])
    var random = SeededRandom(seed: seed, .padding)
    var padding: [UInt8] = []
    let missing = max(0, size - empty.count)
    padding.reserveCapacity(missing + 8)
    // What does not repeat cannot be compressed on its way.
    while padding.count < missing {
      withUnsafeBytes(of: random.next()) { padding.append(contentsOf: $0) }
    }
    template = Self.file(mark, padding: Array(padding.prefix(missing)))
    let start = Array("%PDF-1.4\n%....\n% document ".utf8).count
    place = start..<(start + mark.utf8.count)
  }

  /// The document with this number.
  func file(_ number: Int) -> [UInt8] {
    var file = template
    file.replaceSubrange(place, with: Format.padded(String(number), place.count).utf8)
    return file
  }

  private static func file(_ mark: String, padding: [UInt8]) -> [UInt8] {
    var file = PDFFile(note: "document \(mark)", size: padding.count + 1024)
    file.add("/Type /Catalog /Pages 2 0 R")
    file.add("/Type /Pages /Count 1 /Kids [3 0 R]")
    file.add("/Type /Page /Parent 2 0 R /MediaBox [0 0 306 396] /Contents 4 0 R /Resources << >>")
    file.add("", stream: Array("36 36 234 324 re S".utf8))
    file.add("/Type /Padding", stream: padding)
    return file.finished()
  }
}
