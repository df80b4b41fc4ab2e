import PDF

/// Pages whose samples are unpacked, and deflated again.
extension TIFFPage {
  func samplesImage() throws(PageImageError) -> PlacedImage {
    let (colour, isInverted) = try colour()
    let colours: Int =
      switch colour {
      case .grey, .palette: 1
      case .rgb: 3
      case .cmyk: 4
      }
    var samples = Samples(
      width: width, height: height, channels: channels, bits: bits, bytes: try unpacked())
    guard channels > colours else {
      var image = try samples.image(colour)
      image.isInverted = isInverted
      return image
    }
    guard bits >= 8 else {
      throw .unsupported("the TIFF has samples of \(bits) bits beside colours")
    }
    let extra = directory.integers(.extraSamples)
    let alpha = extra.firstIndex { $0 == 1 || $0 == 2 }.map { colours + $0 }
    if alpha != nil, case .palette = colour {
      throw .unsupported("the TIFF has a palette with transparent pixels")
    }
    samples.flatten(
      alpha: alpha.flatMap { $0 < channels ? $0 : nil }, of: colours,
      isMultiplied: extra.contains(1), isInverted: isInverted || colours == 4)
    var image = try samples.image(colour)
    image.isInverted = isInverted
    return image
  }

  /// All samples of the page, row by row, the colours of a pixel side by side.
  private func unpacked() throws(PageImageError) -> [UInt8] {
    let row = (width * channels * bits + 7) / 8
    let (size, overflow) = row.multipliedReportingOverflow(by: height)
    guard !overflow, size <= PageImages.maximumSamples else { throw Samples.tooLarge(size) }
    guard !isPlanar || bits >= 8 else {
      throw .unsupported("the TIFF has samples of \(bits) bits, each colour for itself")
    }
    var page = [UInt8](repeating: 0, count: size)
    for segment in try segments() {
      place(try unpacked(segment), of: segment, rowBytes: row, in: &page)
    }
    return page
  }

  private func place(
    _ part: [UInt8], of segment: Segment, rowBytes row: Int, in page: inout [UInt8]
  ) {
    let partRow = rowBytes(segment.width)
    let rows = min(segment.height, height - segment.y)
    let columns = min(segment.width, width - segment.x)
    guard isPlanar else {
      let pixel = channels * bits
      for y in 0..<rows {
        let start = (segment.y + y) * row
        let isLast = segment.x + columns == width
        if segment.x * pixel % 8 == 0, columns * pixel % 8 == 0 || isLast {
          let count = (columns * pixel + 7) / 8
          page.replaceSubrange(
            (start + segment.x * pixel / 8)..<(start + segment.x * pixel / 8 + count),
            with: part[(y * partRow)..<(y * partRow + count)])
        } else {
          for bit in 0..<(columns * pixel) {
            let to = segment.x * pixel + bit
            let value = part[y * partRow + bit / 8] >> UInt8(7 - bit % 8) & 1
            page[start + to / 8] |= value << UInt8(7 - to % 8)
          }
        }
      }
      return
    }
    let size = bits / 8
    for y in 0..<rows {
      for x in 0..<columns {
        let to = (segment.y + y) * row + ((segment.x + x) * channels + segment.plane) * size
        for byte in 0..<size { page[to + byte] = part[y * partRow + x * size + byte] }
      }
    }
  }

  /// The samples of a strip or tile.
  private func unpacked(_ segment: Segment) throws(PageImageError) -> [UInt8] {
    let (count, overflow) = rowBytes(segment.width).multipliedReportingOverflow(by: segment.height)
    guard !overflow, count <= PageImages.maximumSamples else { throw Samples.tooLarge(count) }
    // Some writers fill up the last strip, or add a little.
    let limit = count + count / 4 + (1 << 16)
    let coded = content(segment)
    var bytes: [UInt8]?
    switch coding {
    case .none: bytes = coded
    case .lzw:
      guard !(coded.count > 1 && coded[0] == 0 && coded[1] & 1 == 1) else {
        throw .unsupported("the TIFF has LZW of the older kind")
      }
      bytes = LZW.decode(coded, isEarly: true, limit: limit)
    case .deflate: bytes = Flate.inflate(coded, limit: limit)
    case .packBits: bytes = Self.unpackBits(coded, count)
    case .fax, .jpeg: bytes = nil
    }
    guard var bytes, bytes.count >= count else {
      throw .damaged("the data of the TIFF are damaged or cut short")
    }
    bytes.removeSubrange(count...)
    if bits == 16, !directory.file.isBigEndian {
      for index in stride(from: 0, to: count - 1, by: 2) { bytes.swapAt(index, index + 1) }
    }
    return try withoutPredictor(bytes, segment)
  }

  private func withoutPredictor(
    _ bytes: [UInt8], _ segment: Segment
  ) throws(PageImageError) -> [UInt8] {
    switch (directory.integer(.predictor) ?? 1, coding) {
    case (1, _), (_, .none), (_, .packBits): return bytes
    case (2, _):
      let predictor = StreamFilter.Predictor(
        kind: 2, colours: isPlanar ? 1 : channels, bits: bits, columns: segment.width)
      guard let undone = predictor.undone(bytes), undone.count == bytes.count else {
        throw .damaged("the data of the TIFF are damaged")
      }
      return undone
    default: throw .unsupported("the TIFF has a predictor not known here")
    }
  }

  /// TIFF 6.0, section 9. What is more than `count` bytes is left.
  private static func unpackBits(_ coded: [UInt8], _ count: Int) -> [UInt8]? {
    var result: [UInt8] = []
    result.reserveCapacity(count)
    var index = 0
    while index < coded.count, result.count < count {
      let length = Int(Int8(bitPattern: coded[index]))
      if length >= 0 {
        guard index + length + 1 < coded.count else { return nil }
        result += coded[(index + 1)...(index + length + 1)]
        index += length + 2
      } else if length == -128 {
        index += 1
      } else {
        guard index + 1 < coded.count else { return nil }
        result += repeatElement(coded[index + 1], count: 1 - length)
        index += 2
      }
    }
    return result
  }
}
