import PDF

/// What to do with an image: a function of what is known of it before it is decoded.
package enum Plan: Sendable, Equatable {
  /// It stays as it is.
  case leave(Reason)
  /// It has two colours, and is coded anew with identical pixels.
  case bilevel
  /// It is brought down to this part of its width and height, and written as JPEG.
  case photograph(scale: Double)

  /// Why an image stays as it is.
  package enum Reason: String, Sendable {
    /// It is as it should be.
    case inOrder = "it has no more pixels than it needs"
    /// It is a mask, or has one that depends on its samples.
    case masked = "it is a mask, or has one"
    /// Its colours are not those that we know.
    case colour = "its colour space is not supported"
    /// Its coding is not one that we know.
    case coding = "its coding is not supported"
    /// It does not say how large it is, or lies about it.
    case size = "its size makes no sense"
    /// It would take too much memory.
    case tooLarge = "it has too many pixels"
    /// It is drawn in a way that we do not follow.
    case unknownSize = "it is not known how large it is drawn"
    /// No coding was found that is smaller.
    case notSmaller = "nothing smaller was found"
    /// Its data are not what they are said to be.
    case damaged = "its data are damaged"

    /// Whether another engine might do better.
    package var isForAnother: Bool {
      switch self {
      case .masked, .colour, .coding, .tooLarge, .unknownSize: true
      case .inOrder, .size, .notSmaller, .damaged: false
      }
    }
  }

  /// More pixels than this are not decoded: a kilobyte may ask for a billion.
  package static let maximumPixels = 200_000_000
  /// Smaller images are not worth it.
  static let minimumPixels = 64 * 64

  /// The plan for an image. What it is coded into may take `memory` bytes.
  package init(for image: ImageDescription, preset: Preset, memory: Int) {
    self = Self.rejection(to: image).map(Plan.leave) ?? Self.plan(image, preset)
    guard case .photograph(let scale) = self else { return }
    // libjpeg has two bytes for each sample; half of what says which colour it is, it leaves away, but of inks
    // that stay as they are nothing.
    let samples = image.colour.isGrey ? 1 : image.colour == .cmyk ? 4 : 1.5
    let bytes = Double(image.width * image.height) * scale * scale * samples * 2
    if bytes > Double(memory) { self = .leave(.tooLarge) }
  }

  /// Whether it has as many pixels as one may have.
  static func isOfSensibleSize(_ image: ImageDescription) -> Bool {
    let rejection = rejection(to: image)
    return rejection == nil || rejection == .inOrder
  }

  private static func rejection(to image: ImageDescription) -> Reason? {
    guard image.width > 0, image.height > 0 else { return .size }
    let (pixels, overflow) = image.width.multipliedReportingOverflow(by: image.height)
    if overflow || pixels > maximumPixels { return .tooLarge }
    return pixels < minimumPixels ? .inOrder : nil
  }

  private static func plan(_ image: ImageDescription, _ preset: Preset) -> Plan {
    guard let coding = image.filters.flatMap(ImageCoding.init) else { return .leave(.coding) }
    if let bytes = undoneBytes(image, coding), bytes > ImageCoding.maximumOuter {
      return .leave(.tooLarge)
    }
    switch (image.bits, coding.last) {
    // Samples are kept, whatever they stand for, so that neither colours nor `/Decode` matter.
    case (1, .fax(let fax)):
      return fax.columns == image.width ? .bilevel : .leave(.coding)
    case (1, .jbig2): return .bilevel
    case (1, .samples): return image.colour.samples == 1 ? .bilevel : .leave(.colour)
    case (8, .jpeg):
      if case .indexed = image.colour { return .leave(.colour) }
      return image.colour.hasAverages ? photograph(image, preset) : .leave(.colour)
    case (8, .jpeg2000):
      // Readers do not agree whether `/Decode` counts for it (7.4.9 says that it does not).
      if case .indexed = image.colour { return .leave(.colour) }
      return (image.colour.hasAverages || image.colour == .unnamed) && !image.hasDecode
        ? photograph(image, preset) : .leave(.colour)
    case (2, .samples), (4, .samples), (8, .samples), (16, .samples):
      // Averages of samples mean the averages of colours, also when `/Decode` maps them linearly;
      // but not when they are indexes into a palette.
      if case .indexed = image.colour, image.hasDecode || image.bits > 8 { return .leave(.colour) }
      return image.colour.hasAverages ? photograph(image, preset) : .leave(.colour)
    default: return .leave(.coding)
    }
  }

  /// Bytes that outer filters hold, which are undone as a whole; `nil` where there are none, or samples have a number
  /// of bits that no image has.
  private static func undoneBytes(_ image: ImageDescription, _ coding: ImageCoding) -> Int? {
    guard !coding.outer.isEmpty, case .samples = coding.last, (1...16).contains(image.bits) else {
      return nil
    }
    return (image.width * (image.colour.samples ?? 0) * image.bits + 7) / 8 * image.height
  }

  private static func photograph(_ image: ImageDescription, _ preset: Preset) -> Plan {
    guard let wanted = preset.resolution else { return .leave(.inOrder) }
    guard !image.isFixed else { return .leave(.masked) }
    guard let resolution = image.resolution else { return .leave(.unknownSize) }
    let isAbove = resolution > Preset.threshold * wanted
    let scale = isAbove ? max(wanted / resolution, image.minimumScale) : 1
    // Bringing it down by less would cost sharpness for a small gain.
    return .photograph(scale: scale * Preset.threshold > 1 ? 1 : scale)
  }

  /// Whether what the image is coded into hides nothing but black and white may be looked for: it is
  /// small enough to be decoded, and what becomes of it does not depend on how large it is drawn.
  var mayHideBilevel: Bool {
    switch self {
    case .photograph, .leave(.inOrder), .leave(.unknownSize): true
    case .leave, .bilevel: false
    }
  }

  /// How much of a picture of at least `side` pixels in each direction is not even decoded (to 1/8, and `most`), and
  /// what is left to do. The rest must be well below 1, or averaging would be blurring: Leptonica averages below 0.7. A
  /// row of pixels is left whole: what stands for less than one cannot be averaged.
  static func reduction(
    for scale: Double, side: Int = .max, most: Int = 8
  ) -> (reduction: Int, rest: Double) {
    let candidates = [8, 4, 2, 1].filter { $0 <= min(most, max(1, side)) }.map {
      (reduction: $0, rest: scale * Double($0))
    }
    return candidates.first { $0.rest <= 1.01 && ($0.rest > 0.97 || $0.rest < 0.7) }
      ?? (1, scale)
  }
}

/// How much images may lose.
package struct Preset: Sendable, Equatable {
  /// The resolution that photographs are brought down to, in dots per inch; `nil` leaves them as
  /// they are.
  package var resolution: Double?
  /// Quality of the JPEG that they become, 1 to 100.
  package var jpegQuality: Int
  /// Whether what is nearly black and white, as a JPEG of it is, becomes black and white.
  package var makesBilevel = false

  /// Only photographs with more than this many times the resolution are brought down; less would
  /// cost sharpness for a small gain. Ghostscript's presets do the same
  /// (`/ColorImageDownsampleThreshold`).
  package static let threshold = 1.5

  package init(resolution: Double?, jpegQuality: Int) {
    self.resolution = resolution
    self.jpegQuality = jpegQuality
  }

  /// Nothing is lost.
  package static let lossless = Preset(resolution: nil, jpegQuality: 100)
}
