import CZlib
import PDF

/// A PNG file (W3C, Portable Network Graphics, third edition). Its rows are deflated and foretold as a PDF may have
/// them (ISO 32000-1, 7.4.4.4), so that they are carried over as they are where they are in order from top to bottom
/// and opaque.
struct PNGFile {
  static let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]

  private enum Kind: UInt8 {
    case grey = 0
    case rgb = 2
    case palette = 3
    case greyAlpha = 4
    case rgbAlpha = 6

    var channels: Int {
      switch self {
      case .grey, .palette: 1
      case .greyAlpha: 2
      case .rgb: 3
      case .rgbAlpha: 4
      }
    }

    func allows(_ bits: Int) -> Bool {
      switch self {
      case .grey: [1, 2, 4, 8, 16].contains(bits)
      case .palette: [1, 2, 4, 8].contains(bits)
      case .rgb, .greyAlpha, .rgbAlpha: bits == 8 || bits == 16
      }
    }
  }

  private(set) var width = 0
  private(set) var height = 0
  private var bits = 0
  private var kind = Kind.grey
  private var isInterlaced = false
  private var palette: [UInt8] = []
  private var transparency: [UInt8] = []
  private var density: (x: Double?, y: Double?, shape: Double) = (nil, nil, 1)
  private var orientation = 1
  private var data: [UInt8] = []

  /// Reads all chunks, whose checksums must be right.
  init(_ bytes: [UInt8]) throws(PageImageError) {
    guard bytes.starts(with: Self.signature) else { throw .damaged("it does not begin as a PNG") }
    var position = 8
    var isFirst = true
    while true {
      guard let length = Self.number(bytes, position), position + 12 + length <= bytes.count else {
        throw .damaged("the PNG is cut short: its end is missing")
      }
      let name = String(decoding: bytes[(position + 4)..<(position + 8)], as: UTF8.self)
      guard Self.number(bytes, position + 8 + length) == Self.checksum(bytes, position + 4, length)
      else { throw .damaged("the checksum of a part of the PNG is wrong") }
      let content = bytes[(position + 8)..<(position + 8 + length)]
      guard isFirst == (name == "IHDR") else { throw .damaged("the PNG has no header") }
      isFirst = false
      if name == "IEND" { break }
      try read(name, Array(content))
      position += 12 + length
    }
    guard !data.isEmpty else { throw .damaged("the PNG has no picture") }
    guard kind != .palette || !palette.isEmpty else { throw .damaged("the PNG has no palette") }
  }

  private static func number(_ bytes: [UInt8], _ offset: Int) -> Int? {
    guard offset + 4 <= bytes.count else { return nil }
    return bytes[offset..<(offset + 4)].reduce(0) { $0 << 8 | Int($1) }
  }

  private static func checksum(_ bytes: [UInt8], _ start: Int, _ length: Int) -> Int {
    bytes.withUnsafeBufferPointer {
      Int(crc32(0, $0.baseAddress.map { $0 + start }, UInt32(clamping: length + 4)))
    }
  }

  private mutating func read(_ name: String, _ chunk: [UInt8]) throws(PageImageError) {
    switch name {
    case "IHDR": try readHeader(chunk)
    case "PLTE":
      guard chunk.count % 3 == 0, 3...768 ~= chunk.count else {
        throw .damaged("the PNG's palette is damaged")
      }
      palette = chunk
    case "tRNS": transparency = chunk
    case "pHYs":
      guard chunk.count == 9, let x = Self.number(chunk, 0), let y = Self.number(chunk, 4),
        x > 0, y > 0
      else { return }
      // Pixels a metre, or the shape of a pixel alone.
      density =
        chunk[8] == 1
        ? (Self.inches(x), Self.inches(y), 1) : (nil, nil, Double(x) / Double(y))
    case "eXIf":
      guard let file = try? TIFFFile(chunk), let first = try? file.directory(at: file.first),
        let turned = first.integer(.orientation), 1...8 ~= turned
      else { return }
      orientation = turned
    case "IDAT": data += chunk
    default: break
    }
  }

  /// Pixels an inch of pixels a metre, which is a whole number: 11,811 stands for 300, not for 299.9994.
  private static func inches(_ perMetre: Int) -> Double {
    let exact = Double(perMetre) * 0.0254
    return abs(exact - exact.rounded()) < 0.0127 ? exact.rounded() : exact
  }

  private mutating func readHeader(_ chunk: [UInt8]) throws(PageImageError) {
    guard chunk.count == 13, let width = Self.number(chunk, 0), let height = Self.number(chunk, 4),
      let kind = Kind(rawValue: chunk[9]), kind.allows(Int(chunk[8])), chunk[10] == 0,
      chunk[11] == 0, chunk[12] <= 1, 1...Int(Int32.max) ~= width, 1...Int(Int32.max) ~= height
    else { throw .damaged("the PNG's header is damaged") }
    (self.width, self.height, self.kind) = (width, height, kind)
    (bits, isInterlaced) = (Int(chunk[8]), chunk[12] == 1)
  }

  func page() throws(PageImageError) -> ImagePage {
    ImagePage(
      width: width, height: height,
      resolution: Resolution(
        x: density.x, y: density.y, shape: density.shape, width: width, height: height),
      orientation: orientation, images: [try image()])
  }

  private func image() throws(PageImageError) -> PlacedImage {
    let colours = colours
    guard isInterlaced || kind == .greyAlpha || kind == .rgbAlpha else {
      try verify()
      return PlacedImage(
        width: width, height: height, colour: colours, bits: bits, transparent: transparentColour,
        filter: "FlateDecode", parameters: Samples.parameters(kind.channels, bits, width),
        bytes: data)
    }
    var samples = Samples(
      width: width, height: height, channels: kind.channels, bits: bits, bytes: try rows())
    if kind == .greyAlpha || kind == .rgbAlpha {
      samples.flatten(alpha: kind.channels - 1, of: kind.channels - 1)
    }
    var image = try samples.image(colours)
    image.transparent = transparentColour
    return image
  }

  /// A palette on white paper, where some of its colours let it through.
  private var colours: PlacedImage.Colour {
    switch kind {
    case .grey, .greyAlpha: return .grey
    case .rgb, .rgbAlpha: return .rgb
    case .palette:
      var palette = palette
      for (index, alpha) in transparency.prefix(palette.count / 3).enumerated() {
        for place in (3 * index)..<(3 * index + 3) {
          palette[place] = UInt8(Samples.blended(Int(palette[place]), Int(alpha), 255, white: 255))
        }
      }
      return .palette(palette)
    }
  }

  /// The one colour through which the paper is seen.
  private var transparentColour: [Int] {
    guard kind == .grey || kind == .rgb, transparency.count == 2 * kind.channels else { return [] }
    return (0..<kind.channels).map {
      (Int(transparency[2 * $0]) << 8 | Int(transparency[2 * $0 + 1])) & (1 << bits - 1)
    }
  }

  private func rowBytes(_ width: Int) -> Int { (width * kind.channels * bits + 7) / 8 }

  /// Sees that all rows are there, without keeping them.
  private func verify() throws(PageImageError) {
    let (row, overflow) = (rowBytes(width) + 1).multipliedReportingOverflow(by: height)
    guard !overflow, row <= 2 * PageImages.maximumSamples else { throw Samples.tooLarge(row) }
    guard var stream = InflateStream(data) else { throw Self.damagedData }
    let buffer = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: rowBytes(width) + 1)
    defer { buffer.deallocate() }
    for _ in 0..<height {
      guard stream.read(into: buffer) == buffer.count, buffer[0] <= 4 else {
        throw Self.damagedData
      }
    }
  }

  private static let damagedData = PageImageError.damaged("the PNG's data are damaged or cut short")

  /// All rows, in order from top to bottom.
  private func rows() throws(PageImageError) -> [UInt8] {
    let (count, overflow) = rowBytes(width).multipliedReportingOverflow(by: height)
    guard !overflow, count <= PageImages.maximumSamples else { throw Samples.tooLarge(count) }
    guard let all = Flate.inflate(data, limit: 2 * count + 8 * height + 1024) else {
      throw Self.damagedData
    }
    guard isInterlaced else { return try undone(all[...], width, height).rows }
    var result = [UInt8](repeating: 0, count: count)
    var rest = all[...]
    for pass in Self.passes {
      let (columns, lines) = (
        (width - pass.x + pass.dx - 1) / pass.dx, (height - pass.y + pass.dy - 1) / pass.dy
      )
      guard columns > 0, lines > 0 else { continue }
      let part = try undone(rest, columns, lines)
      rest = rest.dropFirst(part.read)
      scatter(part.rows, columns, lines, pass, into: &result)
    }
    return result
  }

  private struct Pass {
    let x, y, dx, dy: Int
  }

  /// Where the pixels of the seven passes lie ("Interlacing and pass extraction").
  private static let passes = [
    Pass(x: 0, y: 0, dx: 8, dy: 8), Pass(x: 4, y: 0, dx: 8, dy: 8), Pass(x: 0, y: 4, dx: 4, dy: 8),
    Pass(x: 2, y: 0, dx: 4, dy: 4), Pass(x: 0, y: 2, dx: 2, dy: 4), Pass(x: 1, y: 0, dx: 2, dy: 2),
    Pass(x: 0, y: 1, dx: 1, dy: 2),
  ]

  private func undone(
    _ coded: ArraySlice<UInt8>, _ width: Int, _ height: Int
  ) throws(PageImageError) -> (rows: [UInt8], read: Int) {
    let size = (rowBytes(width) + 1) * height
    let predictor = StreamFilter.Predictor(
      kind: 15, colours: kind.channels, bits: bits, columns: width)
    guard coded.count >= size, let rows = predictor.undone(Array(coded.prefix(size))) else {
      throw Self.damagedData
    }
    return (rows, size)
  }

  private func scatter(
    _ part: [UInt8], _ columns: Int, _ lines: Int, _ pass: Pass, into result: inout [UInt8]
  ) {
    let (from, to) = (rowBytes(columns), rowBytes(width))
    let pixel = kind.channels * bits
    for line in 0..<lines {
      let target = (pass.y + line * pass.dy) * to
      for column in 0..<columns {
        let x = pass.x + column * pass.dx
        if pixel >= 8 {
          for byte in 0..<(pixel / 8) {
            result[target + x * pixel / 8 + byte] = part[line * from + column * pixel / 8 + byte]
          }
        } else {
          let byte = part[line * from + column * pixel / 8]
          let value = (byte << UInt8(column * pixel % 8)) >> UInt8(8 - pixel)
          result[target + x * pixel / 8] |= value << UInt8(8 - pixel - x * pixel % 8)
        }
      }
    }
  }
}
