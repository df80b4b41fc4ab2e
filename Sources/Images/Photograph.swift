import PDF

/// A photograph on its way to a smaller one, row by row: neither is ever there at once.
struct Photograph {
  let image: ImageDescription
  let coding: ImageCoding
  let scale: Double
  let quality: Int
  let memory: Int

  /// `image` brought to `scale`, with `memory` bytes for a source of several scans.
  init(
    _ image: ImageDescription, _ coding: ImageCoding, scale: Double, quality: Int, memory: Int
  ) {
    self.image = image
    self.coding = coding
    self.scale = scale
    self.quality = quality
    self.memory = memory
  }

  /// What becomes of the bytes that the file has for it.
  func rewrite(_ stored: [UInt8]) -> Rewriting {
    switch coding.last {
    case .jpeg(let transform): fromJPEG(stored, transform)
    case .jpeg2000: fromJPEG2000(stored)
    default: fromSamples(stored)
    }
  }

  private func fromJPEG(_ stored: [UInt8], _ transform: Int?) -> Rewriting {
    guard let data = coding.withoutOuterFilters(stored, samples: image.byteSamples),
      let header = JPEGHeader(data),
      header.width == image.width, header.height == image.height,
      header.components == image.colour.samples
    else { return .left(.damaged) }
    // A copy of the same size loses a little; it has to be worth it.
    if scale == 1, !header.isFiner(than: quality) { return .left(.inOrder) }
    let limit = scale == 1 ? stored.count / 4 * 3 : stored.count
    let (reduction, rest) = Plan.reduction(for: scale, side: min(image.width, image.height))
    guard
      let reader = JPEGReader(data, reduction: reduction, transform: transform, memory: memory),
      reader.channels == image.colour.samples,
      let rows = Shrinking(
        from: (reader.width, reader.height), covering: size(reduction), by: rest,
        isSharpened: scale < 1, to: .init(space: reader.space, quality: quality))
    else { return .left(.damaged) }
    // Readers do not agree about four samples that only the document calls transformed.
    if transform == 1, reader.space == .cmyk(isMarked: false) { return .left(.coding) }
    var row = [UInt8](repeating: 0, count: reader.width * reader.channels)
    let isWhole = row.withUnsafeMutableBufferPointer { row in
      guard let row = row.baseAddress else { return false }
      return (0..<reader.height).allSatisfy { _ in reader.next(into: row) && rows.add(row) }
    }
    guard isWhole else { return .left(.damaged) }
    return finished(rows, limit: limit)
  }

  private func fromSamples(_ stored: [UInt8]) -> Rewriting {
    guard var samples = ByteSamples(image, coding, stored),
      let rows = Shrinking(
        from: (image.width, image.height), covering: size(1), by: scale, isSharpened: scale < 1,
        to: .init(space: image.colour.written, quality: quality))
    else { return .left(.damaged) }
    let palette = Palette(image.colour)
    var greys = BlackAndWhite()
    var row = [UInt8](repeating: 0, count: samples.count)
    for _ in 0..<image.height {
      let isWhole = row.withUnsafeMutableBufferPointer { row in
        guard let start = row.baseAddress, samples.next(into: start) else { return false }
        guard let palette else {
          greys.add(row)
          return rows.add(start)
        }
        return palette.apply(to: row) {
          greys.add($0)
          return $0.baseAddress.map(rows.add) ?? false
        }
      }
      guard isWhole else { return .left(.damaged) }
    }
    guard samples.endsHere() else { return .left(.damaged) }
    if image.colour.isGrey, greys.isAlmostAll { return .left(.inOrder) }
    // Drawings and screens are small when deflated, and JPEG is not for them.
    let isCareful = scale == 1 || palette != nil
    return finished(
      rows, limit: isCareful ? stored.count / 2 : stored.count,
      colourSpace: palette.map { _ in image.colour.isGrey ? "/DeviceGray" : "/DeviceRGB" })
  }

  /// The size of what is read at a part of its size, to fractions of a pixel.
  func size(_ reduction: Int) -> (width: Double, height: Double) {
    (Double(image.width) / Double(reduction), Double(image.height) / Double(reduction))
  }

  func finished(_ rows: Shrinking, limit: Int, colourSpace: String? = nil) -> Rewriting {
    guard let bytes = rows.finish() else { return .left(.damaged) }
    guard bytes.count < limit else { return .left(.notSmaller) }
    var new = PDFDocument.NewImage(
      width: rows.width, height: rows.height, bytes: bytes, filter: "/DCTDecode",
      colourSpace: colourSpace)
    // A JPEG 2000 image need not say what it has.
    if image.bits != 8 || coding.last == .jpeg2000 { new.bits = 8 }
    return .replaced(new)
  }
}

extension ImageDescription {
  /// Bytes that its samples take when each is one; 2^31 where there are more.
  var byteSamples: Int {
    let (pixels, isHuge) = width.multipliedReportingOverflow(by: height)
    return isHuge ? 1 << 31 : min(pixels, 1 << 29) * 4
  }
}

extension ImageDescription.Colour {
  /// Whether it has no colour but grey, whatever its samples are.
  var isGrey: Bool {
    switch self {
    case .grey, .indexed(_, isGrey: true): true
    default: false
    }
  }

  /// Whether averages of its samples, or of what its palette has for them, are averages of its colours.
  var hasAverages: Bool {
    switch self {
    case .grey, .rgb, .cmyk, .indexed: true
    case .single, .unnamed, .other: false
    }
  }

  /// As what a JPEG takes its samples.
  var written: JPEGSpace { isGrey ? .grey : self == .cmyk ? .cmykAsYCCK : .rgb }
}
