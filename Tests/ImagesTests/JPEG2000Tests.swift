import Glibc
import JBIG2
import PDF
import Subprocesses
import Support
import Testing

@testable import Images

/// JPEG 2000 as OpenJPEG's own program writes it.
@Suite("JPEG 2000")
struct JPEG2000Tests {
  static func compress(
    _ samples: [UInt8], channels: Int, _ arguments: [String] = [], isRaw: Bool = false
  ) throws -> [UInt8] {
    let directory = try TemporaryDirectory()
    let head = "P\(channels == 1 ? 5 : 6)\n600 \(samples.count / 600 / channels)\n255\n"
    let source = try directory.write(
      Array(head.utf8) + samples, to: channels == 1 ? "in.pgm" : "in.ppm")
    let target = "\(directory.path)/out.\(isRaw ? "j2k" : "jp2")"
    let nowhere = open("/dev/null", O_RDWR | O_CLOEXEC)
    defer { close(nowhere) }
    let pid = try Launch(
      path: "/usr/bin/opj_compress",
      arguments: ["opj_compress", "-i", source, "-o", target] + arguments,
      environment: ["LC_ALL=C"], input: nowhere, output: nowhere, errors: nowhere
    ).start()
    try #require(Launch.wait(for: pid) == .status(0))
    return FaxTests.contents(target)
  }

  private func rewrite(
    _ image: ImageDescription, _ stored: [UInt8], memory: Int = 1 << 27
  ) -> Rewriting {
    let plan = Plan(for: image, preset: RewritingTests.preset, memory: memory)
    return Rewriting(
      plan, of: image, stored: stored, preset: RewritingTests.preset, memory: memory)
  }

  static let kinds: [(channels: Int, arguments: [String], isRaw: Bool)] = [
    (1, [], false), (3, [], false), (3, ["-I", "-r", "8"], false), (1, ["-t", "128,128"], false),
    (3, ["-n", "1"], false), (1, ["-r", "5"], true),
  ]

  @Test("It is brought down and becomes a JPEG", arguments: kinds)
  func photograph(_ kind: (channels: Int, arguments: [String], isRaw: Bool)) throws {
    let samples = RewritingTests.photograph(samples: kind.channels)
    let data = try Self.compress(
      samples, channels: kind.channels, kind.arguments, isRaw: kind.isRaw)
    var image = RewritingTests.image(
      600, 400, bits: 8, colour: kind.channels == 1 ? .grey : .rgb, [.jpx])
    for colour in kind.isRaw ? [image.colour] : [image.colour, .unnamed] {
      image.colour = colour
      guard case .replaced(let new) = rewrite(image, data) else {
        Issue.record("\(kind) \(rewrite(image, data))")
        return
      }
      #expect((new.width, new.height, new.bits) == (300, 200, 8))
      let isNamed = colour != .unnamed
      #expect(
        new.colourSpace == (isNamed ? nil : kind.channels == 1 ? "/DeviceGray" : "/DeviceRGB"))
      try expect(new.bytes, toShow: samples, channels: kind.channels)
    }
  }

  /// Each pixel is near the mean of the four that it was made of.
  private func expect(_ jpeg: [UInt8], toShow samples: [UInt8], channels: Int) throws {
    let reader = try #require(JPEGReader(jpeg, reduction: 1, transform: nil, memory: 1 << 27))
    var row = [UInt8](repeating: 0, count: 300 * channels)
    var worst = 0
    for y in 0..<200 {
      let isRead = row.withUnsafeMutableBufferPointer {
        $0.baseAddress.map { reader.next(into: $0) } ?? false
      }
      try #require(isRead)
      for x in 0..<300 {
        let mean = { (channel: Int) -> Int in
          [(0, 0), (0, 1), (1, 0), (1, 1)].reduce(0) {
            $0 + Int(samples[((2 * y + $1.0) * 600 + 2 * x + $1.1) * channels + channel])
          } / 4
        }
        // Luminance is what the JPEG has first.
        let expected =
          channels == 1 ? mean(0) : (299 * mean(0) + 587 * mean(1) + 114 * mean(2)) / 1000
        worst = max(worst, abs(Int(row[x * channels]) - expected))
      }
    }
    #expect(worst < 24, "\(worst)")
  }

  @Test("What is left as it is")
  func left() throws {
    let data = try Self.compress(RewritingTests.photograph(samples: 3), channels: 3)
    var image = RewritingTests.image(600, 400, bits: 8, colour: .rgb, [.jpx])
    #expect(rewrite(image, Array(data.prefix(data.count / 2))) == .left(.damaged))
    #expect(rewrite(image, Array("no image".utf8)) == .left(.damaged))
    // Other colours than it has, and less memory than it needs.
    image.colour = .grey
    #expect(rewrite(image, data) == .left(.colour))
    image.colour = .cmyk
    #expect(rewrite(image, data) == .left(.colour))
    image.colour = .rgb
    #expect(rewrite(image, data, memory: 140_000) == .left(.tooLarge))
    image.width = 601
    #expect(rewrite(image, data) == .left(.damaged))
    image.width = 600
    image.isFixed = true
    #expect(rewrite(image, data) == .left(.masked))
  }

  @Test("Black and white without a loss becomes black and white; with one, where that is asked for")
  func hidden() throws {
    let bitmap = try #require(
      JBIG2Tests.bitmap(600, 400) { x, y in x / 3 * 31 % 7 < 3 && y / 5 * 17 % 5 < 2 })
    let samples = (0..<600 * 400).map { index in
      let (x, y) = (index % 600, index / 600)
      return bitmap.bytes[y * bitmap.stride + x / 8] >> UInt8(7 - x % 8) & 1 == 1 ? 0 : 255 as UInt8
    }
    let image = RewritingTests.image(600, 400, bits: 8, [.jpx])
    let data = try Self.compress(samples, channels: 1)
    guard case .replaced(let new) = rewrite(image, data) else {
      Issue.record("\(rewrite(image, data))")
      return
    }
    #expect((new.width, new.height, new.bits) == (600, 400, 1))
    #expect(RewritingTests.samples(new) == bitmap.bytes.map { ~$0 })
  }

  @Test("A header that asks for too much is read, and nothing is decoded for it")
  func header() throws {
    var data = try Self.compress(
      RewritingTests.photograph(samples: 1), channels: 1, isRaw: true)
    let header = try #require(JPEG2000Header(data))
    #expect((header.width, header.height, header.tiles, header.halvings) == (600, 400, 1, 5))
    #expect(header.isReversible && header.isRaw && !header.hasOpacity && !header.hasPalette)
    // SIZ: marker, length and capabilities are eight bytes, then the sides, and after 16 those of a tile.
    for (index, byte) in [UInt8](arrayLiteral: 0x7F, 0xFF, 0xFF, 0xFF).enumerated() {
      data[8 + index] = byte
      data[12 + index] = byte
    }
    let huge = try #require(JPEG2000Header(data))
    #expect(huge.width == 0x7FFF_FFFF)
    #expect(JPEG2000Image.memory(huge, halvings: 0) > 1 << 50)
    for count in 0..<120 { _ = JPEG2000Header(Array(data.prefix(count))) }
    // As wide and as high as can be said, in tiles of one pixel: more of them than there are numbers for.
    data.replaceSubrange(8..<16, with: [UInt8](repeating: 0xFF, count: 8))
    data.replaceSubrange(24..<32, with: [0, 0, 0, 1, 0, 0, 0, 1])
    let tiled = try #require(JPEG2000Header(data))
    #expect(tiled.tiles > JPEG2000Image.maximumTiles)
  }

  @Test(
    "Precincts and blocks count as memory, and a file with many of them is left",
    arguments: [
      (["-b", "4,4"], 20), (["-c", "[16,16],[16,16],[16,16],[16,16],[16,16],[16,16]"], 20),
      (["-t", "64,64"], 0),
    ])
  func divided(_ arguments: [String], times: Int) throws {
    let samples = RewritingTests.photograph(samples: 1)
    let plain = try #require(JPEG2000Header(try Self.compress(samples, channels: 1)))
    let data = try Self.compress(samples, channels: 1, arguments)
    let divided = try #require(JPEG2000Header(data))
    #expect(plain.bookkeeping > 10_000 && plain.bookkeeping < 1 << 20)
    #expect(divided.bookkeeping >= times * plain.bookkeeping)
    let image = RewritingTests.image(600, 400, bits: 8, colour: .grey, [.jpx])
    // Halved, its samples take 240,000 bytes; the rest is for what is noted of each part.
    for (memory, isLeft) in [(1 << 27, false), (300_000, times > 0)] {
      if case .replaced = rewrite(image, data, memory: memory) {
        #expect(!isLeft, "\(arguments)")
      } else {
        #expect(isLeft, "\(arguments)")
      }
    }
  }

  @Test("A tile that is coded otherwise than the header says is left")
  func ownTile() throws {
    var data = try Self.compress(
      RewritingTests.photograph(samples: 1), channels: 1, isRaw: true)
    #expect(JPEG2000Header(data) != nil)
    // The coding style (A.6.1) once more, in the header of the first tile; its length grows (A.4.2).
    let style = try #require(data.firstRange(of: [0xFF, 0x52] as [UInt8]))
    let copy = Array(data[style.lowerBound..<(style.lowerBound + 14)])
    let tile = try #require(data.firstRange(of: [0xFF, 0x90] as [UInt8])).lowerBound
    let length = data[(tile + 6)..<(tile + 10)].reduce(0) { $0 << 8 | Int($1) } + copy.count
    for index in 0..<4 {
      data[tile + 6 + index] = UInt8(truncatingIfNeeded: length >> (24 - 8 * index))
    }
    data.insert(contentsOf: copy, at: tile + 12)
    #expect(JPEG2000Header(data) == nil)
  }
}
