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
