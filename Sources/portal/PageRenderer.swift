import CLeptonica

/// Draws pages that look scanned. Holds fonts and paper, and so belongs to one thread at a time.
final class PageRenderer {
  /// Pixels: a quarter of a letter page at 300 an inch, which keeps drawing quick.
  static let width = 1275
  static let height = 1650

  private struct Tools {
    let text: Font
    let title: Font
    let paper: Paper
  }

  private let seed: Int
  private var tools: Tools?

  /// Nothing is made before the first page is wanted.
  init(seed: Int) { self.seed = seed }

  /// A page of the document, from 1: the same bytes each time.
  func page(_ number: Int, of document: Document) throws(PictureError) -> PageImage {
    let tools = try prepared()
    var dice = Dice(seed: seed, .page, document.number * 8 + number)
    let drawn = try Picture(width: Self.width, height: Self.height, depth: 1)
    try write(DeedText(document, page: number, seed: seed), on: drawn, with: tools, &dice)
    let angle = (dice.unit() - 0.5) * 0.03
    let ink = try Picture(
      "skew a page",
      pixRotateShearCenter(drawn.pointer, Float(angle), Int32(L_BRING_IN_WHITE)))
    soil(ink, &dice)
    return isGrey(document)
      ? try grey(ink, on: tools.paper, &dice) : try blackAndWhite(ink)
  }

  private func isGrey(_ document: Document) -> Bool {
    var dice = Dice(seed: seed, .appearance, document.number)
    return dice.chance(0.5)
  }

  private func prepared() throws(PictureError) -> Tools {
    if let tools { return tools }
    let made = Tools(
      text: try Font(size: 8), title: try Font(size: 14),
      paper: try Paper(seed: seed, width: Self.width, height: Self.height))
    tools = made
    return made
  }

  private func write(
    _ text: DeedText, on page: Picture, with tools: Tools, _ dice: inout Dice
  ) throws(PictureError) {
    var y = 80 + dice.number(0...30)
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
    if Self.height - y > 260 { stamp(page, y: y + 100, &dice) }
  }

  /// A signature line, and the frame of a recorder's stamp.
  private func stamp(_ page: Picture, y: Int, _ dice: inout Dice) {
    page.fill(x: 640, y: y, width: 480, height: 2)
    let (x, side) = (130 + dice.number(0...60), 120)
    for edge in [0, side] {
      page.fill(x: x, y: y + edge, width: side * 2, height: 5)
      page.fill(x: x + edge * 2, y: y, width: 5, height: side)
    }
  }

  /// Specks of dust, and the shadow of the book's edge.
  private func soil(_ page: Picture, _ dice: inout Dice) {
    for _ in 0..<dice.number(60...200) {
      page.fill(
        x: dice.number(0...Self.width), y: dice.number(0...Self.height),
        width: dice.number(1...4), height: dice.number(1...3))
    }
    let shadow = dice.number(0...18)
    page.fill(
      x: dice.chance(0.5) ? 0 : Self.width - shadow, y: 0, width: shadow, height: Self.height)
  }

  private func blackAndWhite(_ ink: Picture) throws(PictureError) -> PageImage {
    let file = try ink.encoded("encode a page") {
      pixWriteMem($0, $1, ink.pointer, Int32(IFF_TIFF_G4))
    }
    guard let data = FaxData.strip(ofTIFF: file) else {
      throw PictureError(action: "take the picture out of a TIFF file")
    }
    return PageImage(
      width: Self.width, height: Self.height, encoding: .faxGroup4, data: data)
  }

  private func grey(
    _ ink: Picture, on paper: Paper, _ dice: inout Dice
  ) throws(PictureError) -> PageImage {
    let scan = try paper.taking(ink, &dice)
    let data = try scan.encoded("encode a page") {
      pixWriteMemJpeg($0, $1, scan.pointer, 85, 0)
    }
    return PageImage(width: Self.width, height: Self.height, encoding: .jpeg, data: data)
  }
}
