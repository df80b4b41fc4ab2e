import PDF
import Support
import Testing

@testable import optimize

/// A file that asks for far more than it is worth.
struct Bomb: Sendable, CustomTestStringConvertible {
  let name: String
  /// What libqpdf builds of it has only the process's limit; what we build has a bound of its own.
  var isForLibqpdf = false
  let bytes: @Sendable () -> [UInt8]

  var testDescription: String { name }

  init(_ name: String, isForLibqpdf: Bool = false, _ bytes: @escaping @Sendable () -> [UInt8]) {
    self.name = name
    self.isForLibqpdf = isForLibqpdf
    self.bytes = bytes
  }

  static let all = structures + images + coded

  // How bytes are put together ------------------------------------------------------------------

  /// A number of `count` bytes, the highest first.
  static func number(_ value: Int, _ count: Int) -> [UInt8] {
    (0..<count).reversed().map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }

  /// A document with these objects, from number 1 on.
  static func document(_ objects: [String]) -> [UInt8] {
    var builder = PDFBuilder()
    for object in objects { builder.add(object) }
    return builder.bytes()
  }

  static func onePage(_ entries: String, more: [String] = []) -> [UInt8] {
    document(
      [
        "<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Count 1/Kids[3 0 R]>>",
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]\(entries)>>",
      ] + more)
  }

  static func drawing(
    _ bytes: [UInt8], _ entries: String, width: Int = 600, height: Int = 800
  ) -> [UInt8] {
    HorrorsTests.drawn([
      (bytes, "/Type/XObject/Subtype/Image/Width \(width)/Height \(height)\(entries)")
    ])
  }

  /// Zeros, deflated so many times.
  static func zeros(_ count: Int, times: Int = 1) -> [UInt8] {
    (0..<times).reduce([UInt8](repeating: 0, count: count)) { bytes, _ in
      Flate.deflate(bytes) ?? []
    }
  }

  /// A page that refers to the first of `count` objects of one compressed stream, all of them `body`.
  static func objectStream(_ body: [UInt8], count: Int = 1) -> [UInt8] {
    var file = Array("%PDF-1.7\n".utf8)
    var offsets: [Int] = []
    func add(_ head: String, _ stream: [UInt8] = []) {
      offsets.append(file.count)
      file += Array("\(offsets.count) 0 obj\n\(head)".utf8)
      if !stream.isEmpty { file += Array("stream\n".utf8) + stream + Array("\nendstream".utf8) }
      file += Array("\nendobj\n".utf8)
    }
    add("<</Type/Catalog/Pages 2 0 R>>")
    add("<</Type/Pages/Count 1/Kids[3 0 R]>>")
    add("<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/X 6 0 R>>")
    let head =
      (0..<count).map { "\(6 + $0) \($0 * (body.count + 1))" }.joined(separator: " ") + "\n"
    var objects = Array(head.utf8)
    for _ in 0..<count { objects += body + [10] }
    let packed = Flate.deflate(objects) ?? []
    add(
      "<</Type/ObjStm/N \(count)/First \(head.utf8.count)/Filter/FlateDecode/Length \(packed.count)>>",
      packed)
    let start = file.count
    var rows = number(0, 1) + number(0, 4) + number(65535, 2)
    for offset in offsets + [start] { rows += number(1, 1) + number(offset, 4) + number(0, 2) }
    for index in 0..<count { rows += number(2, 1) + number(4, 4) + number(index, 2) }
    let table = Flate.deflate(rows) ?? []
    add(
      "<</Type/XRef/Size \(6 + count)/W[1 4 2]/Root 1 0 R/Filter/FlateDecode/Length \(table.count)>>",
      table)
    return file + Array("startxref\n\(start)\n%%EOF\n".utf8)
  }

  private static func repeated(_ text: String, _ count: Int) -> String {
    String(repeating: text, count: count)
  }

  private static func repeated(_ bytes: [UInt8], _ count: Int) -> [UInt8] {
    Array([[UInt8]](repeating: bytes, count: count).joined())
  }

  // Objects and pages ---------------------------------------------------------------------------

  private static let catalog = "<</Type/Catalog/Pages 2 0 R>>"

  static let structures = [
    Bomb("an object stream of a million dictionaries", isForLibqpdf: true) {
      objectStream(Array("[\(repeated("<<>>", 1_000_000))]".utf8))
    },
    Bomb("an object stream of 522 KB that holds half a gigabyte", isForLibqpdf: true) {
      objectStream([40] + [UInt8](repeating: 97, count: 64 << 20) + [41])
    },
    Bomb("an object stream of arrays, 100,000 deep") {
      objectStream(Array((repeated("[", 100_000) + repeated("]", 100_000)).utf8))
    },
    Bomb("60,000 nested arrays", isForLibqpdf: true) {
      objectStream(Array("[[[[[[[[[[[[]]]]]]]]]]]]".utf8), count: 60_000)
    },
    Bomb("a million kids that are one page", isForLibqpdf: true) {
      document([
        catalog, "<</Type/Pages/Count 1000000/Kids[\(repeated("3 0 R ", 1_000_000))]>>",
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>",
      ])
    },
    Bomb("a million kids that are nothing", isForLibqpdf: true) {
      document([catalog, "<</Type/Pages/Count 1000000/Kids[\(repeated("null ", 1_000_000))]>>"])
    },
    Bomb("100,001 pages", isForLibqpdf: true) {
      let kids = (3..<100_004).map { "\($0) 0 R" }.joined(separator: " ")
      return document(
        [catalog, "<</Type/Pages/Count 100001/MediaBox[0 0 9 9]/Kids[\(kids)]>>"]
          + [String](repeating: "<</Type/Page/Parent 2 0 R>>", count: 100_001))
    },
    Bomb("a page tree that is its own kid") {
      document([catalog, "<</Type/Pages/Count 2/Kids[3 0 R 2 0 R]>>", "<</Type/Page>>"])
    },
    Bomb("a page tree that doubles forty times") {
      document(
        [catalog]
          + (3..<43).map { "<</Type/Pages/Count 9/Kids[\($0) 0 R \($0) 0 R]/MediaBox[0 0 9 9]>>" }
          + ["<</Type/Page>>"])
    },
    Bomb("a page tree 20,000 deep", isForLibqpdf: true) {
      document(
        [catalog]
          + (3..<20_003).map { "<</Type/Pages/Count 1/Kids[\($0) 0 R]/MediaBox[0 0 9 9]>>" }
          + ["<</Type/Page>>"])
    },
    Bomb("a page whose parent is its kid") {
      document([
        catalog, "<</Type/Pages/Count 1/Kids[3 0 R]/Parent 3 0 R>>", "<</Type/Page/Parent 2 0 R>>",
      ])
    },
    Bomb("a table that is its own predecessor") {
      let text = String(decoding: onePage(""), as: UTF8.self)
      let start = text.split(separator: "\n").dropLast().last ?? ""
      return Array(text.replacing("/Root 1 0 R", with: "/Root 1 0 R/Prev \(start)").utf8)
    },
    Bomb("a table of two billion entries") {
      let text = String(decoding: onePage(""), as: UTF8.self)
      return Array(text.replacing("xref\n0 4", with: "xref\n0 2000000000").utf8)
    },
    Bomb("a stream whose length is itself") {
      onePage("/Contents 4 0 R", more: ["<</Length 4 0 R>>stream\nq Q\nendstream"])
    },
    Bomb("references in a circle") {
      onePage("/Resources 4 0 R/Contents 6 0 R", more: ["5 0 R", "4 0 R", "[6 0 R 6 0 R]"])
    },
    Bomb("arrays, a million deep") {
      onePage("/X \(repeated("[", 1_000_000))\(repeated("]", 1_000_000))")
    },
    Bomb("an outline that is its own successor") {
      document([
        "<</Type/Catalog/Pages 2 0 R/Outlines 4 0 R>>", "<</Type/Pages/Count 1/Kids[3 0 R]>>",
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>", "<</First 4 0 R/Last 4 0 R/Next 4 0 R>>",
      ])
    },
    Bomb("names and fields that are their own kids") {
      document([
        "<</Type/Catalog/Pages 2 0 R/Names<</Dests 4 0 R/JavaScript 4 0 R>>"
          + "/AcroForm<</Fields[5 0 R]>>>>",
        "<</Type/Pages/Count 1/Kids[3 0 R]>>", "<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>",
        "<</Kids[4 0 R 4 0 R]>>", "<</Kids[5 0 R 5 0 R]/T(a)>>",
      ])
    },
  ]
}

// Images by their sizes ---------------------------------------------------------------------------

extension Bomb {
  fileprivate static let grey = "/BitsPerComponent 8/ColorSpace/DeviceGray"
  fileprivate static let bits = "/BitsPerComponent 1/ColorSpace/DeviceGray"

  static let images = sizes + filters + predictors + faxes + jpegs

  private static let sizes: [Bomb] = [
    Bomb("samples of 2 billion by 2 billion") {
      let side = 2_147_483_647
      return drawing(
        [1, 2, 3], "/BitsPerComponent 8/ColorSpace/DeviceRGB", width: side, height: side)
    },
    Bomb("a palette of 2 billion colours") {
      drawing([1], "/BitsPerComponent 8/ColorSpace[/Indexed/DeviceRGB 2147483647 <00>]")
    },
    Bomb("an image that is its own mask") {
      drawing([1], "\(grey)/SMask 5 0 R/Mask 5 0 R/Alternates[<</Image 5 0 R>>]")
    },
  ]

  private static let filters: [Bomb] = [
    Bomb("10,000 filters") {
      let names = String(repeating: "/AHx ", count: 10_000)
      return drawing(Array("00>".utf8), "\(grey)/Filter[\(names)]")
    },
    Bomb("deflated twenty times") {
      let names = String(repeating: "/FlateDecode", count: 20)
      return drawing(zeros(600 * 800, times: 20), "\(grey)/Filter[\(names)]")
    },
    Bomb("64 MiB, deflated twice") {
      drawing(
        zeros(64 << 20, times: 2), "\(grey)/Filter[/FlateDecode/FlateDecode]", width: 30_000,
        height: 30_000)
    },
    Bomb("runs that hold 64 MiB") {
      let runs = repeated([0x81, 97], 1 << 19) + [0x80]
      return drawing(runs, "\(grey)/Filter/RunLengthDecode", width: 30_000, height: 30_000)
    },
    Bomb("LZW that holds 200 times as much") {
      drawing(
        lzw(tables: 100), "\(grey)/Filter/LZWDecode", width: 30_000, height: 30_000)
    },
  ]

  private static let predictors: [Bomb] = [
    "15/Columns 2147483647", "15/Columns 9223372036854775807", "12/Colors -1/Columns -5",
    "12/Colors 2147483647/Columns 2147483647/BitsPerComponent 16",
    "2/Columns 2147483647/Colors 32/BitsPerComponent 16",
  ].map { (parameters: String) -> Bomb in
    Bomb("a predictor with \(parameters)") {
      drawing(
        zeros(1000), "\(grey)/Filter/FlateDecode/DecodeParms<</Predictor \(parameters)>>")
    }
  }

  private static let faxParameters: [(parameters: String, width: Int, height: Int)] = [
    ("/K -1/Columns 2147483647", 600, 800), ("/K 0/Columns 2000000000", 600, 800),
    ("/K -1/Columns 30000/Rows 2147483647", 30_000, 30_000), ("/K -1/Columns -5", 600, 800),
    ("/K -1/Columns 65535/Rows 65535", 65_535, 65_535),
  ]

  private static let faxes: [Bomb] = faxParameters.map { given -> Bomb in
    Bomb("fax of \(given.width) by \(given.height) with \(given.parameters)") {
      drawing(
        repeated([0, 0x10, 1], 100),
        "\(bits)/Filter/CCITTFaxDecode/DecodeParms<<\(given.parameters)>>", width: given.width,
        height: given.height)
    }
  }

  private static let jpegs: [Bomb] = [false, true].map { isProgressive -> Bomb in
    Bomb("a JPEG of 65,500 by 65,500\(isProgressive ? " in several scans" : "")") {
      drawing(
        jpeg(65_500, isProgressive), "/BitsPerComponent 8/ColorSpace/DeviceRGB/Filter/DCTDecode",
        width: 65_500, height: 65_500)
    }
  }

  /// A code for each string of zeros, one longer than the one before, in tables that are filled to the end.
  private static func lzw(tables: Int) -> [UInt8] {
    var (bytes, bits, held): ([UInt8], Int, Int) = ([], 0, 0)
    func put(_ code: Int, _ width: Int) {
      (bits, held) = (bits << width | code, held + width)
      while held >= 8 {
        held -= 8
        bytes.append(UInt8(truncatingIfNeeded: bits >> held))
      }
      bits &= (1 << held) - 1
    }
    for _ in 0..<tables {
      var width = 9
      put(256, 9)
      put(0, 9)
      for next in 258..<4094 {
        put(next, width)
        if next + 2 >= 1 << width, width < 12 { width += 1 }
      }
    }
    put(257, 12)
    put(0, 8)
    return bytes
  }

  /// Three components of `side` by `side`, and next to no data.
  private static func jpeg(_ side: Int, _ isProgressive: Bool) -> [UInt8] {
    let components: [UInt8] = [1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0]
    let codes: [UInt8] = [1] + [UInt8](repeating: 0, count: 15) + [0]
    var bytes: [UInt8] = [0xFF, 0xD8, 0xFF, 0xDB, 0, 67, 0]
    bytes += [UInt8](repeating: 1, count: 64)
    bytes += [0xFF, isProgressive ? 0xC2 : 0xC0, 0, 17, 8]
    bytes += number(side, 2) + number(side, 2) + [3] + components
    for table in [0, 0x10] as [UInt8] {
      bytes += [0xFF, 0xC4, 0, 20, table]
      bytes += codes
    }
    bytes += [0xFF, 0xDA, 0, 12, 3, 1, 0, 2, 0, 3, 0]
    bytes += isProgressive ? [0, 0, 0] : [0, 63, 0]
    return bytes + [UInt8](repeating: 0, count: 200) + [0xFF, 0xD9]
  }
}

// JBIG2 and JPEG 2000 ------------------------------------------------------------------------------

extension Bomb {
  static let coded = [
    Bomb("JBIG2 of 65,535 by 65,535") { jbig2(65_535) },
    Bomb("JBIG2 of 4 billion by 4 billion") { jbig2(0xFFFF_FFFF) },
    Bomb("JPEG 2000 of 60,000 by 60,000") { jpx(JPX(side: 60_000)) },
    Bomb("JPEG 2000 of 4 billion by 4 billion") { jpx(JPX(side: 0xFFFF_FFFF)) },
    Bomb("JPEG 2000 of 16,000 components") { jpx(JPX(components: 16_000)) },
    Bomb("JPEG 2000 of 4 million tiles") { jpx(JPX(side: 2048, tile: 1, levels: 0)) },
    Bomb("JPEG 2000 of 32 levels") { jpx(JPX(levels: 32)) },
    Bomb("JPEG 2000 of 80 levels") { jpx(JPX(levels: 80)) },
    Bomb("JPEG 2000 of 65,535 layers") { jpx(JPX(side: 4000, precinct: 0x66, layers: 65_535)) },
    Bomb("JPEG 2000 of precincts of 2 by 2") { jpx(JPX(side: 10_000, precinct: 0x11)) },
    Bomb("JPEG 2000 of blocks of 4 by 4") { jpx(JPX(side: 10_000, block: 0)) },
    Bomb("JPEG 2000 with a tile of precincts of 2 by 2") {
      jpx(JPX(side: 10_000, tilePrecinct: 0x11))
    },
  ]

  private static func jbig2(_ side: Int) -> [UInt8] {
    func segment(_ number: Int, _ type: UInt8, _ data: [UInt8]) -> [UInt8] {
      Bomb.number(number, 4) + [type, 0, 1] + Bomb.number(data.count, 4) + data
    }
    let sides = number(side, 4) + number(side, 4)
    let pixels: [UInt8] = [0, 0, 3, 255, 253, 255, 2, 254, 254, 254, 0, 1, 255, 172]
    let region = sides + number(0, 8) + pixels
    return drawing(
      segment(0, 48, sides + number(0, 8) + [0, 0, 0]) + segment(1, 38, region),
      "\(bits)/Filter/JBIG2Decode", width: min(side, 65_535), height: min(side, 65_535))
  }

  /// What the headers of a JPEG 2000 image say.
  private struct JPX {
    var side = 600
    var tile: Int?
    var components = 1
    var levels = 5
    var block: UInt8 = 4
    var precinct: UInt8?
    var tilePrecinct: UInt8?
    var layers = 1
  }

  private static func jpx(_ given: JPX) -> [UInt8] {
    func marker(_ code: UInt8, _ data: [UInt8]) -> [UInt8] {
      [0xFF, code] + number(data.count + 2, 2) + data
    }
    func coding(_ precinct: UInt8?) -> [UInt8] {
      let sides = precinct.map { [UInt8](repeating: $0, count: given.levels + 1) } ?? []
      var style: [UInt8] = [precinct == nil ? 0 : 1, 0] + number(given.layers, 2)
      style += [0, UInt8(given.levels), given.block, given.block, 0, 1] + sides
      return marker(0x52, style)
    }
    let (sides, tile) = (number(given.side, 4), number(given.tile ?? given.side, 4))
    var bytes: [UInt8] = [0xFF, 0x4F]
    var size = number(0, 2) + sides + sides + number(0, 8) + tile + tile + number(0, 8)
    size += number(given.components, 2) + repeated([7, 1, 1], given.components)
    bytes += marker(0x51, size)
    bytes += coding(given.precinct)
    bytes += marker(0x5C, [0x40] + [UInt8](repeating: 0x40, count: 3 * given.levels + 1))
    bytes += [0xFF, 0x90, 0, 10, 0, 0, 0, 0, 0, 0, 0, 1]
    if let precinct = given.tilePrecinct { bytes += coding(precinct) }
    bytes += [0xFF, 0x93, 0xFF, 0xD9]
    let side = min(given.side, 65_535)
    return drawing(bytes, "/Filter/JPXDecode", width: side, height: side)
  }
}
