import Common

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
    var dice = Dice(seed: seed, .padding)
    var padding: [UInt8] = []
    let missing = max(0, size - empty.count)
    padding.reserveCapacity(missing + 8)
    // What does not repeat cannot be compressed on its way.
    while padding.count < missing {
      withUnsafeBytes(of: dice.next()) { padding.append(contentsOf: $0) }
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
