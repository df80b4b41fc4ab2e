import Glibc
import PDF
import Support
import Testing

@testable import PageImages

/// Files that are put together, and files that cannot be.
@Suite struct PageImagesTests {
  private let folder: TemporaryDirectory

  init() throws { folder = try TemporaryDirectory() }

  private var target: String { "\(folder.path)/out.pdf" }

  private func combine(_ files: [[UInt8]]) throws -> Int {
    let paths = try files.enumerated().map { try folder.write($1, to: "\($0)") }
    return try PageImages.combine(paths, to: target)
  }

  private func error(_ file: [UInt8]) throws -> PageImageError? {
    do { _ = try combine([file]) } catch let error as PageImageError { return error }
    return nil
  }

  @Test func `images and PDFs are one PDF, in order`() throws {
    let pages = try combine([
      Samples.png(width: 30, height: 20), PDFBuilder.scan(pages: 2),
      Samples.tiff(width: 40, height: 20), Samples.tiff(width: 50, height: 20),
    ])
    #expect(pages == 5)
    let document = try PDFDocument(path: target)
    let widths = try document.pages().map { Int($0.shownSheet.width) }
    #expect(widths[0] == 30 && widths[3...] == [40, 50])
    // Nothing is left beside it.
    #expect(folder.files().count == 5)
  }

  private func file(_ path: String) throws -> [UInt8] {
    let file = try #require(fopen(path, "r"))
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 1 << 20)
    return Array(bytes.prefix(fread(&bytes, 1, bytes.count, file)))
  }

  /// More than libqpdf is given at once.
  @Test func `a hundred files are one PDF`() throws {
    let png = Samples.png(width: 30, height: 20)
    let files = (0..<100).map { $0 % 2 == 0 ? png : PDFBuilder.scan(pages: 1 + $0 % 3) }
    #expect(try combine(files) == 149)
    #expect(try PDFDocument(path: target).pageCount() == 149)
    #expect(folder.files().count == 101)
    #expect(try combine((0..<100).map { _ in png }) == 100)
    #expect(try PDFDocument(path: target).pageCount() == 100)
    #expect(folder.files().count == 101)
  }

  @Test func `the same files make the same bytes`() throws {
    let files = [Samples.png(width: 30, height: 20), Samples.tiff(width: 40, height: 20)]
    _ = try combine(files)
    let first = try file(target)
    _ = try combine(files)
    #expect(try file(target) == first)
  }

  @Test func `an error names the file`() throws {
    #expect {
      try combine([
        Samples.png(width: 3, height: 2), Array(Samples.tiff(width: 9, height: 9).prefix(60)),
      ])
    } throws: {
      ($0 as? PageImageError)?.description.hasPrefix("file 2 of 2: the TIFF is cut short") == true
    }
    #expect { try PageImages.combine(["\(folder.path)/nothing"], to: target) } throws: {
      ($0 as? PageImageError)?.kind == .local
    }
    #expect {
      try PageImages.combine(
        [try folder.write(Samples.png(width: 3, height: 2), to: "a")], to: "/nowhere/out.pdf")
    } throws: { ($0 as? PageImageError)?.kind == .local }
  }

  @Test(arguments: [Samples.png(width: 9, height: 7), Samples.tiff(width: 19, height: 7)])
  func `what is cut anywhere is damaged`(whole: [UInt8]) throws {
    for count in 8..<whole.count {
      let error = try error(Array(whole.prefix(count)))
      #expect(error?.kind == .damaged, "\(count): \(String(describing: error))")
    }
  }

  @Test(arguments: [Samples.png(width: 9, height: 7), Samples.tiff(width: 19, height: 7)])
  func `a flipped bit does no harm`(whole: [UInt8]) throws {
    for bit in 0..<(whole.count * 8) {
      var file = whole
      file[bit / 8] ^= 1 << UInt8(bit % 8)
      let found = try error(file)
      // The checksums of a PNG see each; a PDF that is neither an image nor one is libqpdf's to name.
      if PageImageKind(file) == .png { #expect(found?.kind == .damaged, "\(bit)") }
    }
  }

  @Test func `what a small file claims is not believed`() throws {
    var entries = Samples.entries(width: 1 << 24, height: 1 << 24, count: 9)
    #expect(try error(Samples.tiff(entries, [0, 0, 0, 0, 0, 0, 0, 0, 0]))?.kind == .unsupported)
    entries[277] = 4
    entries[258] = 16
    #expect(
      try error(Samples.tiff(entries, [0, 0, 0, 0, 0, 0, 0, 0, 0]))?.kind == .unsupported)
    let huge = Samples.chunk(
      "IHDR", [0x7F, 0xFF, 0xFF, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF, 16, 6, 0, 0, 1])
    let png =
      PNGFile.signature + huge + Samples.chunk("IDAT", [0x78, 0xDA, 3, 0, 0, 0, 0, 1])
      + Samples.chunk("IEND", [])
    #expect(try error(png)?.kind == .unsupported)
  }

  @Test func `a list of pages that leads back has an end`() throws {
    var file = Samples.tiff(width: 9, height: 9)
    let first = file[4..<8]
    file.replaceSubrange((file.count - 4)..., with: first)
    #expect(try error(file)?.description == "the TIFF's list of pages has a loop")
  }

  /// All pages of a TIFF may lead to one strip.
  @Test func `a PDF is not written without end`() throws {
    let page = try TIFFPage(TIFFFile(Samples.tiff(width: 800, height: 800)).pages()[0]).page()
    var file = try PageFile(path: target, limit: 100_000)
    do throws(PageImageError) {
      for _ in 0..<1000 { try file.add(page) }
      Issue.record("it has no end")
    } catch {
      #expect(error.description == "its PDF would be larger than 100000 bytes")
    }
    let size = try self.file(target).count
    #expect((1...100_000).contains(size))
  }

  @Test func `smaller copies and masks are no pages`() throws {
    let whole = Samples.entries(width: 9, height: 9, count: 18)
    let data = [UInt8](repeating: 0xAA, count: 18)
    for (kind, pages) in [(0, 1), (2, 1), (1, 0), (4, 0)] {
      var entries = whole
      entries[254] = kind
      let found = try error(Samples.tiff(entries, data))
      #expect(found?.description == (pages == 0 ? "the TIFF has no pages" : nil))
    }
  }

  @Test(arguments: [
    (259, 34_712, "compressed in a way"), (339, 3, "not whole numbers"),
    (262, 8, "colours of a kind"),
    (258, 3, "bits in a pixel"), (317, 3, "predictor"),
  ])
  func `what is not known is said`(tag: Int, value: Int, text: String) throws {
    var entries = Samples.entries(width: 9, height: 9, count: 18)
    if tag == 317 { entries[259] = 8 }
    entries[tag] = value
    let plain = [UInt8](repeating: 0xAA, count: 18)
    let data = tag == 317 ? try #require(Flate.deflate(plain)) : plain
    entries[279] = data.count
    let found = try error(Samples.tiff(entries, data))
    #expect(found?.kind == .unsupported)
    #expect(found?.description.contains(text) == true, "\(String(describing: found))")
  }

  @Test(arguments: [
    (2550, 3300, 300.0), (1700, 2200, 200), (1728, 2200, 200), (4200, 2550, 300), (100, 100, 72),
    (5100, 6600, 600), (10_800, 14_400, 600), (150_000, 100, 750),
  ])
  func `without a resolution the usual one is taken`(width: Int, height: Int, dpi: Double) {
    let taken = Resolution(x: nil, y: nil, width: width, height: height)
    #expect(taken.x == taken.y)
    #expect(abs(taken.x - dpi) < 0.01)
    for wrong in [0, -1, Double.nan, .infinity, 1e-9, 1e12] {
      #expect(Resolution(x: wrong, y: wrong, width: width, height: height) == taken)
    }
  }

  @Test(arguments: [
    ([0x49, 0x49, 42, 0] as [UInt8], PageImageKind.tiff), ([0x4D, 0x4D, 0, 43], .tiff),
    ([0xFF, 0xD8, 0xFF, 0xE0], .jpeg), (PNGFile.signature, .png), (Array("%PDF-1.4".utf8), nil),
    ([], nil), ([0xFF, 0xD8], nil), (Array(PNGFile.signature.prefix(7)), nil),
  ])
  func `kinds are known by their beginning`(bytes: [UInt8], kind: PageImageKind?) {
    #expect(PageImageKind(bytes) == kind)
    #expect(
      kind.map { ["image/tiff", "image/jpeg", "image/png"].contains($0.contentType) } != false)
  }
}

/// Small images by the book.
extension Samples {
  /// Fields of an uncompressed picture of two colours in one strip.
  static func entries(width: Int, height: Int, count: Int) -> [Int: Int] {
    [
      254: 0, 256: width, 257: height, 258: 1, 259: 1, 262: 1, 273: 8, 277: 1, 278: height,
      279: count,
    ]
  }

  static func number(_ value: Int, _ size: Int) -> [UInt8] {
    (0..<size).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }

  /// A directory, but for where the next is; its strip is at `data`.
  static func fields(_ entries: [Int: Int], data: Int) -> [UInt8] {
    var bytes = number(entries.count, 2)
    for (tag, value) in entries.sorted(by: { $0.key < $1.key }) {
      bytes += number(tag, 2) + number(4, 2) + number(1, 4) + number(tag == 273 ? data : value, 4)
    }
    return bytes
  }

  /// A little-endian TIFF with one directory.
  static func tiff(_ entries: [Int: Int], _ data: [UInt8]) -> [UInt8] {
    Array("II*\0".utf8) + number(8 + data.count, 4) + data + fields(entries, data: 8)
      + number(0, 4)
  }

  static func tiff(width: Int, height: Int) -> [UInt8] {
    let data = (0..<((width + 7) / 8 * height)).map { UInt8(truncatingIfNeeded: $0 * 37) }
    return tiff(entries(width: width, height: height, count: data.count), data)
  }

  static func chunk(_ name: String, _ content: [UInt8]) -> [UInt8] {
    func number(_ value: UInt32) -> [UInt8] {
      (0..<4).map { UInt8(truncatingIfNeeded: value >> UInt32(24 - 8 * $0)) }
    }
    let body = Array(name.utf8) + content
    var sum: UInt32 = 0xFFFF_FFFF
    for byte in body {
      sum ^= UInt32(byte)
      for _ in 0..<8 { sum = sum & 1 == 1 ? sum >> 1 ^ 0xEDB8_8320 : sum >> 1 }
    }
    return number(UInt32(content.count)) + body + number(~sum)
  }

  static func png(width: Int, height: Int) -> [UInt8] {
    let rows: [UInt8] = (0..<height).flatMap { row -> [UInt8] in
      [0] + (0..<width).map { UInt8(truncatingIfNeeded: row * 7 + $0 * 3) }
    }
    let size = [
      0, 0, UInt8(width >> 8), UInt8(width & 255), 0, 0, UInt8(height >> 8), UInt8(height & 255),
    ]
    return PNGFile.signature + chunk("IHDR", size + [8, 0, 0, 0, 0])
      + chunk("IDAT", Flate.deflate(rows) ?? []) + chunk("IEND", [])
  }
}
