import Glibc
import JBIG2
import PDF
import Subprocesses
import Support
import Testing

@testable import Images

/// Fax data as libtiff writes them, and as a PDF may have them besides.
@Suite("Fax")
struct FaxTests {
  /// Runs of all lengths up to 2,600 pixels, letters, blank rows and rows that begin black.
  static func page() throws -> Bitmap {
    try #require(JBIG2Tests.bitmap(2700, 160, isBlack))
  }

  private static func isBlack(_ x: Int, _ y: Int) -> Bool {
    if y < 8 { return false }
    if y < 12 { return true }
    if y < 80 {
      let isColumn: Bool = (x * 31 / (y + 1)) % 3 == 0
      let isPart: Bool = (x / (y - 11) * 7) % 5 < 2
      return isColumn && isPart
    }
    if y < 120 { return x < y * 20 || x > 2690 - y }
    let isLetter: Bool = x / 9 * 31 % 7 < 3
    let isLine: Bool = y / 5 % 3 != 1
    return isLetter && isLine && x % 11 > y % 4
  }

  /// What libtiff's own program writes.
  static func tiffcp(_ compression: String, _ bitmap: Bitmap) throws -> [UInt8] {
    let directory = try TemporaryDirectory()
    let fax = try #require(RewritingTests.fax(bitmap))
    let source = "\(directory.path)/in.tif"
    try directory.write(
      TIFF.wrapping(fax: fax, width: bitmap.width, height: bitmap.height), to: "in.tif")
    let target = "\(directory.path)/out.tif"
    let nowhere = open("/dev/null", O_RDWR | O_CLOEXEC)
    defer { close(nowhere) }
    let pid = try Launch(
      path: "/usr/bin/tiffcp",
      arguments: ["tiffcp", "-r", "\(bitmap.height)", "-c", compression, source, target],
      environment: ["LC_ALL=C"], input: nowhere, output: nowhere, errors: nowhere
    ).start()
    try #require(Launch.wait(for: pid) == .status(0))
    return try #require(TIFF.strip(of: contents(target)))
  }

  static func contents(_ path: String) -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    defer { close(descriptor) }
    var (bytes, buffer) = ([UInt8](), [UInt8](repeating: 0, count: 1 << 16))
    while case let count = read(descriptor, &buffer, buffer.count), count > 0 {
      bytes += buffer[..<count]
    }
    return bytes
  }

  static let kinds: [(compression: String, k: Int)] = [
    ("g3:1d", 0), ("g3:1d:fill", 0), ("g3:2d", 4), ("g3:2d:fill", 4), ("g4", -1),
  ]

  @Test("What libtiff writes is read, to the last pixel", arguments: kinds)
  func libtiff(_ kind: (compression: String, k: Int)) throws {
    let bitmap = try Self.page()
    let data = try Self.tiffcp(kind.compression, bitmap)
    let fax = StreamFilter.Fax(k: kind.k, columns: bitmap.width)
    #expect(
      FaxReader.bitmap(data, fax, width: bitmap.width, height: bitmap.height) == bitmap)
    // Of another width, of more rows, or without its end, it is not taken for anything.
    for (width, height, bytes) in [
      (bitmap.width, bitmap.height + 1, data), (bitmap.width, bitmap.height - 40, data),
      (bitmap.width, bitmap.height, Array(data.prefix(data.count / 2))),
    ] {
      #expect(FaxReader.bitmap(bytes, fax, width: width, height: height) == nil)
    }
    #expect(
      FaxReader.bitmap(
        data, .init(k: kind.k, columns: 2600), width: 2600, height: bitmap.height) == nil)
  }

  @Test("A damaged byte is found, or changes nothing but its neighbourhood", arguments: kinds)
  func damage(_ kind: (compression: String, k: Int)) throws {
    let bitmap = try Self.page()
    let data = try Self.tiffcp(kind.compression, bitmap)
    let fax = StreamFilter.Fax(k: kind.k, columns: bitmap.width)
    var found = 0
    for index in stride(from: 20, to: data.count - 20, by: max(1, data.count / 200)) {
      var bytes = data
      bytes[index] ^= 0xFF
      let read = FaxReader.bitmap(bytes, fax, width: bitmap.width, height: bitmap.height)
      if read == nil { found += 1 }
    }
    #expect(found > 150)
  }

  /// Rows of one dimension without ends of lines, which a TIFF has not, one after the other or each
  /// from a byte of its own.
  @Test("Rows without ends of lines", arguments: [true, false])
  func noEnds(_ isAligned: Bool) throws {
    let bitmap = try Self.page()
    var bits: [UInt8] = []
    for row in 0..<bitmap.height {
      if isAligned { while bits.count % 8 != 0 { bits.append(0) } }
      bits += Self.codes(of: bitmap, row)
    }
    let fax = StreamFilter.Fax(k: 0, columns: bitmap.width, hasAlignedRows: isAligned)
    #expect(
      FaxReader.bitmap(Self.packed(bits), fax, width: bitmap.width, height: bitmap.height)
        == bitmap)
    let other = StreamFilter.Fax(k: 0, columns: bitmap.width, hasAlignedRows: !isAligned)
    #expect(
      FaxReader.bitmap(Self.packed(bits), other, width: bitmap.width, height: bitmap.height)
        != bitmap)
  }

  /// The codes of a row, bit by bit.
  private static func codes(of bitmap: Bitmap, _ row: Int) -> [UInt8] {
    var bits: [UInt8] = []
    var (x, isBlack) = (0, false)
    while x < bitmap.width {
      var end = x
      while end < bitmap.width, bitmap[end, row] == isBlack { end += 1 }
      var run = end - x
      while run >= 2560 {
        bits += code(2560, isBlack)
        run -= 2560
      }
      if run >= 64 { bits += code(run / 64 * 64, isBlack) }
      bits += code(run % 64, isBlack)
      (x, isBlack) = (end, !isBlack)
    }
    return bits
  }

  private static func code(_ run: Int, _ isBlack: Bool) -> [UInt8] {
    let table = isBlack ? FaxCodes.black : FaxCodes.white
    guard let index = table.firstIndex(where: { $0.bits > 0 && Int($0.run) == run }) else {
      return []
    }
    let bits = Int(table[index].bits)
    return (0..<bits).map { UInt8(index >> (FaxCodes.window - 1 - $0) & 1) }
  }

  private static func packed(_ bits: [UInt8]) -> [UInt8] {
    stride(from: 0, to: bits.count, by: 8).map { start in
      (0..<8).reduce(0) { $0 << 1 | (start + $1 < bits.count ? bits[start + $1] : 0) }
    }
  }

  @Test("Whatever is read ends, and stays within the picture")
  func noise() {
    var random = SystemRandomNumberGenerator()
    for k in [-1, 0, 4] {
      for size in [(1, 1), (7, 30), (64, 64), (2000, 3)] {
        for _ in 0..<60 {
          let bytes = (0..<Int.random(in: 0...400)).map { _ in
            UInt8.random(in: .min ... .max, using: &random)
          }
          let fax = StreamFilter.Fax(k: k, columns: size.0, hasAlignedRows: Bool.random())
          let bitmap = FaxReader.bitmap(bytes, fax, width: size.0, height: size.1)
          #expect(bitmap == nil || bitmap?.width == size.0 && bitmap?.height == size.1)
        }
      }
    }
  }

  @Test("Group 3 becomes smaller, whichever value is black", arguments: [false, true])
  func rewritten(_ blackIs1: Bool) throws {
    let bitmap = try Self.page()
    let data = try Self.tiffcp("g3:1d", bitmap)
    let image = RewritingTests.image(
      bitmap.width, bitmap.height, bits: 1,
      [.ccitt(.init(k: 0, columns: bitmap.width, blackIs1: blackIs1))])
    let plan = Plan(for: image, preset: RewritingTests.preset, memory: 1 << 27)
    let rewriting = Rewriting(
      plan, of: image, stored: data, preset: RewritingTests.preset, memory: 1 << 27)
    guard case .replaced(let new) = rewriting else {
      Issue.record("it was left")
      return
    }
    #expect(new.bytes.count < data.count)
    let samples = blackIs1 ? bitmap.bytes : bitmap.bytes.map { ~$0 }
    #expect(
      RewritingTests.samples(new)
        == Bitmap(width: bitmap.width, height: bitmap.height, bytes: samples)?.bytes)
  }
}

extension Bitmap {
  /// Whether a pixel is black.
  fileprivate subscript(x: Int, y: Int) -> Bool {
    bytes[y * stride + x / 8] >> UInt8(7 - x % 8) & 1 == 1
  }
}
