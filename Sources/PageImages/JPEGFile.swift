/// A JPEG file, as far as a PDF has to know of it (ITU-T T.81, annex B): its pixels are not decoded.
struct JPEGFile {
  let bytes: [UInt8]
  private(set) var width = 0
  private(set) var height = 0
  private(set) var components: [UInt8] = []
  private(set) var orientation = 1
  /// What Adobe's marker says of the colours; `nil` without one.
  private(set) var adobe: Int?
  private var isJFIF = false
  private var density: (x: Double?, y: Double?, shape: Double) = (nil, nil, 1)
  private var hasScan = false
  private var (hasQuantization, hasCodes) = (false, false)

  /// Reads `bytes` from the first marker to the last. Throws where something is missing, or where it is of a kind that
  /// PDF does not know (ISO 32000-1, 7.4.8): lossless, arithmetic, of 12 bits.
  init(_ bytes: [UInt8]) throws(PageImageError) {
    self.bytes = bytes
    guard bytes.starts(with: [0xFF, 0xD8]) else { throw .damaged("it does not begin as a JPEG") }
    var position = 2
    while let (marker, start) = Self.marker(bytes, from: position) {
      if marker == 0xD9 { break }
      guard start + 2 <= bytes.count,
        case let length = Int(bytes[start]) << 8 | Int(bytes[start + 1]), length >= 2,
        start + length <= bytes.count
      else { throw Self.cut }
      try read(marker, bytes[(start + 2)..<(start + length)])
      position = start + length
      if marker == 0xDA {
        hasScan = true
        position = Self.endOfScan(bytes, from: position)
      }
      guard position < bytes.count else { throw Self.cut }
    }
    guard Self.marker(bytes, from: position)?.marker == 0xD9 else { throw Self.cut }
    guard hasScan, hasQuantization, hasCodes, !components.isEmpty else {
      throw .damaged("the JPEG has no picture, or lacks the tables for it")
    }
  }

  private static let cut = PageImageError.damaged("the JPEG is cut short: its end is missing")

  /// The next marker, and where what belongs to it begins. Bytes of 255 may fill the space before it; what does not
  /// belong there is passed over, as decoders do.
  private static func marker(_ bytes: [UInt8], from start: Int) -> (marker: UInt8, start: Int)? {
    var index = start
    while index + 1 < bytes.count {
      if bytes[index] == 0xFF, bytes[index + 1] != 0xFF, bytes[index + 1] != 0 {
        return (bytes[index + 1], index + 2)
      }
      index += 1
    }
    return nil
  }

  /// Where the first marker is behind coded data, other than those that are in between them.
  private static func endOfScan(_ bytes: [UInt8], from start: Int) -> Int {
    bytes.withUnsafeBufferPointer { bytes in
      var index = start
      while index + 1 < bytes.count {
        let next = bytes[index + 1]
        if bytes[index] == 0xFF, next != 0, next != 0xFF, !(0xD0...0xD7 ~= next) { return index }
        index += 1
      }
      return bytes.count
    }
  }

  private mutating func read(
    _ marker: UInt8, _ segment: ArraySlice<UInt8>
  ) throws(PageImageError) {
    switch marker {
    case 0xC0, 0xC1, 0xC2: try readFrame(Array(segment))
    case 0xC3, 0xC5...0xC7, 0xC9...0xCB, 0xCD...0xCF:
      throw .unsupported("the JPEG is lossless, hierarchical or arithmetic, which no PDF can hold")
    case 0xC4: hasCodes = true
    case 0xDB: hasQuantization = true
    case 0xE0 where segment.starts(with: Array("JFIF\0".utf8)): readJFIF(Array(segment))
    case 0xE1 where segment.starts(with: Array("Exif\0\0".utf8)):
      readExif(Array(segment.dropFirst(6)))
    case 0xEE where segment.starts(with: Array("Adobe".utf8)) && segment.count >= 12:
      adobe = Int(segment[segment.startIndex + 11])
    default: break
    }
  }

  private mutating func readFrame(_ frame: [UInt8]) throws(PageImageError) {
    guard components.isEmpty, frame.count >= 6, case let count = Int(frame[5]),
      frame.count >= 6 + 3 * count
    else { throw .damaged("the JPEG's frame is damaged") }
    guard frame[0] == 8 else { throw .unsupported("the JPEG has samples of \(frame[0]) bits") }
    height = Int(frame[1]) << 8 | Int(frame[2])
    width = Int(frame[3]) << 8 | Int(frame[4])
    components = (0..<count).map { frame[6 + 3 * $0] }
    guard width > 0, height > 0 else { throw .unsupported("the JPEG does not say its height") }
    guard [1, 3, 4].contains(count) else { throw .unsupported("the JPEG has \(count) colours") }
  }

  private mutating func readJFIF(_ segment: [UInt8]) {
    guard segment.count >= 12 else { return }
    isJFIF = true
    let (x, y) = (
      Double(Int(segment[8]) << 8 | Int(segment[9])),
      Double(Int(segment[10]) << 8 | Int(segment[11]))
    )
    switch segment[7] {
    case 1: density = (x, y, 1)
    case 2: density = (x * 2.54, y * 2.54, 1)
    // The shape of a pixel, without its size.
    default: if x > 0, y > 0 { density.shape = x / y }
    }
  }

  /// What cameras and phones add (EXIF is a TIFF without a picture).
  private mutating func readExif(_ bytes: [UInt8]) {
    guard let file = try? TIFFFile(bytes), let first = try? file.directory(at: file.first) else {
      return
    }
    if let turned = first.integer(.orientation), 1...8 ~= turned { orientation = turned }
    guard density.x == nil else { return }
    let (x, y) = first.resolution
    (density.x, density.y) = (x, y)
  }

  /// What the samples are: with four, Adobe's programs write what is left of the light in place of the ink. libjpeg,
  /// and those who built on it, take three for red, green and blue where they are called so.
  var image: PlacedImage {
    var image = PlacedImage(
      width: width, height: height, colour: .grey, bits: 8, filter: "DCTDecode", bytes: bytes)
    if components.count == 4 {
      image.colour = .cmyk
      image.isInverted = adobe != nil
    } else if components.count == 3 {
      image.colour = .rgb
      let isNamed = components == Array("RGB".utf8)
      if adobe == nil, !isJFIF, isNamed { image.parameters = "/ColorTransform 0" }
    }
    return image
  }

  func page() -> ImagePage {
    ImagePage(
      width: width, height: height,
      resolution: Resolution(
        x: density.x, y: density.y, shape: density.shape, width: width, height: height),
      orientation: orientation, images: [image])
  }
}
