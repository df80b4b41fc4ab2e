import JBIG2
import PDF

/// What became of an image.
public enum Rewriting: Sendable, Equatable {
  /// It is to be replaced with this.
  case replaced(PDFDocument.NewImage)
  /// It stays as it is.
  case left(Plan.Reason)

  /// Carries a plan out on the bytes that the file has for an image. Nothing is larger than what it
  /// replaces; what has two colours comes out with identical pixels, which is proved by decoding it.
  public init(_ plan: Plan, of image: ImageDescription, stored: [UInt8], preset: Preset) {
    self =
      switch plan {
      case .leave(let reason): .left(reason)
      case .bilevel: Self.bilevel(image, stored)
      case .photograph(let scale): Self.photograph(image, stored, scale, preset)
      }
  }

  // MARK: Two colours

  private static func bilevel(_ image: ImageDescription, _ stored: [UInt8]) -> Rewriting {
    guard let black = bitmap(image, stored) else { return .left(.damaged) }
    // What is fax already, and was proved, would come out as it is.
    let candidates = [jbig2(black), image.isFax ? nil : fax(black)].compactMap { $0 }
    guard let best = candidates.min(by: { $0.bytes.count < $1.bytes.count }),
      best.bytes.count < stored.count
    else { return .left(.notSmaller) }
    return .replaced(best)
  }

  private static func jbig2(_ black: Bitmap) -> PDFDocument.NewImage? {
    JBIG2Decoder.provenEncoding(of: black).map {
      PDFDocument.NewImage(
        width: black.width, height: black.height, bytes: $0, filter: "/JBIG2Decode")
    }
  }

  private static func fax(_ black: Bitmap) -> PDFDocument.NewImage? {
    guard let bytes = Picture(black)?.fax(),
      Picture(fax: bytes, width: black.width, height: black.height)?.bitmap() == black
    else { return nil }
    return PDFDocument.NewImage(
      width: black.width, height: black.height, bytes: bytes, filter: "/CCITTFaxDecode",
      parameters: "<< /K -1 /Columns \(black.width) /Rows \(black.height) >>")
  }

  /// The samples of an image, 0 being 1 here: both filters that we write give 0 for black
  /// (ISO 32000-1, 7.4.6 and 7.4.7). What black then means is for its colour space to say, which
  /// stays as it is.
  private static func bitmap(_ image: ImageDescription, _ stored: [UInt8]) -> Bitmap? {
    guard let coding = image.filters.flatMap(ImageCoding.init) else { return nil }
    if case .fax(let fax) = coding.last {
      guard let data = inflate(stored, times: coding.deflations, limit: stored.count * 8),
        let black = Picture(fax: data, width: image.width, height: image.height)?.bitmap(),
        isProven(black, data)
      else { return nil }
      return fax.blackIs1 ? inverted(black) : black
    }
    let stride = Bitmap.stride(image.width)
    return samples(image, coding, stored, rowBytes: stride)
      .flatMap { Bitmap(width: image.width, height: image.height, bytes: $0.map { ~$0 }) }
  }

  private static func inverted(_ bitmap: Bitmap) -> Bitmap? {
    Bitmap(width: bitmap.width, height: bitmap.height, bytes: bitmap.bytes.map { ~$0 })
  }

  /// Fax data have no checksum, and decoders make something of anything. But the encoding of a
  /// picture is as good as unique (ITU-T T.6, 2.2), so that data which come out again were read
  /// rightly. The last four bytes are the end of the data, which some leave away.
  private static func isProven(_ bitmap: Bitmap, _ data: [UInt8]) -> Bool {
    guard let again = Picture(bitmap)?.fax() else { return false }
    return data.starts(with: again.dropLast(4))
  }

  // MARK: Photographs

  private static func photograph(
    _ image: ImageDescription, _ stored: [UInt8], _ scale: Double, _ preset: Preset
  ) -> Rewriting {
    guard let coding = image.filters.flatMap(ImageCoding.init) else { return .left(.coding) }
    var limit = stored.count
    var space: String?
    let picture: Picture
    if case .jpeg = coding.last {
      guard let data = inflate(stored, times: coding.deflations, limit: stored.count * 8),
        let header = JPEGHeader(data), header.width == image.width,
        header.height == image.height, header.components == image.colour.samples
      else { return .left(.damaged) }
      let (reduction, rest) = Plan.reduction(for: scale)
      guard let decoded = Picture(jpeg: data, reduction: reduction),
        decoded.isGrey == (image.colour == .grey)
      else { return .left(.damaged) }
      guard let averaged = decoded.averaged(by: rest)?.sharpened(if: scale < 1) else {
        return .left(.damaged)
      }
      picture = averaged
    } else {
      let (samples, isGrey): ([UInt8], Bool)
      switch Self.colours(image, coding, stored) {
      case .some(let found): (samples, isGrey) = found
      case nil: return .left(.damaged)
      }
      if isGrey, isBlackAndWhite(samples) { return .left(.inOrder) }
      if case .indexed = image.colour { space = isGrey ? "/DeviceGray" : "/DeviceRGB" }
      // Drawings and screens are small when deflated, and JPEG is not for them.
      if scale == 1 || space != nil { limit = stored.count / 2 }
      guard
        let whole = Picture(
          samples: samples, width: image.width, height: image.height, isGrey: isGrey),
        let averaged = whole.averaged(by: scale)?.sharpened(if: scale < 1)
      else { return .left(.damaged) }
      picture = averaged
    }
    guard let bytes = picture.jpeg(quality: preset.jpegQuality), bytes.count < limit else {
      return .left(.notSmaller)
    }
    return .replaced(
      PDFDocument.NewImage(
        width: picture.width, height: picture.height, bytes: bytes, filter: "/DCTDecode",
        colourSpace: space))
  }

  /// The samples of a photograph that is not a JPEG, with the palette applied.
  private static func colours(
    _ image: ImageDescription, _ coding: ImageCoding, _ stored: [UInt8]
  ) -> (samples: [UInt8], isGrey: Bool)? {
    guard
      let samples = samples(
        image, coding, stored, rowBytes: image.width * image.colour.samples)
    else { return nil }
    guard case .indexed(let palette, let isGrey) = image.colour else {
      return (samples, image.colour == .grey)
    }
    let size = isGrey ? 1 : 3
    // A sample beyond the palette is the last colour (8.6.6.3); a short palette is damage.
    guard let highest = samples.max(), (Int(highest) + 1) * size <= palette.count else {
      return nil
    }
    return (
      isGrey
        ? samples.map { palette[Int($0)] }
        : samples.flatMap { palette[(3 * Int($0))..<(3 * Int($0) + 3)] }, isGrey
    )
  }

  /// Whether all but a thousandth is as good as black or white: brought down, text would become
  /// pale, and JPEG would put noise around it.
  static func isBlackAndWhite(_ samples: [UInt8]) -> Bool {
    var (between, seen) = (0, 0)
    for index in stride(from: 0, to: samples.count, by: 7) {
      seen += 1
      if (24..<232).contains(samples[index]) { between += 1 }
    }
    return between * 1000 <= seen
  }

  // MARK: Filters

  private static func inflate(_ bytes: [UInt8], times: Int, limit: Int) -> [UInt8]? {
    var bytes = bytes
    for _ in 0..<times {
      guard let inflated = Flate.inflate(bytes, limit: limit) else { return nil }
      bytes = inflated
    }
    return bytes
  }

  /// The samples, in rows that begin with a byte of their own; `nil` where some are missing.
  private static func samples(
    _ image: ImageDescription, _ coding: ImageCoding, _ stored: [UInt8], rowBytes: Int
  ) -> [UInt8]? {
    guard case .samples(let predictor) = coding.last else { return nil }
    // PNG predictors add a byte to each row; and many writers, a line end or a row too many.
    let limit = (rowBytes + 1) * (image.height + 1) + 4096
    let times = coding.deflations + (coding.isDeflatedLast ? 1 : 0)
    guard var bytes = inflate(stored, times: times, limit: limit) else { return nil }
    if let predictor {
      guard predictor.rowBytes == rowBytes,
        let plain = predictor.undo(bytes, rows: image.height)
      else { return nil }
      bytes = plain
    }
    guard bytes.count >= rowBytes * image.height else { return nil }
    bytes.removeSubrange((rowBytes * image.height)...)
    return bytes
  }
}
