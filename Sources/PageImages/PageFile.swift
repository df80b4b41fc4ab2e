import Files
import Glibc

/// An image as a PDF has it, and where it lies on its page, in pixels from the page's upper left corner.
struct PlacedImage: Sendable, Equatable {
  enum Colour: Sendable, Equatable {
    case grey, rgb, cmyk
    /// Three bytes for each value of a sample.
    case palette([UInt8])
  }

  var x = 0
  var y = 0
  var width: Int
  var height: Int
  var colour: Colour
  /// Bits of a sample.
  var bits: Int
  /// Whether the highest sample stands for none of its colour.
  var isInverted = false
  /// Samples of which none is drawn where a pixel has just these.
  var transparent: [Int] = []
  /// The filter's name, and its parameters as PDF has them.
  var filter: String
  var parameters = ""
  var bytes: [UInt8]
}

/// A page: its size in pixels, as the images are stored, how many of them make an inch, and how it is to be turned.
struct ImagePage: Sendable, Equatable {
  var width: Int
  var height: Int
  var resolution: Resolution
  /// 1 to 8, as TIFF and EXIF count (TIFF 6.0, "Orientation").
  var orientation = 1
  var images: [PlacedImage]
}

/// Pixels an inch.
struct Resolution: Sendable, Equatable {
  let x: Double
  let y: Double

  /// What scanners have, from the lowest on.
  private static let usual: [Double] = [72, 100, 150, 200, 300, 400, 600]
  /// The sides that a page may have, in inches (ISO 32000-1, annex C).
  private static let sides = (3.0 / 72)...200

  /// What a file says, if a page can be of that size. Else the lowest usual one at which neither side is longer than
  /// 14 inches, as legal paper is; `shape` is how many times more pixels an inch there are in a row than in a column.
  init(x: Double?, y: Double?, shape: Double = 1, width: Int, height: Int) {
    let (width, height) = (Double(width), Double(height))
    if let x, let y, x > 0, y > 0, Self.sides ~= width / x, Self.sides ~= height / y {
      (self.x, self.y) = (x, y)
      return
    }
    let shape = (0.1...10).contains(shape) ? shape : 1
    let longest = max(width / shape, height)
    let chosen = Self.usual.first { longest / $0 <= 14 } ?? max(600, longest / 200)
    (self.x, self.y) = (chosen * shape, chosen)
  }
}

/// A PDF with images as pages, written page by page (ISO 32000-1, 7.5). It has no dates and no identifier, so that the
/// same images make the same bytes. Owns the descriptor.
struct PageFile: ~Copyable {
  private let path: String
  private let descriptor: Int32
  private let limit: Int
  private var written = 0
  /// Where objects begin; the first two come last.
  private var offsets = [0, 0]
  private var pages: [Int] = []

  /// A file of `limit` bytes at most.
  init(path: String, limit: Int = PageImages.maximumTarget) throws(PageImageError) {
    descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
    (self.path, self.limit) = (path, limit)
    guard descriptor >= 0 else { throw Self.failure("open", path, errno) }
    // Four bytes above 127 tell transfer programs that this is not text.
    try write(Array("%PDF-1.5\n%".utf8) + [0xE2, 0xE3, 0xCF, 0xD3, 0x0A])
  }

  deinit { close(descriptor) }

  mutating func add(_ page: ImagePage) throws(PageImageError) {
    let first = offsets.count + 1
    for image in page.images { try add(Self.dictionary(image), stream: image.bytes) }
    let (width, height) = (page.width, page.height)
    let (across, down) = (72 / page.resolution.x, 72 / page.resolution.y)
    let mirrored = [2, 4, 5, 7].contains(page.orientation)
    var content = mirrored ? "-1 0 0 1 \(Self.number(Double(width) * across)) 0 cm " : ""
    for (index, image) in page.images.enumerated() {
      let place = [
        Double(image.width) * across, 0, 0, Double(image.height) * down,
        Double(image.x) * across, Double(height - image.y - image.height) * down,
      ].map(Self.number).joined(separator: " ")
      content += "q \(place) cm /Im\(index) Do Q "
    }
    try add("", stream: Array(content.dropLast().utf8))
    let names = page.images.indices.map { "/Im\($0) \(first + $0) 0 R" }
    let turn = Self.turn(page.orientation)
    pages.append(offsets.count + 1)
    try add(
      "/Type /Page /Parent 2 0 R /MediaBox [0 0 \(Self.number(Double(width) * across)) "
        + "\(Self.number(Double(height) * down))]\(turn > 0 ? " /Rotate \(turn)" : "") "
        + "/Resources << /XObject << \(names.joined(separator: " ")) >> >> "
        + "/Contents \(offsets.count) 0 R")
  }

  /// Ends the file, and returns how many pages it has.
  mutating func finish() throws(PageImageError) -> Int {
    let kids = pages.map { "\($0) 0 R" }.joined(separator: " ")
    offsets[0] = written
    try write(Array("1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n".utf8))
    offsets[1] = written
    try write(
      Array(
        "2 0 obj\n<< /Type /Pages /Count \(pages.count) /Kids [\(kids)] >>\nendobj\n".utf8))
    let start = written
    var table = "xref\n0 \(offsets.count + 1)\n0000000000 65535 f \n"
    for offset in offsets {
      let digits = String(offset)
      table += String(repeating: "0", count: max(0, 10 - digits.count)) + digits + " 00000 n \n"
    }
    table += "trailer\n<< /Size \(offsets.count + 1) /Root 1 0 R >>\nstartxref\n\(start)\n%%EOF\n"
    try write(Array(table.utf8))
    return pages.count
  }

  /// Degrees clockwise, after what is mirrored was mirrored.
  private static func turn(_ orientation: Int) -> Int {
    switch orientation {
    case 3, 4: 180
    case 6, 7: 90
    case 5, 8: 270
    default: 0
    }
  }

  private mutating func add(_ dictionary: String, stream: [UInt8]? = nil) throws(PageImageError) {
    offsets.append(written)
    let head = "\(offsets.count) 0 obj\n<< \(dictionary)"
    guard let stream else { return try write(Array("\(head) >>\nendobj\n".utf8)) }
    try write(Array("\(head) /Length \(stream.count) >>\nstream\n".utf8))
    try write(stream)
    try write(Array("\nendstream\nendobj\n".utf8))
  }

  private mutating func write(_ bytes: [UInt8]) throws(PageImageError) {
    guard written + bytes.count <= limit else {
      throw .unsupported("its PDF would be larger than \(limit) bytes")
    }
    let failure = writeAll(bytes, to: descriptor)
    guard failure == 0 else { throw Self.failure("write", path, failure) }
    written += bytes.count
  }

  private static func failure(_ call: String, _ path: String, _ code: Int32) -> PageImageError {
    PageImageError(.local, FileError(call, path, code: code).description)
  }

  private static func dictionary(_ image: PlacedImage) -> String {
    let samples: Int
    let colour: String
    switch image.colour {
    case .grey: (samples, colour) = (1, "/DeviceGray")
    case .rgb: (samples, colour) = (3, "/DeviceRGB")
    case .cmyk: (samples, colour) = (4, "/DeviceCMYK")
    case .palette(let colours):
      let digits = colours.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
      (samples, colour) = (1, "[/Indexed /DeviceRGB \(colours.count / 3 - 1) <\(digits)>]")
    }
    var text =
      "/Type /XObject /Subtype /Image /Width \(image.width) /Height \(image.height) "
      + "/ColorSpace \(colour) /BitsPerComponent \(image.bits) /Filter /\(image.filter)"
    if !image.parameters.isEmpty { text += " /DecodeParms << \(image.parameters) >>" }
    if image.isInverted {
      let pairs = (0..<samples).map { _ in "1 0" }
      text += " /Decode [\(pairs.joined(separator: " "))]"
    }
    if !image.transparent.isEmpty {
      let ranges = image.transparent.map { "\($0) \($0)" }
      text += " /Mask [\(ranges.joined(separator: " "))]"
    }
    return text
  }

  /// With four decimals, which are a millionth of an inch.
  private static func number(_ value: Double) -> String {
    let rounded = Int((value * 10_000).rounded())
    let (whole, part) = rounded.magnitude.quotientAndRemainder(dividingBy: 10_000)
    var digits = String(10_000 + part).dropFirst()
    while digits.last == "0" { digits.removeLast() }
    return (rounded < 0 ? "-" : "") + "\(whole)" + (digits.isEmpty ? "" : "." + digits)
  }
}
