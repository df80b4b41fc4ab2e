import Glibc
import JBIG2
import PDF
import Subprocesses
import Support
import Testing

@testable import Images

/// Images of which nothing else becomes: fewer bytes, and the same samples.
@Suite("Lossless coding")
struct LosslessTests {
  static let lossless = Preset.lossless

  private func rewrite(
    _ image: ImageDescription, _ stored: [UInt8], memory: Int = 1 << 27
  ) -> Rewriting {
    let plan = Plan(for: image, preset: Self.lossless, memory: memory)
    return Rewriting(plan, of: image, stored: stored, preset: Self.lossless, memory: memory)
  }

  private func recoded(
    _ image: ImageDescription, _ stored: [UInt8]
  ) throws -> PDFDocument.NewImage {
    let rewriting = rewrite(image, stored)
    guard case .recoded(let new, _) = rewriting else {
      Issue.record("\(rewriting)")
      throw CancellationError()
    }
    #expect(new.bytes.count < stored.count)
    #expect((new.width, new.height) == (image.width, image.height))
    return new
  }

  /// All samples of a JPEG.
  static func samples(_ jpeg: [UInt8]) -> [UInt8]? {
    guard let reader = JPEGReader(jpeg, reduction: 1, transform: nil, memory: 1 << 27) else {
      return nil
    }
    let count = reader.width * reader.channels
    var samples = [UInt8](repeating: 0, count: count * reader.height)
    let isWhole = samples.withUnsafeMutableBufferPointer { samples in
      (0..<reader.height).allSatisfy { y in
        samples.baseAddress.map { reader.next(into: $0 + y * count) } ?? false
      }
    }
    return isWhole ? samples : nil
  }

  /// A JPEG as poppler's program writes it, in one scan.
  static func sequential(channels: Int) throws -> [UInt8] {
    let directory = try TemporaryDirectory()
    let source = try directory.write(RewritingTests.page(channels: channels), to: "in.pdf")
    let nowhere = open("/dev/null", O_RDWR | O_CLOEXEC)
    defer { close(nowhere) }
    let pid = try Launch(
      path: "/usr/bin/pdftoppm",
      arguments: ["pdftoppm", "-singlefile", "-scale-to", "600", "-jpeg"]
        + (channels == 1 ? ["-gray"] : []) + [source, "\(directory.path)/out"],
      environment: ["LC_ALL=C"], input: nowhere, output: nowhere, errors: nowhere
    ).start()
    try #require(Launch.wait(for: pid) == .status(0))
    return FaxTests.contents("\(directory.path)/out.jpg")
  }

  @Test("A JPEG gets shorter codes, and keeps each sample", arguments: [1, 3])
  func jpeg(_ channels: Int) throws {
    let jpeg = try Self.sequential(channels: channels)
    let header = try #require(JPEGHeader(jpeg))
    let colour: ImageDescription.Colour = channels == 1 ? .grey : .rgb
    let image = RewritingTests.image(
      header.width, header.height, bits: 8, colour: colour, [.dct(transform: nil)])
    let new = try recoded(image, jpeg)
    #expect(new.filter == "/DCTDecode")
    #expect(new.parameters == nil)
    #expect(Self.samples(new.bytes) == Self.samples(jpeg))
    #expect(rewrite(image, new.bytes) == .left(.inOrder))
    // Whatever its samples stand for, and whatever depends on them; and what the document says of them stays.
    var other = image
    other.isFixed = true
    other.filters = [.flate(nil), .dct(transform: 0)]
    let deflated = try #require(Flate.deflate(jpeg))
    let inner = try recoded(other, deflated)
    #expect(inner.bytes == new.bytes)
    #expect(inner.parameters == "<< /ColorTransform 0 >>")
  }

  @Test("A JPEG that is damaged, has an end too many, or takes too much memory stays as it is")
  func damaged() throws {
    let jpeg = try Self.sequential(channels: 3)
    #expect(JPEGCodes.shortened(jpeg, memory: 1 << 24) != nil)
    #expect(JPEGCodes.shortened(Array(jpeg.dropLast(jpeg.count / 3)), memory: 1 << 24) == nil)
    #expect(JPEGCodes.shortened(jpeg, memory: 10_000) == nil)
    #expect(JPEGCodes.shortened([], memory: 1 << 24) == nil)
    for end in stride(from: 2, to: jpeg.count, by: 997) {
      #expect(JPEGCodes.shortened(Array(jpeg[..<end]), memory: 1 << 24) == nil)
    }
  }

  @Test("Inks stay inks, whether Adobe's marker is there or not", arguments: [true, false])
  func inks(_ isMarked: Bool) throws {
    let (width, height) = (200, 120)
    let writer = try #require(
      JPEGWriter(width: width, height: height, space: .cmyk(isMarked: isMarked), quality: 90))
    for y in 0..<height {
      let row = (0..<4 * width).map { UInt8(truncatingIfNeeded: $0 * $0 / 90 + y * 3) }
      #expect(row.withUnsafeBufferPointer { $0.baseAddress.map(writer.add) } == true)
    }
    let progressive = try #require(writer.finish())
    let one = try #require(
      JPEGCodes.recoded(
        progressive + [UInt8](repeating: 0, count: 40_000), isProgressive: false, memory: 1 << 24))
    for jpeg in [one, JPEGCodes.recoded(one + [0, 0], isProgressive: true, memory: 1 << 24)] {
      guard let jpeg else { continue }
      let reader = try #require(JPEGReader(jpeg, reduction: 1, transform: nil, memory: 1 << 24))
      #expect(reader.space == .cmyk(isMarked: isMarked))
      #expect(Self.samples(jpeg) == Self.samples(progressive))
    }
  }

  static let kinds: [(colour: ImageDescription.Colour, bits: Int)] = [
    (.grey, 8), (.rgb, 8), (.cmyk, 8), (.single, 8), (.rgb, 16), (.grey, 4), (.rgb, 2),
    (.indexed(palette: (0..<768).map { UInt8(truncatingIfNeeded: $0 * 5) }, isGrey: false), 8),
  ]

  @Test("Samples are told by their neighbours where that takes less", arguments: kinds)
  func samples(_ kind: (colour: ImageDescription.Colour, bits: Int)) throws {
    let (width, height) = (300, 211)
    let count = try #require(kind.colour.samples)
    let rowBytes = (width * count * kind.bits + 7) / 8
    let samples = (0..<rowBytes * height).map { at in
      let (x, y) = (at % rowBytes, at / rowBytes)
      return UInt8(truncatingIfNeeded: x * x / 300 + y * y / 250 + (x * y) % 3)
    }
    for filters in [[StreamFilter.runLength], [.flate(nil)]] {
      let stored =
        filters == [.flate(nil)] ? try #require(Self.stored(samples)) : Self.runs(samples)
      let image = RewritingTests.image(
        width, height, bits: kind.bits, colour: kind.colour, filters)
      let new = try recoded(image, stored)
      var written = image
      written.filters = [
        .flate(
          new.parameters.map { _ in
            StreamFilter.Predictor(kind: 15, colours: count, bits: kind.bits, columns: width)
          })
      ]
      let coding = try #require(written.filters.flatMap(ImageCoding.init))
      let again = try #require(
        FilteredRows(written, coding, new.bytes, rowBytes: rowBytes, distance: 1))
      #expect(again.plain == samples)
    }
  }

  /// Deflated without an attempt at it (RFC 1950, RFC 1951, 3.2.4).
  static func stored(_ bytes: [UInt8]) -> [UInt8]? {
    var result: [UInt8] = [0x78, 0x01]
    for start in stride(from: 0, to: bytes.count, by: 65_535) {
      let part = bytes[start..<min(bytes.count, start + 65_535)]
      let (low, high) = (UInt8(part.count & 0xFF), UInt8(part.count >> 8))
      result += [part.endIndex == bytes.count ? 1 : 0, low, high, ~low, ~high] + part
    }
    var (a, b) = (1, 0)
    for byte in bytes {
      a = (a + Int(byte)) % 65_521
      b = (b + a) % 65_521
    }
    return result + [UInt8(b >> 8), UInt8(b & 0xFF), UInt8(a >> 8), UInt8(a & 0xFF)]
  }

  /// Run lengths without runs (ISO 32000-1, 7.4.5).
  static func runs(_ bytes: [UInt8]) -> [UInt8] {
    stride(from: 0, to: bytes.count, by: 128).flatMap { start in
      let part = bytes[start..<min(bytes.count, start + 128)]
      return [UInt8(part.count - 1)] + part
    } + [128]
  }
}

/// Whether there is anything to be seen in an image.
@Suite("One colour")
struct SolidColourTests {
  @Test("Samples, black and white, and JPEG")
  func fills() throws {
    func fills(_ image: ImageDescription, _ stored: [UInt8]) -> Bool? {
      SolidColour.fills(image, stored: stored, memory: 1 << 24)
    }
    let grey = RewritingTests.image(203, 150, bits: 8, [])
    var samples = [UInt8](repeating: 200, count: 203 * 150)
    #expect(fills(grey, samples) == true)
    samples[20_000] = 196
    #expect(fills(grey, samples) == true)
    samples[20_000] = 100
    #expect(fills(grey, samples) == false)
    #expect(fills(grey, Array(samples.prefix(15_000))) == nil)
    let places = RewritingTests.image(
      203, 150, bits: 8, colour: .indexed(palette: [0, 0, 0, 255, 255, 255], isGrey: false), [])
    var palette = [UInt8](repeating: 0, count: 203 * 150)
    #expect(fills(places, palette) == true)
    palette[203 * 150 - 1] = 1
    #expect(fills(places, palette) == false)

    let fax = StreamFilter.Fax(k: -1, columns: 203)
    let page = RewritingTests.image(203, 150, bits: 1, [.ccitt(fax)])
    for (value, isSolid) in [(false, true), (true, true)] {
      let bitmap = try #require(JBIG2Tests.bitmap(203, 150) { _, _ in value })
      #expect(fills(page, try #require(RewritingTests.fax(bitmap))) == isSolid)
    }
    let black = try #require(RewritingTests.black)
    #expect(fills(page, try #require(RewritingTests.fax(black))) == false)
    let symbols = RewritingTests.image(203, 150, bits: 1, [.jbig2(globals: ObjectID(number: 9))])
    #expect(fills(symbols, JBIG2.encode(black)) == nil)

    let jpeg = RewritingTests.image(600, 400, bits: 8, [.dct(transform: nil)])
    let flat = try #require(
      RewritingTests.jpeg([UInt8](repeating: 240, count: 240_000), isGrey: true))
    #expect(fills(jpeg, flat) == true)
    let photograph = try #require(
      RewritingTests.jpeg(RewritingTests.photograph(samples: 1), isGrey: true))
    #expect(fills(jpeg, photograph) == false)
    var huge = grey
    huge.width = 1 << 40
    #expect(fills(huge, samples) == nil)
  }
}
