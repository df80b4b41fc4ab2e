import Support

/// PDFs for the tests, each made in its place so that no test depends on a file.
enum Fixture {
  /// Pages with these entries (`/MediaBox` is the tree's, if `inherited` has one), each with a line
  /// of text.
  static func pages(
    _ entries: [String], inherited: String = "/MediaBox[0 0 612 792]", catalog: String = "",
    count: Int? = nil, more: [String] = []
  ) -> [UInt8] {
    var builder = PDFBuilder()
    builder.add("<</Type/Catalog/Pages 2 0 R\(catalog)>>")
    let kids = entries.indices.map { "\(4 + 2 * $0) 0 R" }.joined(separator: " ")
    builder.add("<</Type/Pages/Count \(count ?? entries.count)/Kids[\(kids)]\(inherited)>>")
    builder.add("<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>")
    for (index, entry) in entries.enumerated() {
      builder.add(
        "<</Type/Page/Parent 2 0 R/Resources<</Font<</F 3 0 R>>>>/Contents \(5 + 2 * index) 0 R"
          + "\(entry)>>")
      builder.addStream(Array("BT /F 24 Tf 72 72 Td (Page \(index + 1)) Tj ET".utf8))
    }
    for object in more { builder.add(object) }
    return builder.bytes()
  }

  /// One page of text: nothing that Ghostscript could make smaller.
  static let text = pages([""])

  /// A grey image as it comes from a careless scanner: 8 bits a pixel, not compressed.
  static let scan: [UInt8] = {
    let (width, height) = (600, 800)
    var builder = PDFBuilder()
    builder.add("<</Type/Catalog/Pages 2 0 R>>")
    builder.add("<</Type/Pages/Count 1/Kids[3 0 R]>>")
    builder.add(
      "<</Type/Page/Parent 2 0 R/MediaBox[0 0 432 576]/Contents 4 0 R"
        + "/Resources<</XObject<</I 5 0 R>>>>>>")
    builder.addStream(Array("432 0 0 576 0 0 cm /I Do".utf8))
    let pixels = (0..<width * height).map {
      UInt8(truncatingIfNeeded: ($0 % width + $0 / width) / 6)
    }
    builder.addStream(
      pixels,
      "/Type/XObject/Subtype/Image/Width \(width)/Height \(height)/ColorSpace/DeviceGray"
        + "/BitsPerComponent 8")
    return builder.bytes()
  }()

  /// A form that draws ten times a form that draws ten times a form …: it never ends.
  static let endless: [UInt8] = {
    let depth = 12
    var builder = PDFBuilder()
    builder.add("<</Type/Catalog/Pages 2 0 R>>")
    builder.add("<</Type/Pages/Count 1/Kids[3 0 R]>>")
    builder.add(
      "<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R"
        + "/Resources<</XObject<</X 5 0 R>>>>>>")
    builder.addStream(Array("/X Do".utf8))
    let calls = Array(String(repeating: "/X Do ", count: 10).utf8)
    for level in 0..<depth {
      builder.addStream(
        level == depth - 1 ? Array("0 0 1 1 re f".utf8) : calls,
        "/Type/XObject/Subtype/Form/BBox[0 0 612 792]/Resources<</XObject<</X \(6 + level) 0 R>>>>")
    }
    builder.add("null")
    return builder.bytes()
  }()

  /// A form with a signature field; with `value`, one that was signed.
  static func form(value: String, flags: Int = 0) -> [UInt8] {
    pages(
      [""], catalog: "/AcroForm<</Fields[6 0 R]/SigFlags \(flags)>>",
      more: ["<</FT/Sig/T(a)/Kids[7 0 R]>>", "<</T(b)/Parent 6 0 R\(value)>>"])
  }

  /// A page tree whose second node is its first.
  static let pageLoop: [UInt8] = {
    var builder = PDFBuilder()
    builder.add("<</Type/Catalog/Pages 2 0 R>>")
    builder.add("<</Type/Pages/Count 2/Kids[3 0 R 2 0 R]/MediaBox[0 0 9 9]>>")
    builder.add("<</Type/Page/Parent 2 0 R>>")
    return builder.bytes()
  }()
}
