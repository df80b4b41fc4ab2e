import JBIG2
import PDF
import Testing

@testable import Images

@Suite("Black and white that hides")
struct HiddenBilevelTests {
  /// Samples of the letters in ``RewritingTests``, each pixel of `channels` samples.
  static func samples(
    dark: UInt8, light: UInt8, channels: Int = 1, _ change: (Int, UInt8) -> UInt8 = { $1 }
  ) throws -> [UInt8] {
    let bitmap = try #require(RewritingTests.black)
    var samples: [UInt8] = []
    for y in 0..<bitmap.height {
      for x in 0..<bitmap.width {
        let isBlack = bitmap.bytes[y * bitmap.stride + x / 8] >> UInt8(7 - x % 8) & 1 == 1
        for channel in 0..<channels { samples.append(change(channel, isBlack ? dark : light)) }
      }
    }
    return samples
  }

  static func image(_ colour: ImageDescription.Colour = .grey) -> ImageDescription {
    RewritingTests.image(203, 150, bits: 8, colour: colour, [])
  }

  private func rewrite(
    _ image: ImageDescription, _ samples: [UInt8], preset: Preset = RewritingTests.preset
  ) -> Rewriting {
    let plan = Plan(for: image, preset: preset, memory: 1 << 27)
    return Rewriting(plan, of: image, stored: samples, preset: preset, memory: 1 << 27)
  }

  static let palette = ImageDescription.Colour.indexed(
    palette: [9, 9, 9, 250, 250, 250, 1, 2, 3], isGrey: false)

  static let hidden:
    [(
      colour: ImageDescription.Colour, dark: UInt8, light: UInt8, space: String?, decode: [Double]?
    )] = [
      (.grey, 0, 255, nil, nil),
      (.grey, 17, 200, nil, [17.0 / 255, 200.0 / 255]),
      // The first pixel is black.
      (.grey, 255, 0, nil, nil),
      (.rgb, 0, 255, "/DeviceGray", nil),
      (palette, 0, 1, "/DeviceGray", [9.0 / 255, 250.0 / 255]),
    ]

  @Test("Two greys are found, and each pixel comes back", arguments: hidden)
  func found(
    _ given: (
      colour: ImageDescription.Colour, dark: UInt8, light: UInt8, space: String?, decode: [Double]?
    )
  ) throws {
    let samples = try Self.samples(
      dark: given.dark, light: given.light, channels: given.colour.samples ?? 0)
    // Also where nothing may be lost, and where it is not known how large it is drawn.
    for preset in [RewritingTests.preset, .lossless] {
      var image = Self.image(given.colour)
      if preset == .lossless { image.drawn = nil }
      guard case .replaced(let new) = rewrite(image, samples, preset: preset) else {
        Issue.record("\(given)")
        continue
      }
      #expect((new.width, new.height, new.bits) == (203, 150, 1))
      #expect(new.colourSpace == given.space)
      #expect(new.decode == given.decode)
      let bitmap = try #require(RewritingTests.black)
      let isInverted = given.dark > given.light
      let white = isInverted ? bitmap.bytes : bitmap.bytes.map { ~$0 }
      #expect(
        RewritingTests.samples(new) == Bitmap(width: 203, height: 150, bytes: white)?.bytes)
    }
  }

  @Test("What is more than that is left alone")
  func others() throws {
    func isBilevel(_ image: ImageDescription, _ samples: [UInt8], preset: Preset) -> Bool {
      guard case .replaced(let new) = rewrite(image, samples, preset: preset) else { return false }
      return new.bits == 1
    }
    let exact = try Self.samples(dark: 0, light: 255)
    var third = exact
    third[20_000] = 128
    #expect(!isBilevel(Self.image(), third, preset: .lossless))
    // Two colours that are no greys.
    let red = try Self.samples(dark: 0, light: 255, channels: 3) { $0 == 0 ? 255 : $1 }
    #expect(!isBilevel(Self.image(.rgb), red, preset: .lossless))
    // A red word on a page of text, to the last pixel.
    var word = try Self.samples(dark: 0, light: 255, channels: 3)
    word[word.count - 1] = 7
    #expect(!isBilevel(Self.image(.rgb), word, preset: .lossless))
    var fixed = Self.image()
    fixed.isFixed = true
    #expect(!isBilevel(fixed, exact, preset: .lossless))
    var mapped = Self.image()
    mapped.hasDecode = true
    #expect(!isBilevel(mapped, exact, preset: .lossless))
  }

  @Test("What is nearly black and white becomes it only where that is asked for")
  func nearly() throws {
    var preset = RewritingTests.preset
    var samples = try Self.samples(dark: 3, light: 250)
    for index in stride(from: 0, to: samples.count, by: 5) { samples[index] ^= 2 }
    func isBilevel() -> Bool {
      guard case .replaced(let new) = rewrite(Self.image(), samples, preset: preset) else {
        return false
      }
      return new.bits == 1
    }
    #expect(!isBilevel())
    preset.makesBilevel = true
    #expect(isBilevel())
    // A photograph, or a page with a grey picture on it.
    for index in 0..<samples.count / 50 { samples[index] = UInt8(60 + index % 90) }
    #expect(!isBilevel())
  }

  @Test("A JPEG of black and white becomes it where that is asked for", arguments: [true, false])
  func jpeg(_ isGrey: Bool) throws {
    let samples = (0..<600 * 400).flatMap { index -> [UInt8] in
      let isBlack = (100..<500).contains(index % 600) && (50..<350).contains(index / 600)
      return [UInt8](repeating: isBlack ? 0 : 255, count: isGrey ? 1 : 3)
    }
    let jpeg = try #require(RewritingTests.jpeg(samples, isGrey: isGrey, quality: 95))
    let image = RewritingTests.image(
      600, 400, bits: 8, colour: isGrey ? .grey : .rgb, [.dct(transform: nil)])
    var preset = RewritingTests.preset
    preset.makesBilevel = true
    guard case .replaced(let new) = rewrite(image, jpeg, preset: preset) else {
      Issue.record("it was left")
      return
    }
    #expect(new.bits == 1)
    #expect(new.colourSpace == (isGrey ? nil : "/DeviceGray"))
    guard case .replaced(let usual) = rewrite(image, jpeg) else { return }
    #expect(usual.bits == nil)
  }
}
