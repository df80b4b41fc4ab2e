import JBIG2
import PDF
import Testing

@testable import Images

/// Several filters in a row, and samples of any number of bits.
@Suite("Filters and samples")
struct FilterTests {
  static let preset = RewritingTests.preset

  private func rewrite(_ image: ImageDescription, _ stored: [UInt8]) -> Rewriting {
    let plan = Plan(for: image, preset: Self.preset, memory: 1 << 27)
    return Rewriting(plan, of: image, stored: stored, preset: Self.preset, memory: 1 << 27)
  }

  @Test("What libtiff writes as LZW and in runs is read, to the last pixel")
  func libtiff() throws {
    let bitmap = try FaxTests.page()
    for (compression, filter) in [
      ("lzw", StreamFilter.lzw(nil, isEarly: true)), ("packbits", .runLength),
    ] {
      let data = try FaxTests.tiffcp(compression, bitmap)
      #expect(filter.undone(data, limit: bitmap.bytes.count + 16) == bitmap.bytes)
      #expect(filter.undone(data, limit: bitmap.bytes.count / 2) == nil)
      let image = RewritingTests.image(bitmap.width, bitmap.height, bits: 1, [filter])
      guard case .replaced(let new) = rewrite(image, data) else {
        Issue.record("\(compression) \(rewrite(image, data))")
        continue
      }
      #expect(RewritingTests.samples(new) == bitmap.bytes)
    }
  }

  @Test("Bytes that are no LZW, no runs and no digits are read to an end")
  func noise() {
    var random = SystemRandomNumberGenerator()
    let predictor = StreamFilter.Predictor(kind: 12, colours: 3, bits: 4, columns: 5)
    for filter in [
      StreamFilter.lzw(nil, isEarly: true), .lzw(predictor, isEarly: false), .runLength, .ascii85,
      .asciiHex, .flate(predictor),
    ] {
      for _ in 0..<300 {
        let bytes = (0..<Int.random(in: 0...300)).map { _ in
          UInt8.random(in: 0...255, using: &random)
        }
        #expect(filter.undone(bytes, limit: 5000).map { $0.count <= 10_000 } ?? true)
      }
    }
  }

  @Test("Digits stand for bytes")
  func digits() {
    for (text, bytes) in [
      ("87cURD]i,\"Ebo80~>", "Hello World!"), ("<~87cURD]i,\"Ebo80~>", "Hello World!"),
      ("87cUR\n D]i,\"\tEbo80", "Hello World!"), ("z~>", "\0\0\0\0"), ("5l~>", "A"), ("~>", ""),
    ] {
      #expect(StreamFilter.ascii85.undone(Array(text.utf8), limit: 99) == Array(bytes.utf8))
    }
    for text in ["8~>", "vvvvv", "uuuuu", "8z~>"] {
      #expect(StreamFilter.ascii85.undone(Array(text.utf8), limit: 99) == nil)
    }
    #expect(StreamFilter.asciiHex.undone(Array("4 1\n4g".utf8), limit: 9) == nil)
    #expect(
      StreamFilter.asciiHex.undone(Array("4 1\n42 5>zz".utf8), limit: 9) == [0x41, 0x42, 0x50])
  }

  @Test("TIFF's predictor is undone", arguments: [1, 2, 4, 8, 16])
  func differences(_ bits: Int) throws {
    let (colours, columns) = (3, 50)
    let predictor = StreamFilter.Predictor(kind: 2, colours: colours, bits: bits, columns: columns)
    var random = SystemRandomNumberGenerator()
    let samples = (0..<4 * colours * columns).map { _ in
      Int.random(in: 0..<1 << bits, using: &random)
    }
    let differences = samples.indices.map { index in
      index % (colours * columns) < colours
        ? samples[index] : (samples[index] - samples[index - colours]) & (1 << bits - 1)
    }
    func packed(_ samples: [Int]) -> [UInt8] {
      stride(from: 0, to: samples.count, by: colours * columns).flatMap { row -> [UInt8] in
        var bytes = [UInt8](repeating: 0, count: (colours * columns * bits + 7) / 8)
        for index in 0..<colours * columns {
          for bit in 0..<bits where samples[row + index] >> (bits - 1 - bit) & 1 == 1 {
            let at = index * bits + bit
            bytes[at / 8] |= 0x80 >> UInt8(at % 8)
          }
        }
        return bytes
      }
    }
    let stored = try #require(Flate.deflate(packed(differences)))
    #expect(StreamFilter.flate(predictor).undone(stored, limit: 1 << 20) == packed(samples))
    #expect(RewritingTests.rows(4, of: packed(differences), predictor) == packed(samples))
  }

  @Test("Samples of 16 bits, and of 4, become a JPEG of 8", arguments: [16, 4])
  func depths(_ bits: Int) throws {
    let samples = RewritingTests.photograph(samples: 1)
    let stored =
      bits == 16
      ? samples.flatMap { [$0, UInt8.random(in: 0...255)] }
      : stride(from: 0, to: samples.count, by: 2).map { samples[$0] & 0xF0 | samples[$0 + 1] >> 4 }
    guard case .replaced(let new) = rewrite(RewritingTests.image(600, 400, bits: bits, []), stored)
    else {
      Issue.record("it was left")
      return
    }
    #expect((new.width, new.height, new.bits) == (300, 200, 8))
  }

  @Test("Four inks stay four, whoever says what they are", arguments: [true, false])
  func inks(_ isMarked: Bool) throws {
    let image = RewritingTests.image(600, 400, bits: 8, colour: .cmyk, [])
    let samples = RewritingTests.photograph(samples: 4)
    guard case .replaced(let fromSamples) = rewrite(image, samples) else {
      Issue.record("samples were left")
      return
    }
    let writer = try #require(
      JPEGWriter(width: 600, height: 400, space: .cmyk(isMarked: isMarked), quality: 90))
    samples.withUnsafeBufferPointer { samples in
      for row in 0..<400 {
        #expect(samples.baseAddress.map { writer.add($0 + row * 2400) } == true)
      }
    }
    let jpeg = try #require(writer.finish())
    var coded = image
    coded.filters = [.dct(transform: nil)]
    guard case .replaced(let fromJPEG) = rewrite(coded, jpeg) else {
      Issue.record("the JPEG was left")
      return
    }
    for (new, space) in [(fromSamples, JPEGSpace.ycck), (fromJPEG, .cmyk(isMarked: isMarked))] {
      #expect((new.width, new.height, new.colourSpace) == (300, 200, nil))
      let reader = try #require(
        JPEGReader(new.bytes, reduction: 1, transform: nil, memory: 1 << 27))
      #expect(reader.space == space)
      #expect(reader.channels == 4)
    }
    // What only the document calls transformed is read in different ways.
    coded.filters = [.dct(transform: 1)]
    #expect(rewrite(coded, jpeg) == (isMarked ? .replaced(fromJPEG) : .left(.coding)))
  }

  @Test("JBIG2 of generic regions is looked at, and that of symbols stays")
  func jbig2() throws {
    let bitmap = try FaxTests.page()
    let bytes = JBIG2.encode(bitmap)
    let image = RewritingTests.image(bitmap.width, bitmap.height, bits: 1, [.jbig2(globals: nil)])
    #expect(rewrite(image, bytes) == .left(.notSmaller))
    #expect(JBIG2Segments.areGeneric(bytes, width: bitmap.width, height: bitmap.height))
    #expect(!JBIG2Segments.areGeneric(bytes, width: bitmap.width + 1, height: bitmap.height))
    var shared = image
    shared.filters = [.jbig2(globals: ObjectID(number: 7))]
    #expect(rewrite(shared, bytes) == .left(.inOrder))
    // A dictionary of symbols before the page.
    #expect(rewrite(image, [0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0] + bytes) == .left(.inOrder))
    for count in 0..<60 {
      _ = JBIG2Segments.areGeneric(Array(bytes.prefix(count)), width: 2700, height: 160)
    }
  }
}
