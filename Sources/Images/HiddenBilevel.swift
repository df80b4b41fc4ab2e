import JBIG2
import PDF

/// Black and white that hides in samples of 8 bits: a scan of text that was stored as grey or in colour.
/// As a photograph it would lose resolution, and get haloes around its letters; as what it is, it keeps
/// all of its pixels and takes a quarter of the bytes.
struct HiddenBilevel {
  /// How sure one has to be.
  enum Rule: Equatable {
    /// Each sample is one of two greys: nothing is lost.
    case exact
    /// All but a thousandth of the samples is as good as black or white, as where a JPEG was made of
    /// black and white: the others become what is nearer.
    case nearly
  }

  private let image: ImageDescription
  private let rule: Rule
  private var bits: [UInt8] = []
  /// The two greys that were met.
  private var (first, second): (UInt8?, UInt8?) = (nil, nil)
  private var counts = BlackAndWhite()

  /// `nil` for an image whose samples have to stay as they are, or stand for something else.
  init?(_ image: ImageDescription, rule: Rule) {
    guard !image.isFixed, !image.hasDecode else { return nil }
    switch image.colour {
    case .grey, .rgb, .indexed, .unnamed: break
    case .cmyk, .single, .other: return nil
    }
    self.image = image
    self.rule = rule
    bits.reserveCapacity(Bitmap.stride(image.width) * image.height)
  }

  /// Takes a row of grey or of red, green and blue. False once it is not black and white.
  mutating func add(_ row: UnsafeMutableBufferPointer<UInt8>, channels: Int) -> Bool {
    var byte: UInt8 = 0
    for x in 0..<image.width {
      guard let isFirst = isFirst(row, at: x * channels, channels) else { return false }
      byte = byte << 1 | (isFirst ? 1 : 0)
      if x % 8 == 7 {
        bits.append(byte)
        byte = 0
      }
    }
    if image.width % 8 != 0 { bits.append(byte << UInt8(8 - image.width % 8)) }
    return rule == .exact || counts.isAlmostAll
  }

  /// Whether a pixel is of the first of two greys (where they are exact), or black.
  private mutating func isFirst(
    _ row: UnsafeMutableBufferPointer<UInt8>, at index: Int, _ channels: Int
  ) -> Bool? {
    let value = row[index]
    let isGrey =
      channels == 1
      || Self.isGrey(value, row[index + 1], row[index + 2], tolerance: rule == .exact ? 0 : 24)
    guard isGrey else { return nil }
    guard rule == .exact else {
      counts.add(value)
      return value < 128
    }
    if value == first { return true }
    if value == second { return false }
    if first == nil {
      first = value
      return true
    }
    guard second == nil else { return nil }
    second = value
    return false
  }

  private static func isGrey(_ red: UInt8, _ green: UInt8, _ blue: UInt8, tolerance: Int) -> Bool {
    let (red, green, blue) = (Int(red), Int(green), Int(blue))
    return max(red, green, blue) - min(red, green, blue) <= tolerance
  }

  /// The image as black and white, each pixel of which was proved.
  func rewritten(below limit: Int) -> Rewriting {
    var (dark, light) = rule == .exact ? (first ?? 255, second ?? first ?? 255) : (0, 255)
    // The calibrated white of three colours is not for certain the white of one.
    if image.colour == .rgb || image.colour == .unnamed,
      ![0, 255].contains(dark) || ![0, 255].contains(light)
    {
      return .left(.colour)
    }
    var bytes = bits
    if dark > light {
      (dark, light) = (light, dark)
      bytes = bits.map { ~$0 }
    }
    guard let bitmap = Bitmap(width: image.width, height: image.height, bytes: bytes),
      var new = Bilevel.smallest(of: bitmap, isFax: false), new.bytes.count < limit
    else { return .left(.notSmaller) }
    new.bits = 1
    // What is stored as grey keeps its space, which may be calibrated.
    new.colourSpace = image.colour == .grey ? nil : "/DeviceGray"
    // Both filters give 0 for what is 1 in a bitmap: the dark one.
    new.decode = (dark, light) == (0, 255) ? nil : [Double(dark) / 255, Double(light) / 255]
    return .replaced(new)
  }
}

extension HiddenBilevel {
  /// What becomes of an image if it is black and white; `nil` if it is not.
  static func rewrite(
    _ image: ImageDescription, _ coding: ImageCoding, _ stored: [UInt8], isLenient: Bool,
    memory: Int
  ) -> Rewriting? {
    switch coding.last {
    case .samples:
      return fromSamples(image, coding, stored, .exact)
        ?? (isLenient ? fromSamples(image, coding, stored, .nearly) : nil)
    case .jpeg(let transform) where isLenient:
      return fromJPEG(image, coding, stored, transform, memory)
    case .jpeg2000: return fromJPEG2000(image, coding, stored, isLenient: isLenient, memory)
    default: return nil
    }
  }

  private static func fromSamples(
    _ image: ImageDescription, _ coding: ImageCoding, _ stored: [UInt8], _ rule: Rule
  ) -> Rewriting? {
    guard var hidden = HiddenBilevel(image, rule: rule),
      var samples = ByteSamples(image, coding, stored)
    else { return nil }
    let palette = Palette(image.colour)
    let channels = image.colour.isGrey ? 1 : 3
    var row = [UInt8](repeating: 0, count: samples.count)
    for _ in 0..<image.height {
      let isBilevel = row.withUnsafeMutableBufferPointer { row in
        guard let start = row.baseAddress, samples.next(into: start),
          samples.isExact || rule == .nearly
        else { return false }
        guard let palette else { return hidden.add(row, channels: channels) }
        return palette.apply(to: row) { hidden.add($0, channels: channels) }
      }
      guard isBilevel else { return nil }
    }
    guard samples.endsHere() else { return nil }
    return hidden.rewritten(below: stored.count)
  }

  private static func fromJPEG(
    _ image: ImageDescription, _ coding: ImageCoding, _ stored: [UInt8], _ transform: Int?,
    _ memory: Int
  ) -> Rewriting? {
    // What is dark among indexes into a palette says nothing of its colours.
    if case .indexed = image.colour { return nil }
    guard var hidden = HiddenBilevel(image, rule: .nearly),
      let data = coding.withoutOuterFilters(stored, samples: image.byteSamples),
      let reader = JPEGReader(data, reduction: 1, transform: transform, memory: memory),
      reader.width == image.width,
      reader.height == image.height, reader.channels == image.colour.samples
    else { return nil }
    var row = [UInt8](repeating: 0, count: reader.width * reader.channels)
    for _ in 0..<reader.height {
      let isBilevel = row.withUnsafeMutableBufferPointer { row in
        guard let start = row.baseAddress, reader.next(into: start) else { return false }
        if reader.space == .ycc { Self.makeGrey(row) }
        return hidden.add(row, channels: reader.channels)
      }
      guard isBilevel else { return nil }
    }
    return hidden.rewritten(below: stored.count)
  }

  /// One that loses nothing may be exactly black and white.
  private static func fromJPEG2000(
    _ image: ImageDescription, _ coding: ImageCoding, _ stored: [UInt8], isLenient: Bool,
    _ memory: Int
  ) -> Rewriting? {
    guard var hidden = HiddenBilevel(image, rule: isLenient ? .nearly : .exact),
      let data = coding.withoutOuterFilters(stored, samples: image.byteSamples),
      let header = JPEG2000Header(data), isLenient || header.isReversible,
      let space = header.space(for: image), space == .grey || space == .rgb, !header.hasPalette,
      JPEG2000Image.memory(header, halvings: 0) <= memory,
      let decoded = JPEG2000Image(data, header, halvings: 0, channels: space.channels)
    else { return nil }
    var row = [UInt8](repeating: 0, count: decoded.width * space.channels)
    for y in 0..<decoded.height {
      let isBilevel = row.withUnsafeMutableBufferPointer { row in
        guard let start = row.baseAddress else { return false }
        decoded.row(y, into: start)
        return hidden.add(row, channels: space.channels)
      }
      guard isBilevel else { return nil }
    }
    return hidden.rewritten(below: stored.count)
  }

  /// Luminance and two differences as three channels that differ where there is a colour.
  private static func makeGrey(_ row: UnsafeMutableBufferPointer<UInt8>) {
    for index in stride(from: 0, to: row.count - 2, by: 3) {
      let luminance = Int(row[index])
      for channel in 1...2 {
        row[index + channel] = UInt8(max(0, min(255, luminance + Int(row[index + channel]) - 128)))
      }
    }
  }
}
