import PDF

/// A photograph on its way to a smaller one, row by row: neither is ever there at once.
struct Photograph {
  private let image: ImageDescription
  private let coding: ImageCoding
  private let scale: Double
  private let quality: Int
  private let memory: Int

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
    if case .jpeg = coding.last { fromJPEG(stored) } else { fromSamples(stored) }
  }

  private func fromJPEG(_ stored: [UInt8]) -> Rewriting {
    guard let data = coding.withoutOuterFilters(stored), let header = JPEGHeader(data),
      header.width == image.width, header.height == image.height,
      header.components == image.colour.samples
    else { return .left(.damaged) }
    // A copy of the same size loses a little; it has to be worth it.
    if scale == 1, !header.isFiner(than: quality) { return .left(.inOrder) }
    let limit = scale == 1 ? stored.count / 4 * 3 : stored.count
    let (reduction, rest) = Plan.reduction(for: scale)
    guard let reader = JPEGReader(data, reduction: reduction, memory: memory),
      reader.channels == image.colour.samples,
      let rows = Shrinking(
        from: (reader.width, reader.height), covering: size(reduction), by: rest,
        isSharpened: scale < 1,
        to: .init(channels: reader.channels, isYCC: reader.isYCC, quality: quality))
    else { return .left(.damaged) }
    var row = [UInt8](repeating: 0, count: reader.width * reader.channels)
    let isWhole = row.withUnsafeMutableBufferPointer { row in
      guard let row = row.baseAddress else { return false }
      return (0..<reader.height).allSatisfy { _ in reader.next(into: row) && rows.add(row) }
    }
    guard isWhole else { return .left(.damaged) }
    return finished(rows, limit: limit)
  }

  private func fromSamples(_ stored: [UInt8]) -> Rewriting {
    guard var samples = SampleRows(coding, stored, rowBytes: image.width * image.colour.samples),
      let rows = Shrinking(
        from: (image.width, image.height), covering: size(1), by: scale, isSharpened: scale < 1,
        to: .init(channels: image.colour.isGrey ? 1 : 3, isYCC: false, quality: quality))
    else { return .left(.damaged) }
    let palette = Palette(image.colour)
    var greys = BlackAndWhite()
    var row = [UInt8](repeating: 0, count: samples.rowBytes)
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
  private func size(_ reduction: Int) -> (width: Double, height: Double) {
    (Double(image.width) / Double(reduction), Double(image.height) / Double(reduction))
  }

  private func finished(_ rows: Shrinking, limit: Int, colourSpace: String? = nil) -> Rewriting {
    guard let bytes = rows.finish() else { return .left(.damaged) }
    guard bytes.count < limit else { return .left(.notSmaller) }
    return .replaced(
      PDFDocument.NewImage(
        width: rows.width, height: rows.height, bytes: bytes, filter: "/DCTDecode",
        colourSpace: colourSpace))
  }
}

extension ImageDescription.Colour {
  /// Whether it has no colour but grey, whatever its samples are.
  var isGrey: Bool {
    switch self {
    case .grey, .indexed(_, isGrey: true): true
    case .rgb, .indexed, .other: false
    }
  }
}
