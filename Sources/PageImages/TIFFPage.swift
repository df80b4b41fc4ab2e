import PDF

/// A page of a TIFF: what its fields mean (TIFF 6.0; Adobe's technical notes for deflate and JPEG).
struct TIFFPage {
  enum Coding {
    case none, lzw, deflate, packBits
    /// Fax data; `k` as PDF has it.
    case fax(k: Int, hasAlignedRows: Bool)
    case jpeg
  }

  let directory: TIFFDirectory
  let width: Int
  let height: Int
  let coding: Coding
  let bits: Int
  let channels: Int
  let photometric: Int
  /// Whether each colour has strips of its own.
  let isPlanar: Bool

  init(_ directory: TIFFDirectory) throws(PageImageError) {
    self.directory = directory
    let sides = 1...(1 << 24)
    guard let width = directory.integer(.width), let height = directory.integer(.height),
      sides ~= width, sides ~= height
    else { throw .damaged("a page of the TIFF has no size") }
    (self.width, self.height) = (width, height)
    coding = try Self.coding(directory)
    let channels = directory.integer(.samples) ?? 1
    let depths = directory.integers(.bits)
    let bits = depths.first ?? 1
    guard (1...32).contains(channels), depths.allSatisfy({ $0 == bits }),
      [1, 2, 4, 8, 16].contains(bits)
    else {
      let some = depths.prefix(4).map(String.init).joined(separator: ", ")
      throw .unsupported("the TIFF has \(channels) samples of \(some) bits in a pixel")
    }
    guard directory.integers(.sampleFormat).allSatisfy({ $0 == 1 || $0 == 4 }) else {
      throw .unsupported("the TIFF has samples that are not whole numbers")
    }
    (self.channels, self.bits) = (channels, bits)
    photometric = directory.integer(.photometric) ?? (channels >= 3 ? 2 : 0)
    isPlanar = directory.integer(.planar) == 2 && channels > 1
  }

  private static func coding(_ directory: TIFFDirectory) throws(PageImageError) -> Coding {
    func check(_ tag: TIFFFile.Tag) throws(PageImageError) {
      guard (directory.integer(tag) ?? 0) & 2 == 0 else {
        throw .unsupported("the TIFF has fax data with parts that are not coded")
      }
    }
    switch directory.integer(.compression) ?? 1 {
    case 1: return .none
    case 2: return .fax(k: 0, hasAlignedRows: true)
    case 3:
      try check(.group3Options)
      let isTwoDimensional = (directory.integer(.group3Options) ?? 0) & 1 != 0
      return .fax(k: isTwoDimensional ? 4 : 0, hasAlignedRows: false)
    case 4:
      try check(.group4Options)
      return .fax(k: -1, hasAlignedRows: false)
    case 5: return .lzw
    case 6, 7: return .jpeg
    case 8, 32_946: return .deflate
    case 32_773: return .packBits
    case let other: throw .unsupported("the TIFF is compressed in a way (\(other)) not known here")
    }
  }

  func page() throws(PageImageError) -> ImagePage {
    let images: [PlacedImage] =
      switch coding {
      case .jpeg: try jpegImages()
      case .fax(let k, let isAligned): try faxImages(k, isAligned)
      case .none, .lzw, .deflate, .packBits: [try samplesImage()]
      }
    let turned = directory.integer(.orientation) ?? 1
    let (x, y) = directory.resolution
    return ImagePage(
      width: width, height: height,
      resolution: Resolution(x: x, y: y, shape: directory.shape, width: width, height: height),
      orientation: 1...8 ~= turned ? turned : 1, images: images)
  }

  /// What the samples are, but for what makes a pixel transparent.
  func colour() throws(PageImageError) -> (colour: PlacedImage.Colour, isInverted: Bool) {
    switch (photometric, channels) {
    case (0, 1...): return (.grey, true)
    case (1, 1...): return (.grey, false)
    case (2, 3...): return (.rgb, false)
    case (3, 1...): return (.palette(try palette()), false)
    case (5, 4...): return (.cmyk, false)
    default:
      throw .unsupported(
        "the TIFF has colours of a kind (\(photometric), with \(channels) samples) not known here")
    }
  }

  /// Samples of 16 bits; some writers fill the lower half alone.
  private func palette() throws(PageImageError) -> [UInt8] {
    let map = directory.integers(.colourMap)
    guard bits <= 8, map.count >= 3 << bits else { throw .damaged("the TIFF has no palette") }
    let shift = map.contains { $0 > 255 } ? 8 : 0
    return (0..<(1 << bits)).flatMap { index in
      (0..<3).map { UInt8(truncatingIfNeeded: map[$0 << bits + index] >> shift) }
    }
  }

  // MARK: Strips and tiles

  /// A part of a page with data of its own.
  struct Segment {
    let x, y, width, height: Int
    /// Of a page with a strip for each colour: which.
    let plane: Int
    let data: Range<Int>
  }

  /// All of them, in order. With `eachAnImage`, no more than a page may have.
  func segments(eachAnImage: Bool = false) throws(PageImageError) -> [Segment] {
    let isTiled = directory.has(.tileOffsets)
    var tile = (width: width, height: height)
    if isTiled {
      guard let across = directory.integer(.tileWidth), let down = directory.integer(.tileHeight),
        1...(1 << 24) ~= across, 1...(1 << 24) ~= down
      else { throw .damaged("the TIFF's tiles have no size") }
      tile = (across, down)
    } else if let rows = directory.integer(.rowsPerStrip) {
      guard rows > 0 else { throw .damaged("the TIFF's strips have no rows") }
      tile.height = min(rows, height)
    }
    let offsets = directory.integers(isTiled ? .tileOffsets : .stripOffsets)
    let counts = directory.integers(isTiled ? .tileCounts : .stripCounts)
    let across = (width + tile.width - 1) / tile.width
    let down = (height + tile.height - 1) / tile.height
    let planes = isPlanar ? channels : 1
    guard offsets.count >= across * down * planes else {
      throw .damaged("the TIFF lacks some of its strips")
    }
    guard !eachAnImage || across * down <= PageImages.maximumImages else {
      throw .unsupported("a page of the TIFF has more than \(PageImages.maximumImages) parts")
    }
    var segments: [Segment] = []
    for index in 0..<(across * down * planes) {
      let (plane, place) = index.quotientAndRemainder(dividingBy: across * down)
      let (row, column) = place.quotientAndRemainder(dividingBy: across)
      // A tile is always whole; the last strip has the rows that are left.
      let rows = isTiled ? tile.height : min(tile.height, height - row * tile.height)
      segments.append(
        Segment(
          x: column * tile.width, y: row * tile.height, width: tile.width, height: rows,
          plane: plane,
          data: try range(
            offsets[index], index < counts.count ? counts[index] : nil, isOnly: offsets.count == 1,
            rows: rows, columns: tile.width)))
    }
    return segments
  }

  /// Where the data of a strip are; what has no length is as long as it must be, or goes on to the end of the file.
  private func range(
    _ offset: Int, _ count: Int?, isOnly: Bool, rows: Int, columns: Int
  ) throws(PageImageError) -> Range<Int> {
    let end = directory.file.bytes.count
    var count = count
    if count == nil, case .none = coding {
      count = rows * rowBytes(columns)
    } else if count == nil, isOnly {
      count = end - offset
    }
    guard let count, count > 0, offset > 0, offset <= end, count <= end - offset else {
      throw .damaged("the TIFF is cut short: a strip is missing")
    }
    return offset..<(offset + count)
  }

  /// Bytes of a row of so many pixels.
  func rowBytes(_ width: Int) -> Int { (width * (isPlanar ? 1 : channels) * bits + 7) / 8 }

  /// The bytes of a strip, the highest bit of each first.
  func content(_ segment: Segment) -> [UInt8] {
    let bytes = directory.file.bytes[segment.data]
    guard directory.integer(.fillOrder) == 2 else { return Array(bytes) }
    return bytes.map(Self.reversed)
  }

  private static func reversed(_ byte: UInt8) -> UInt8 {
    let pairs = (byte & 0x55) << 1 | (byte & 0xAA) >> 1
    let nibbles = (pairs & 0x33) << 2 | (pairs & 0xCC) >> 2
    return nibbles << 4 | nibbles >> 4
  }
}

// MARK: Data that a PDF takes as they are

extension TIFFPage {
  /// JPEGs in strips or tiles: each is an image of its own, with the tables that they share.
  private func jpegImages() throws(PageImageError) -> [PlacedImage] {
    // The older way (compression 6) has the whole JPEG in one place, if it is to be understood at all.
    if directory.integer(.compression) == 6 {
      guard let start = directory.integer(.jpegStart), let length = directory.integer(.jpegLength),
        start > 0, length > 0, length <= directory.file.bytes.count,
        start <= directory.file.bytes.count - length
      else { throw .unsupported("the TIFF has a JPEG of the older kind, in parts") }
      return [try placed(Array(directory.file.bytes[start..<(start + length)]), nil)]
    }
    guard !isPlanar, bits == 8 else {
      throw .unsupported("the TIFF has a JPEG for each colour, or samples of \(bits) bits")
    }
    let tables = directory.content(.jpegTables) ?? []
    return try segments(eachAnImage: true).map { segment throws(PageImageError) in
      let data = Array(directory.file.bytes[segment.data])
      guard tables.count > 4 else { return try placed(data, segment) }
      guard tables.starts(with: [0xFF, 0xD8]), tables.suffix(2).elementsEqual([0xFF, 0xD9]),
        data.starts(with: [0xFF, 0xD8])
      else { throw .damaged("the TIFF's JPEG tables are damaged") }
      return try placed(tables.dropLast(2) + data.dropFirst(2), segment)
    }
  }

  /// The fields of the TIFF say what the colours are, and not what is in the JPEG.
  private func placed(_ bytes: [UInt8], _ segment: Segment?) throws(PageImageError) -> PlacedImage {
    let file = try JPEGFile(bytes)
    let expected = segment.map { ($0.width, $0.height) } ?? (width, height)
    guard file.width == expected.0, (1...expected.1).contains(file.height),
      segment != nil || file.height == height, file.components.count == channels
    else { throw .damaged("a JPEG in the TIFF is not of the size that it should have") }
    var image = file.image
    (image.x, image.y) = (segment?.x ?? 0, segment?.y ?? 0)
    image.isInverted = channels == 1 && photometric == 0
    if channels > 1 {
      image.parameters = "/ColorTransform \(photometric == 6 ? 1 : 0)"
    }
    return image
  }

  /// Fax data: strips that can be put together are one image.
  private func faxImages(_ k: Int, _ isAligned: Bool) throws(PageImageError) -> [PlacedImage] {
    guard channels == 1, bits == 1 else {
      throw .unsupported("the TIFF has fax data with more than two colours")
    }
    let (colour, isInverted) = try self.colour()
    let segments = try segments()
    let strips = segments.map { (bytes: content($0), rows: $0.height) }
    func image(_ segment: Segment, _ bytes: [UInt8]) -> PlacedImage {
      var parameters = "/K \(k) /Columns \(segment.width) /Rows \(segment.height)"
      // What is black to the coder is 1 in a TIFF, and 0 in a PDF unless it says otherwise.
      if !isInverted { parameters += " /BlackIs1 true" }
      if isAligned { parameters += " /EncodedByteAlign true /EndOfBlock false" }
      return PlacedImage(
        x: segment.x, y: segment.y, width: segment.width, height: segment.height, colour: colour,
        bits: 1, filter: "CCITTFaxDecode", parameters: parameters, bytes: bytes)
    }
    if segments.count > 1, segments.allSatisfy({ $0.width == width && $0.x == 0 }),
      !directory.has(.tileOffsets),
      let joined = FaxStrips.joined(
        strips,
        StreamFilter.Fax(k: k, columns: width, hasAlignedRows: isAligned))
    {
      let whole = Segment(x: 0, y: 0, width: width, height: height, plane: 0, data: 0..<0)
      return [image(whole, joined)]
    }
    return zip(try self.segments(eachAnImage: true), strips).map { image($0, $1.bytes) }
  }
}
