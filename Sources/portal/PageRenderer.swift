import CLeptonica

/// Draws pages that look scanned. Holds fonts and paper, and so belongs to one thread at a time.
final class PageRenderer {
  /// Letter pages are drawn at 150 pixels an inch, which is quick, and grow where more are wanted.
  private static let width = 1275
  private static let height = 1650

  private struct Tools {
    let text: Font
    let title: Font
    let paper: PaperTexture
  }

  private let seed: Int
  private let resolution: ScanResolution
  private var tools: Tools?

  private var scale: Int { resolution.rawValue / ScanResolution.dpi150.rawValue }

  /// Nothing is made before the first page is wanted.
  init(seed: Int, resolution: ScanResolution) {
    self.seed = seed
    self.resolution = resolution
  }

  /// A page of the document, from 1: the same bytes each time.
  func page(_ number: Int, of document: Document) throws(PictureError) -> PageImage {
    var random = random(number, document)
    let ink = try ink(number, of: document, &random)
    return isGrey(document)
      ? try grey(ink, on: prepared().paper, &random) : try blackAndWhite(ink)
  }

  /// The same page in black and white as a TIFF of Group 4: the same bytes each time.
  func file(_ number: Int, of document: Document) throws(PictureError) -> [UInt8] {
    var random = random(number, document)
    return try fax(ink(number, of: document, &random))
  }

  private func random(_ page: Int, _ document: Document) -> SeededRandom {
    SeededRandom(seed: seed, .page, document.number * 8 + page)
  }

  private func ink(
    _ number: Int, of document: Document, _ random: inout SeededRandom
  ) throws(PictureError) -> Picture {
    let drawn = try Picture(width: Self.width, height: Self.height, depth: 1)
    try write(DeedText(document, page: number, seed: seed), on: drawn, with: prepared(), &random)
    let angle = (random.unit() - 0.5) * 0.03
    let page = try enlarged(drawn)
    let ink = try Picture(
      "skew a page",
      pixRotateShearCenter(page.pointer, Float(angle), Int32(L_BRING_IN_WHITE)))
    soil(ink, &random)
    return ink
  }

  /// The drawing in the resolution that is wanted, its edges smooth.
  private func enlarged(_ drawn: Picture) throws(PictureError) -> Picture {
    guard resolution == .dpi300 else { return drawn }
    let grey = try Picture("make a page grey", pixConvert1To8(nil, drawn.pointer, 255, 0))
    return try Picture("enlarge a page", pixScaleGray2xLIThresh(grey.pointer, 128))
  }

  private func isGrey(_ document: Document) -> Bool {
    var random = SeededRandom(seed: seed, .appearance, document.number)
    return random.chance(0.5)
  }

  private func prepared() throws(PictureError) -> Tools {
    if let tools { return tools }
    let made = Tools(
      text: try Font(size: 8), title: try Font(size: 14),
      paper: try PaperTexture(
        seed: seed, width: Self.width * scale, height: Self.height * scale))
    tools = made
    return made
  }

  private func write(
    _ text: DeedText, on page: Picture, with tools: Tools, _ random: inout SeededRandom
  ) throws(PictureError) {
    var y = 80 + random.number(0...30)
    func put(_ line: String, _ font: Font, x: Int) throws(PictureError) {
      let failure = pixSetTextline(
        page.pointer, font.pointer, line, 1, Int32(x), Int32(y + font.lineHeight), nil, nil)
      guard failure == 0 else { throw PictureError(action: "draw a line of text") }
      y += font.lineHeight * 6 / 5
    }
    for line in text.head { try put(line, tools.text, x: 110) }
    page.fill(x: 100, y: y + 16, width: Self.width - 200, height: 3)
    y += 40
    try put(text.title, tools.title, x: 150)
    y += 20
    for line in text.body { try put(line, tools.text, x: 110) }
    if Self.height - y > 260 { stamp(page, y: y + 100, &random) }
  }

  /// A signature line, and the frame of a recorder's stamp.
  private func stamp(_ page: Picture, y: Int, _ random: inout SeededRandom) {
    page.fill(x: 640, y: y, width: 480, height: 2)
    let (x, side) = (130 + random.number(0...60), 120)
    for edge in [0, side] {
      page.fill(x: x, y: y + edge, width: side * 2, height: 5)
      page.fill(x: x + edge * 2, y: y, width: 5, height: side)
    }
  }

  /// Specks of dust, and the shadow of the book's edge.
  private func soil(_ page: Picture, _ random: inout SeededRandom) {
    for _ in 0..<random.number(60...200) {
      page.fill(
        x: random.number(0...Self.width) * scale, y: random.number(0...Self.height) * scale,
        width: random.number(1...4) * scale, height: random.number(1...3) * scale)
    }
    let shadow = random.number(0...18) * scale
    page.fill(
      x: random.chance(0.5) ? 0 : Self.width * scale - shadow, y: 0, width: shadow,
      height: Self.height * scale)
  }

  private func fax(_ ink: Picture) throws(PictureError) -> [UInt8] {
    pixSetResolution(ink.pointer, Int32(resolution.rawValue), Int32(resolution.rawValue))
    return try ink.encoded("encode a page") {
      pixWriteMem($0, $1, ink.pointer, Int32(IFF_TIFF_G4))
    }
  }

  private func blackAndWhite(_ ink: Picture) throws(PictureError) -> PageImage {
    guard let data = FaxData.strip(ofTIFF: try fax(ink)) else {
      throw PictureError(action: "take the picture out of a TIFF file")
    }
    return image(.faxGroup4, data)
  }

  private func grey(
    _ ink: Picture, on paper: PaperTexture, _ random: inout SeededRandom
  ) throws(PictureError) -> PageImage {
    let scan = try paper.taking(ink, &random)
    let data = try scan.encoded("encode a page") {
      pixWriteMemJpeg($0, $1, scan.pointer, 85, 0)
    }
    return image(.jpeg, data)
  }

  private func image(_ encoding: PageImage.Encoding, _ data: [UInt8]) -> PageImage {
    PageImage(
      width: Self.width * scale, height: Self.height * scale, resolution: resolution.rawValue,
      encoding: encoding, data: data)
  }
}

/// Leptonica could not do something; it says no more than that.
struct PictureError: Error, Sendable, Equatable, CustomStringConvertible {
  /// What it was to do: `draw a line of text`.
  let action: String
  var description: String { "Leptonica could not \(action)" }
}

/// The owner of an image of Leptonica. Not `Sendable`: its count of references is not atomic.
final class Picture {
  let pointer: UnsafeMutablePointer<PIX>

  /// Takes over what a call returned.
  init(_ action: String, _ pointer: UnsafeMutablePointer<PIX>?) throws(PictureError) {
    guard let pointer else { throw PictureError(action: action) }
    self.pointer = pointer
  }

  /// An empty image, 1 or 8 bits a pixel.
  convenience init(width: Int, height: Int, depth: Int32) throws(PictureError) {
    try self.init("make an image", pixCreate(Int32(width), Int32(height), depth))
  }

  deinit {
    var pointer: UnsafeMutablePointer<PIX>? = pointer
    pixDestroy(&pointer)
  }

  /// Blackens a rectangle; what lies outside is cut off. Images of one bit only.
  func fill(x: Int, y: Int, width: Int, height: Int) {
    pixRasterop(
      pointer, Int32(x), Int32(y), Int32(width), Int32(height), PIX_SET, nil, 0, 0)
  }

  /// The image in a file format (`IFF_TIFF_G4`, …).
  func encoded(
    _ action: String,
    _ write: (UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>, UnsafeMutablePointer<Int>)
      -> l_ok
  ) throws(PictureError) -> [UInt8] {
    var data: UnsafeMutablePointer<UInt8>?
    var size = 0
    let failure = write(&data, &size)
    defer { lept_free(data) }
    guard failure == 0, let data else { throw PictureError(action: action) }
    return Array(UnsafeBufferPointer(start: data, count: size))
  }
}

/// The owner of one of the fonts that Leptonica brings along.
final class Font {
  let pointer: UnsafeMutablePointer<L_BMF>

  /// `size` is even, from 4 to 20; a line of size 8 is 33 pixels high.
  init(size: Int32) throws(PictureError) {
    guard let pointer = bmfCreate(nil, size) else { throw PictureError(action: "make a font") }
    self.pointer = pointer
  }

  deinit {
    var pointer: UnsafeMutablePointer<L_BMF>? = pointer
    bmfDestroy(&pointer)
  }

  /// Height of a line in pixels.
  var lineHeight: Int { Int(pointer.pointee.lineheight) }
}
