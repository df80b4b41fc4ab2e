import JBIG2
import PDF
import Support
import Testing

@testable import Images

@Suite("Rewritten images")
struct RewritingTests {
  static let preset = Preset(resolution: 150, jpegQuality: 60)

  static func image(
    _ width: Int, _ height: Int, bits: Int, colour: ImageDescription.Colour = .grey,
    _ filters: [StreamFilter]
  ) -> ImageDescription {
    ImageDescription(
      id: ObjectID(number: 1), width: width, height: height, bits: bits, colour: colour,
      filters: filters, drawn: DrawnSize(width: Double(width) * 0.24, height: Double(height) * 0.24)
    )
  }

  /// Letters, as far as a coder is concerned.
  static let black = JBIG2Tests.bitmap(203, 150) { x, y in
    x / 3 * 31 % 7 < 3 && y / 5 * 17 % 5 < 2 && (x * y) % 11 > 1
  }

  /// The samples of what a rewritten image of two colours is, 1 being white.
  static func samples(_ image: PDFDocument.NewImage) -> [UInt8]? {
    let bitmap =
      image.filter == "/JBIG2Decode"
      ? JBIG2Decoder.decode(image.bytes)
      : Picture(fax: image.bytes, width: image.width, height: image.height)?.bitmap()
    return bitmap.flatMap {
      Bitmap(width: $0.width, height: $0.height, bytes: $0.bytes.map { ~$0 })?.bytes
    }
  }

  /// A document of one page with curves, in grey or in colour.
  static func page(channels: Int) -> [UInt8] {
    var builder = PDFBuilder()
    builder.add("<</Type/Catalog/Pages 2 0 R>>")
    builder.add("<</Type/Pages/Count 1/Kids[3 0 R]/MediaBox[0 0 600 400]>>")
    builder.add("<</Type/Page/Parent 2 0 R/Contents 4 0 R>>")
    let lines = (0..<200).map { at in
      let colour =
        channels == 1
        ? "0.\(at % 9) G" : "0.\(at % 9) 0.\(at * 7 % 10) 0.\(at * 3 % 8) RG"
      return "\(colour) \(1 + at % 5) w \(at * 3) 0 m \(600 - at * 2) \(at * 17 % 400) l S"
    }
    builder.addStream(Array(lines.joined(separator: " ").utf8))
    return builder.bytes()
  }

  static func fax(_ bitmap: Bitmap) -> [UInt8]? { Picture(bitmap)?.fax() }

  static func jpeg(_ samples: [UInt8], isGrey: Bool, quality: Int = 90) -> [UInt8]? {
    let channels = isGrey ? 1 : 3
    guard
      let writer = JPEGWriter(
        width: 600, height: samples.count / 600 / channels, space: isGrey ? .grey : .rgb,
        quality: quality)
    else { return nil }
    let isTaken = samples.withUnsafeBufferPointer { samples in
      stride(from: 0, to: samples.count, by: 600 * channels).allSatisfy { start in
        samples.baseAddress.map { writer.add($0 + start) } ?? false
      }
    }
    return isTaken ? writer.finish() : nil
  }

  private func rewrite(
    _ image: ImageDescription, _ stored: [UInt8], memory: Int = 1 << 27
  ) -> Rewriting {
    let plan = Plan(for: image, preset: Self.preset, memory: memory)
    return Rewriting(plan, of: image, stored: stored, preset: Self.preset, memory: memory)
  }

  /// Whether nothing was to be done, but perhaps to code it in fewer bytes.
  private func isInOrder(_ rewriting: Rewriting) -> Bool {
    switch rewriting {
    case .left(.inOrder), .recoded(_, .inOrder): true
    default: false
    }
  }

  private func replaced(
    _ image: ImageDescription, _ stored: [UInt8]
  ) throws -> PDFDocument.NewImage {
    let rewriting = rewrite(image, stored)
    guard case .replaced(let new) = rewriting else {
      Issue.record("\(rewriting)")
      throw CancellationError()
    }
    #expect(new.bytes.count < stored.count)
    return new
  }

  @Test("Samples of two colours come back, of whatever colours", arguments: [false, true])
  func bits(_ hasDecode: Bool) throws {
    let bitmap = try #require(Self.black)
    var image = Self.image(203, 150, bits: 1, [])
    image.hasDecode = hasDecode
    let new = try replaced(image, bitmap.bytes)
    #expect(new.colourSpace == nil)
    #expect(Self.samples(new) == bitmap.bytes)
  }

  @Test("G4 comes back, whichever value is black", arguments: [false, true])
  func fax(_ blackIs1: Bool) throws {
    let bitmap = try #require(Self.black)
    let data = try #require(Self.fax(bitmap))
    let filter = StreamFilter.ccitt(.init(k: -1, columns: 203, blackIs1: blackIs1))
    let new = try replaced(Self.image(203, 150, bits: 1, [filter]), data)
    let samples = blackIs1 ? bitmap.bytes : bitmap.bytes.map { ~$0 }
    #expect(Self.samples(new) == Bitmap(width: 203, height: 150, bytes: samples)?.bytes)
    #expect(new.filter == "/JBIG2Decode")
  }

  @Test("Damaged G4 stays as it is")
  func damagedFax() throws {
    var data = try #require(Self.black.flatMap(Self.fax))
    let filter = StreamFilter.ccitt(.init(k: -1, columns: 203))
    let image = Self.image(203, 150, bits: 1, [filter])
    #expect(rewrite(image, Array(data.prefix(100))) == .left(.damaged))
    // More rows than there are.
    #expect(rewrite(Self.image(203, 180, bits: 1, [filter]), data) == .left(.damaged))
    data[data.count / 2] ^= 0x10
    #expect(rewrite(image, data) == .left(.damaged))
  }

  @Test("A PNG predictor is undone", arguments: [0, 1, 2, 3, 4] as [UInt8])
  func predictor(_ kind: UInt8) throws {
    let predictor = StreamFilter.Predictor(kind: 15, colours: 3, bits: 8, columns: 2)
    let rows: [[UInt8]] = [
      [1, 2, 3, 250, 5, 6], [9, 8, 7, 60, 50, 40], [0, 255, 0, 255, 0, 255],
    ]
    var coded: [UInt8] = []
    for (y, row) in rows.enumerated() {
      coded.append(kind)
      for (x, value) in row.enumerated() {
        let left = x >= 3 ? Int(row[x - 3]) : 0
        let up = y > 0 ? Int(rows[y - 1][x]) : 0
        let corner = x >= 3 && y > 0 ? Int(rows[y - 1][x - 3]) : 0
        let near = [left, up, corner].min {
          abs(left + up - corner - $0) < abs(left + up - corner - $1)
        }
        let prediction = [0, left, up, (left + up) / 2, near ?? 0][Int(kind)]
        coded.append(value &- UInt8(prediction))
      }
    }
    #expect(Self.rows(3, of: coded, predictor) == rows.flatMap { $0 })
    #expect(Self.rows(3, of: Array(coded.dropLast()), predictor) == nil)
    coded[7] = 5
    #expect(Self.rows(3, of: coded, predictor) == nil)
  }

  /// So many rows of what a predictor made.
  static func rows(
    _ count: Int, of coded: [UInt8], _ predictor: StreamFilter.Predictor
  ) -> [UInt8]? {
    guard let rowBytes = predictor.rowBytes, let stored = Flate.deflate(coded),
      let coding = ImageCoding([.flate(predictor)]),
      var source = SampleRows(coding, stored, rowBytes: rowBytes, rows: count)
    else { return nil }
    var result: [UInt8] = []
    for _ in 0..<count {
      var row = [UInt8](repeating: 0, count: rowBytes)
      let isWhole = row.withUnsafeMutableBufferPointer {
        $0.baseAddress.map { source.next(into: $0) } ?? false
      }
      guard isWhole else { return nil }
      result += row
    }
    return source.endsHere() ? result : nil
  }

  /// 600 by 400 pixels that change slowly, with some noise.
  static func photograph(samples count: Int) -> [UInt8] {
    (0..<600 * 400 * count).map { index in
      let (x, y) = (index / count % 600, index / count / 600)
      return UInt8(clamping: 40 + x / 6 + y / 5 + index % count * 10 + index * 7919 % 23)
    }
  }

  @Test("A photograph is brought down and becomes a JPEG", arguments: [1, 3])
  func photograph(samples count: Int) throws {
    let image = Self.image(600, 400, bits: 8, colour: count == 1 ? .grey : .rgb, [])
    let samples = Self.photograph(samples: count)
    let new = try replaced(image, samples)
    #expect([new.width, new.height] == [300, 200])
    let header = JPEGHeader(new.bytes)
    #expect(header?.width == 300 && header?.height == 200 && header?.components == count)
    // And once more, from JPEG to JPEG.
    let jpeg = try #require(Self.jpeg(samples, isGrey: count == 1))
    var again = image
    again.filters = [.dct(transform: nil)]
    #expect(try replaced(again, jpeg).width == 300)
    // The dictionary lies.
    again.height = 399
    #expect(rewrite(again, jpeg) == .left(.damaged))
    again.height = 400
    again.colour = count == 1 ? .rgb : .grey
    #expect(rewrite(again, jpeg) == .left(.damaged))
    again.colour = image.colour
    #expect(rewrite(again, Array(jpeg.prefix(jpeg.count / 2))) == .left(.damaged))
  }

  @Test("A palette is applied")
  func palette() throws {
    let colours: [UInt8] = (0..<256).flatMap { [UInt8($0), UInt8(255 - $0), 128] as [UInt8] }
    var image = Self.image(
      600, 400, bits: 8, colour: .indexed(palette: colours, isGrey: false), [])
    let samples = Self.photograph(samples: 1)
    #expect(try replaced(image, samples).colourSpace == "/DeviceRGB")
    image.colour = .indexed(palette: Array(colours.prefix(90)), isGrey: false)
    #expect(rewrite(image, samples) == .left(.damaged))
  }

  @Test("Grey that is nearly black and white stays as it is")
  func blackAndWhite() {
    var samples = [UInt8](repeating: 250, count: 600 * 400)
    for index in samples.indices where index / 13 % 5 == 0 { samples[index] = UInt8(index % 3) }
    #expect(isInOrder(rewrite(Self.image(600, 400, bits: 8, []), samples)))
  }

  @Test("Samples that are missing, or too many")
  func missing() throws {
    let image = Self.image(600, 400, bits: 8, [.flate(nil)])
    let few = try #require(Flate.deflate([UInt8](repeating: 9, count: 239_999)))
    #expect(rewrite(image, few) == .left(.damaged))
    let many = try #require(Flate.deflate([UInt8](repeating: 9, count: 9_000_000)))
    #expect(rewrite(image, many) == .left(.damaged))
  }

  @Test(
    "A JPEG of the right size is written again only if it was much finer",
    arguments: [(95, true), (85, true), (70, false), (60, false)])
  func sameSize(quality: Int, isWritten: Bool) throws {
    var image = Self.image(600, 400, bits: 8, [.dct(transform: nil)])
    image.drawn = DrawnSize(width: 288, height: 192)
    let jpeg = try #require(
      Self.jpeg(Self.photograph(samples: 1), isGrey: true, quality: quality))
    guard isWritten else {
      #expect(isInOrder(rewrite(image, jpeg)))
      return
    }
    let new = try replaced(image, jpeg)
    #expect([new.width, new.height] == [600, 400])
    #expect(new.bytes.count < jpeg.count / 4 * 3)
    // And not once more.
    #expect(isInOrder(rewrite(image, new.bytes)))
  }

  @Test("A JPEG of several scans is not decoded beyond its memory")
  func scans() throws {
    let image = Self.image(600, 400, bits: 8, [.dct(transform: nil)])
    let jpeg = try #require(Self.jpeg(Self.photograph(samples: 1), isGrey: true))
    // Two bytes for each sample, of which the result has a quarter.
    #expect(rewrite(image, jpeg, memory: 150_000) == .left(.damaged))
    #expect(rewrite(image, jpeg, memory: 100_000) == .left(.tooLarge))
    _ = try replaced(image, jpeg)
  }

  @Test(
    "A line is brought down, too",
    arguments: [(6000, 1), (6000, 3), (5999, 2), (1, 6000), (2, 5999)], [1, 3])
  func line(_ size: (width: Int, height: Int), channels: Int) throws {
    let space: JPEGSpace = channels == 1 ? .grey : .rgb
    let writer = try #require(
      JPEGWriter(width: size.width, height: size.height, space: space, quality: 90))
    for y in 0..<size.height {
      let row = (0..<size.width * channels).map { UInt8(truncatingIfNeeded: ($0 * 7919 + y) >> 3) }
      #expect(row.withUnsafeBufferPointer { $0.baseAddress.map(writer.add) } == true)
    }
    let jpeg = try #require(writer.finish())
    var image = Self.image(
      size.width, size.height, bits: 8, colour: channels == 1 ? .grey : .rgb, [.dct(transform: nil)]
    )
    let longer = Double(max(size.width, size.height))
    image.drawn = DrawnSize(
      width: 100 * Double(size.width) / longer, height: 100 * Double(size.height) / longer)
    guard case .replaced(let new) = rewrite(image, jpeg) else {
      Issue.record("\(rewrite(image, jpeg))")
      return
    }
    #expect(new.bytes.count < jpeg.count)
    #expect((100...300).contains(max(new.width, new.height)) && min(new.width, new.height) == 1)
    let header = try #require(JPEGHeader(new.bytes))
    #expect((header.width, header.height) == (new.width, new.height))
  }

  @Test("A picture of indexes into a palette does not become black and white by its indexes")
  func indexedJPEG() throws {
    let writer = try #require(JPEGWriter(width: 48, height: 48, space: .grey, quality: 90))
    for y in 0..<48 {
      let row = [UInt8](repeating: y < 24 ? 0 : 255, count: 48)
      #expect(row.withUnsafeBufferPointer { $0.baseAddress.map(writer.add) } == true)
    }
    let jpeg = try #require(writer.finish())
    var preset = Self.preset
    preset.makesBilevel = true
    for colour in [ImageDescription.Colour.grey, .indexed(palette: [9, 200, 9], isGrey: false)] {
      let image = Self.image(48, 48, bits: 8, colour: colour, [.dct(transform: nil)])
      let plan = Plan(for: image, preset: preset, memory: 1 << 27)
      let result = Rewriting(plan, of: image, stored: jpeg, preset: preset, memory: 1 << 27)
      let isReplaced = if case .replaced = result { true } else { false }
      #expect(isReplaced == (colour == .grey))
    }
  }

  @Test(
    "How far a JPEG is not decoded",
    arguments: [
      (0.5, 2, 1.0), (0.25, 4, 1.0), (0.125, 8, 1.0), (0.6, 1, 0.6), (0.45, 1, 0.45),
      (0.3, 2, 0.6), (0.05, 8, 0.4), (0.49, 2, 0.98), (0.4, 1, 0.4),
    ])
  func reduction(scale: Double, reduction: Int, rest: Double) {
    let result = Plan.reduction(for: scale)
    #expect(result.reduction == reduction)
    #expect(abs(result.rest - rest) < 1e-9)
  }
}
