import PDF

/// What became of an image.
package enum Rewriting: Sendable, Equatable {
  /// It is to be replaced with this.
  case replaced(PDFDocument.NewImage)
  /// It stays as it is for that reason, but is coded in fewer bytes.
  case recoded(PDFDocument.NewImage, Plan.Reason)
  /// It stays as it is.
  case left(Plan.Reason)

  /// Carries a plan out on the bytes that the file has for an image, with `memory` bytes for what it
  /// is coded into. Nothing is larger than what it replaces; what has two colours comes out with
  /// identical pixels, which is proved by decoding it.
  package init(
    _ plan: Plan, of image: ImageDescription, stored: [UInt8], preset: Preset, memory: Int
  ) {
    guard let coding = image.filters.flatMap(ImageCoding.init) else {
      self = if case .leave(let reason) = plan { .left(reason) } else { .left(.coding) }
      return
    }
    let hidden =
      plan.mayHideBilevel
      ? HiddenBilevel.rewrite(
        image, coding, stored, isLenient: preset.makesBilevel, memory: memory) : nil
    let rewriting =
      hidden
      ?? Self.carriedOut(plan, of: image, coding, stored: stored, preset: preset, memory: memory)
    self =
      if case .left(let reason) = rewriting, reason != .damaged, Plan.isOfSensibleSize(image),
        let same = Lossless.rewrite(image, coding, stored, memory: memory / 2)
      {
        .recoded(same, reason)
      } else {
        rewriting
      }
  }

  private static func carriedOut(
    _ plan: Plan, of image: ImageDescription, _ coding: ImageCoding, stored: [UInt8],
    preset: Preset, memory: Int
  ) -> Rewriting {
    switch plan {
    case .leave(let reason): .left(reason)
    case .bilevel: Bilevel.rewrite(image, coding, stored)
    case .photograph(let scale):
      Photograph(image, coding, scale: scale, quality: preset.jpegQuality, memory: memory)
        .rewrite(stored)
    }
  }
}

/// The filters of an image in the order in which they are undone: some that code bytes of any kind, and
/// below those one coding.
struct ImageCoding: Equatable {
  enum Last: Equatable {
    case samples(StreamFilter.Predictor?)
    case jpeg(transform: Int?)
    case fax(StreamFilter.Fax)
    case jpeg2000
    case jbig2(globals: ObjectID?)
  }

  /// What is undone before the last, the outermost first.
  let outer: [StreamFilter]
  let last: Last
  /// Whether the samples are deflated as they are, so that they need never be there at once.
  let isDeflatedLast: Bool

  init?(_ filters: [StreamFilter]) {
    guard filters.count <= 4, filters.dropLast().allSatisfy(\.isGeneral) else { return nil }
    let all = filters
    var (outer, isDeflatedLast) = (Array(filters.dropLast()), false)
    switch filters.last {
    case .flate(let predictor): (last, isDeflatedLast) = (.samples(predictor), true)
    case .lzw(let predictor, let isEarly):
      last = .samples(predictor)
      outer.append(.lzw(nil, isEarly: isEarly))
    case .runLength, .ascii85, .asciiHex: (last, outer) = (.samples(nil), all)
    case nil: last = .samples(nil)
    case .dct(let transform): last = .jpeg(transform: transform)
    case .ccitt(let fax): last = .fax(fax)
    case .jpx: last = .jpeg2000
    case .jbig2(let globals): last = .jbig2(globals: globals)
    case .other: return nil
    }
    self.outer = outer
    self.isDeflatedLast = isDeflatedLast
  }

  /// Whether it is fax data as libtiff reads and writes them: Group 4, rows that follow each other.
  var isGroup4: Bool {
    if case .fax(let fax) = last { fax.k < 0 && !fax.hasAlignedRows } else { false }
  }

  /// The most that outer filters may hold, in bytes: they are undone as a whole.
  static let maximumOuter = 64 << 20

  /// What is stored without the filters before the last; `nil` where it is damaged, or more than any image of
  /// so many bytes of samples would take.
  func withoutOuterFilters(_ stored: [UInt8], samples: Int) -> [UInt8]? {
    // Codes may be longer than what they stand for, but not by much. Many writers add a line end or a row.
    let limit = min(samples + samples / 4 + (1 << 16), Self.maximumOuter)
    var bytes = stored
    for filter in outer {
      guard let content = filter.undone(bytes, limit: max(limit, 2 * stored.count)) else {
        return nil
      }
      bytes = content
    }
    return bytes
  }
}
