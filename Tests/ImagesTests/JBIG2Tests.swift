import Images
import JBIG2
import Testing

/// Our encoder against libjbig2dec: any bitmap comes back as it was.
@Suite("JBIG2")
struct JBIG2Tests {
  static let patterns: [(name: String, pixel: @Sendable (Int, Int) -> Bool)] = [
    ("blank", { _, _ in false }),
    ("full", { _, _ in true }),
    ("stripes down", { x, _ in x % 2 == 0 }),
    ("stripes across", { _, y in y / 3 % 2 == 0 }),
    ("chequered", { x, y in (x + y) % 2 == 0 }),
    ("rare dots", { x, y in (x * 7919 + y * 104_729) % 997 == 0 }),
    ("disc", { x, y in (x - 40) * (x - 40) + (y - 30) * (y - 30) < 900 }),
    ("a white rectangle", { x, y in !(9..<70).contains(x) || !(5..<40).contains(y) }),
    ("right edge", { x, _ in x > 60 }),
  ]

  static func bitmap(_ width: Int, _ height: Int, _ pixel: (Int, Int) -> Bool) -> Bitmap? {
    var bytes = [UInt8](repeating: 0, count: Bitmap.stride(width) * height)
    for y in 0..<height {
      for x in 0..<width where pixel(x, y) {
        bytes[y * Bitmap.stride(width) + x / 8] |= 0x80 >> UInt8(x % 8)
      }
    }
    return Bitmap(width: width, height: height, bytes: bytes)
  }

  @Test(
    "Patterns come back", arguments: patterns.indices,
    [(1, 1), (1, 50), (50, 1), (7, 9), (8, 8), (9, 7), (63, 20), (64, 20), (65, 20), (100, 83)])
  func pattern(_ index: Int, size: (width: Int, height: Int)) throws {
    let bitmap = try #require(Self.bitmap(size.width, size.height, Self.patterns[index].pixel))
    #expect(JBIG2Decoder.decode(JBIG2.encode(bitmap)) == bitmap)
    #expect(JBIG2Decoder.provenEncoding(of: bitmap) != nil)
  }

  /// Noise takes the coder through all its states, carries and stuffed bytes.
  @Test("Noise of any density comes back", arguments: [1, 8, 64, 128, 200, 255] as [UInt8])
  func noise(_ density: UInt8) throws {
    var random = SystemRandomNumberGenerator()
    for (width, height) in [(1, 1), (3, 5), (17, 40), (128, 30), (301, 211)] {
      let bytes = (0..<Bitmap.stride(width) * height).map { _ in
        (0..<8).reduce(0 as UInt8) { byte, _ in byte << 1 | (random.next() < density ? 1 : 0) }
      }
      let bitmap = try #require(Bitmap(width: width, height: height, bytes: bytes))
      #expect(
        JBIG2Decoder.decode(JBIG2.encode(bitmap)) == bitmap, "\(width) by \(height): \(bytes)")
    }
  }

  @Test("A blank page takes less than a hundred bytes")
  func blank() throws {
    let bitmap = try #require(Self.bitmap(2550, 3300) { _, _ in false })
    let bytes = try #require(JBIG2Decoder.provenEncoding(of: bitmap))
    #expect(bytes.count < 100)
  }

  /// Checked by hand against T.88, 7.2 to 7.4: page information and region, nothing else.
  @Test("Segments are those that a PDF wants")
  func segments() throws {
    let bytes = JBIG2.encode(try #require(Self.bitmap(300, 2) { _, _ in true }))
    #expect(
      bytes.prefix(30) == [
        0, 0, 0, 0, 48, 0, 1, 0, 0, 0, 19, 0, 0, 1, 44, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0,
      ])
    #expect(bytes[30..<37] == [0, 0, 0, 1, 38, 0, 1])
    #expect(Int(bytes[40]) == bytes.count - 41)
    #expect(
      bytes[57..<67] == [0, 0x08, 3, 0xFF, 0xFD, 0xFF, 2, 0xFE, 0xFE, 0xFE], "\(bytes)")
    #expect(bytes.suffix(2) == [0xFF, 0xAC])
  }

  @Test(
    "A bitmap is as large as it says",
    arguments: [(0, 1, 9), (1, 0, 9), (-1, 1, 9), (9, 5, 9), (1 << 32, 1, 9), (1, .max, 9)])
  func wrongSize(width: Int, height: Int, bytes: Int) {
    #expect(Bitmap(width: width, height: height, bytes: [UInt8](repeating: 0, count: bytes)) == nil)
  }

  @Test("What is beyond the width does not count")
  func padding() throws {
    let dirty = try #require(Bitmap(width: 3, height: 2, bytes: [0xFF, 0x1F, 0xFF]))
    #expect(dirty.bytes == [0xE0, 0x00])
  }

  @Test("What is no JBIG2 is not a page")
  func garbage() {
    #expect(JBIG2Decoder.decode([]) == nil)
    #expect(JBIG2Decoder.decode(Array("not JBIG2 at all, but long enough".utf8)) == nil)
  }
}
