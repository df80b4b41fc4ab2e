/// Writes small PDFs: objects, cross-reference table, trailer. Object 1 is the catalog.
package struct PDFBuilder {
  private var objects: [[UInt8]] = []
  /// The header's.
  package var version = "1.7"

  /// Without objects.
  package init() {}

  /// Adds an object and returns its number.
  @discardableResult
  package mutating func add(_ text: String) -> Int {
    objects.append(Array(text.utf8))
    return objects.count
  }

  /// Adds a stream; `entries` go into its dictionary besides the length.
  @discardableResult
  package mutating func addStream(_ bytes: [UInt8], _ entries: String = "") -> Int {
    let head = "<</Length \(bytes.count)\(entries)>>stream\n"
    objects.append(Array(head.utf8) + bytes + Array("\nendstream".utf8))
    return objects.count
  }

  /// The file.
  package func bytes() -> [UInt8] {
    var file = Array("%PDF-\(version)\n".utf8)
    var offsets: [Int] = []
    for (index, object) in objects.enumerated() {
      offsets.append(file.count)
      file += Array("\(index + 1) 0 obj\n".utf8) + object + Array("\nendobj\n".utf8)
    }
    let table = file.count
    file += Array("xref\n0 \(objects.count + 1)\n0000000000 65535 f \n".utf8)
    for offset in offsets {
      let digits = String(offset)
      let padded = String(repeating: "0", count: 10 - digits.count) + digits
      file += Array("\(padded) 00000 n \n".utf8)
    }
    let size = objects.count + 1
    file += Array("trailer<</Size \(size)/Root 1 0 R>>\nstartxref\n\(table)\n%%EOF\n".utf8)
    return file
  }
}

extension PDFBuilder {
  /// A document whose pages each paint an image of their own, as scans do; `padding` bytes of it are text that
  /// says `scanned page`.
  package static func scan(pages: Int = 1, padding: Int = 3000) -> [UInt8] {
    var builder = PDFBuilder()
    builder.add("<</Type/Catalog/Pages 2 0 R>>")
    let kids = (0..<pages).map { "\(3 + 3 * $0) 0 R" }.joined(separator: " ")
    builder.add("<</Type/Pages/Count \(pages)/Kids[\(kids)]/MediaBox[0 0 612 792]>>")
    let text = Array(String(repeating: "scanned page ", count: padding / 13 + 1).utf8)
    for page in 0..<pages {
      builder.add(
        "<</Type/Page/Parent 2 0 R/Resources<</XObject<</I \(5 + 3 * page) 0 R>>>>"
          + "/Contents \(4 + 3 * page) 0 R>>")
      builder.addStream(Array("q 612 0 0 792 0 0 cm /I Do Q".utf8))
      let part = Array(text.prefix(padding / pages))
      builder.addStream(
        part,
        "/Type/XObject/Subtype/Image/Width \(part.count)/Height 1/ColorSpace/DeviceGray"
          + "/BitsPerComponent 8")
    }
    return builder.bytes()
  }
}
