import Images
import PDF
import Testing

@Suite("Plans for images")
struct PlanTests {
  static let ebook = Preset(resolution: 150, jpegQuality: 60)

  struct Case: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let image: ImageDescription
    var preset = PlanTests.ebook
    let plan: Plan

    init(
      _ name: String, _ filters: [StreamFilter]?, bits: Int = 8,
      colour: ImageDescription.Colour = .grey, dpi: Double? = 300, width: Int = 2550,
      height: Int = 3300, preset: Preset = PlanTests.ebook, _ plan: Plan,
      _ change: (inout ImageDescription) -> Void = { _ in }
    ) {
      testDescription = name
      var image = ImageDescription(
        id: ObjectID(number: 1), width: width, height: height, bits: bits, colour: colour,
        filters: filters,
        drawn: dpi.map {
          DrawnSize(width: 72 * Double(width) / $0, height: 72 * Double(height) / $0)
        })
      change(&image)
      self.image = image
      self.preset = preset
      self.plan = plan
    }
  }

  static let jpeg: [StreamFilter] = [.dct(transform: nil)]
  static let g4 = StreamFilter.ccitt(.init(k: -1, columns: 2550))
  static let palette = ImageDescription.Colour.indexed(palette: [0, 1, 2], isGrey: false)

  static let cases = [
    Case("300 dpi JPEG", jpeg, .photograph(scale: 0.5)),
    Case("600 dpi JPEG in colour", jpeg, colour: .rgb, dpi: 600, .photograph(scale: 0.25)),
    Case("JPEG at the threshold", jpeg, dpi: 225, .photograph(scale: 1)),
    Case("JPEG that fills a page of a wrong size", jpeg, dpi: 1200, .photograph(scale: 0.5)) {
      $0.minimumScale = 0.5
    },
    Case("JPEG with few pixels on a page", jpeg, dpi: 1200, .photograph(scale: 1)) {
      $0.minimumScale = 0.7
    },
    Case("deflated JPEG", [.flate(nil)] + jpeg, .photograph(scale: 0.5)),
    Case("JPEG of unknown size", jpeg, dpi: nil, .leave(.unknownSize)),
    Case(
      "JPEG, printer", jpeg, preset: Preset(resolution: 300, jpegQuality: 80),
      .photograph(scale: 1)),
    Case("JPEG, lossless", jpeg, preset: .lossless, .leave(.inOrder)),
    Case("samples, lossless", [], preset: .lossless, .leave(.inOrder)),
    Case("grey JPEG with parameters", [.dct(transform: 0)], .photograph(scale: 0.5)),
    Case("JPEG as RGB", [.dct(transform: 0)], colour: .rgb, .photograph(scale: 0.5)),
    Case("JPEG in CMYK", jpeg, colour: .cmyk, .photograph(scale: 0.5)),
    Case("inverted JPEG in CMYK", jpeg, colour: .cmyk, .photograph(scale: 0.5)) {
      $0.hasDecode = true
    },
    Case("JPEG in Lab", jpeg, colour: .other, .leave(.colour)),
    Case("JPEG in a spot colour", jpeg, colour: .single, .leave(.colour)),
    Case("JPEG with a palette", jpeg, colour: palette, .leave(.colour)),
    Case("inverted JPEG", jpeg, .photograph(scale: 0.5)) { $0.hasDecode = true },
    Case("samples", [.flate(nil)], colour: .rgb, .photograph(scale: 0.5)),
    Case("few samples", [.flate(nil)], colour: .rgb, dpi: 100, .photograph(scale: 1)),
    Case("palette", [.flate(nil)], colour: palette, .photograph(scale: 0.5)),
    Case("mapped palette", [.flate(nil)], colour: palette, .leave(.colour)) { $0.hasDecode = true },
    Case("16 bits", [.flate(nil)], bits: 16, .photograph(scale: 0.5)),
    Case("16 bits, lossless", [.flate(nil)], bits: 16, preset: .lossless, .leave(.inOrder)),
    Case("4 bits", [.flate(nil)], bits: 4, .photograph(scale: 0.5)),
    Case("5 bits", [.flate(nil)], bits: 5, .leave(.coding)),
    Case("samples in Lab", [.flate(nil)], colour: .other, .leave(.colour)),
    Case("bits of four inks", [.flate(nil)], bits: 1, colour: .cmyk, .leave(.colour)),
    Case("bits of many inks", [.flate(nil)], bits: 1, colour: .other, .leave(.colour)),
    Case("bits of a spot colour", [.flate(nil)], bits: 1, colour: .single, .bilevel),
    Case("JPEG 2000", [.jpx], .photograph(scale: 0.5)),
    Case(
      "JPEG 2000 that says its colours itself", [.jpx], colour: .unnamed, .photograph(scale: 0.5)),
    Case("JPEG 2000 with a palette", [.jpx], colour: palette, .leave(.colour)),
    Case("mapped JPEG 2000", [.jpx], .leave(.colour)) { $0.hasDecode = true },
    Case("JPEG 2000, lossless", [.jpx], preset: .lossless, .leave(.inOrder)),
    Case("JPEG in ASCII", [.ascii85] + jpeg, .photograph(scale: 0.5)),
    Case("deflated G4 in ASCII", [.asciiHex, .flate(nil), g4], bits: 1, .bilevel),
    Case("LZW", [.lzw(nil, isEarly: true)], colour: .rgb, .photograph(scale: 0.5)),
    Case(
      "LZW that holds too much", [.lzw(nil, isEarly: true)], width: 9000, height: 9000,
      .leave(.tooLarge)),
    Case("2^63 bits in ASCII", [.asciiHex, .flate(nil)], bits: .max, .leave(.coding)),
    Case("no bits in ASCII", [.ascii85, .runLength], bits: .min, .leave(.coding)),
    Case("2^63 bits of LZW", [.lzw(nil, isEarly: true)], bits: .max, colour: .rgb, .leave(.coding)),
    Case("JPEG twice", jpeg + jpeg, .leave(.coding)),
    Case("unknown", [.other("/Crypt")] + jpeg, .leave(.coding)),
    Case("no sense", nil, .leave(.coding)),
    Case("G4", [g4], bits: 1, .bilevel),
    Case("G4 of unknown size", [g4], bits: 1, dpi: nil, .bilevel),
    Case("G4, lossless", [g4], bits: 1, preset: .lossless, .bilevel),
    Case("inverted G4", [g4], bits: 1, .bilevel) { $0.hasDecode = true },
    Case("G4 of another width", [.ccitt(.init(k: -1, columns: 1728))], bits: 1, .leave(.coding)),
    Case("G3", [.ccitt(.init(k: 0, columns: 2550))], bits: 1, .bilevel),
    Case("G3 of two dimensions", [.ccitt(.init(k: 4, columns: 2550))], bits: 1, .bilevel),
    Case("bits", [.flate(nil)], bits: 1, .bilevel),
    Case("bits with a palette", [.flate(nil)], bits: 1, colour: palette, .bilevel),
    Case("JBIG2", [.jbig2(globals: nil)], bits: 1, .bilevel),
    Case("stencil", [g4], bits: 1, .bilevel) { $0.isFixed = true },
    Case("fixed", jpeg, .leave(.masked)) { $0.isFixed = true },
    Case("small", jpeg, width: 60, height: 60, .leave(.inOrder)),
    Case("flat", jpeg, width: 0, .leave(.size)),
    Case("negative", jpeg, height: -5, .leave(.size)),
    Case("30,000 by 30,000", [g4], bits: 1, width: 30_000, height: 30_000, .leave(.tooLarge)),
    Case("overflow", [g4], bits: 1, width: .max, height: 3, .leave(.tooLarge)),
    Case("large", [], width: 14_000, height: 14_000, .photograph(scale: 0.5)),
    Case("more than memory", [], colour: .rgb, width: 14_000, height: 14_000, .leave(.tooLarge)),
  ]

  @Test("Each has one", arguments: cases)
  func plan(_ given: Case) {
    #expect(Plan(for: given.image, preset: given.preset, memory: 128 << 20) == given.plan)
  }

  @Test("The direction with fewer dots counts")
  func resolution() {
    let image = ImageDescription(
      id: ObjectID(number: 1), width: 300, height: 300, bits: 8, colour: .grey,
      drawn: DrawnSize(width: 72, height: 144))
    #expect(image.resolution == 150)
  }
}
