import Testing

@testable import PDF

@Suite("How far a scan may be brought down")
struct LegibilityTests {
  static let letter = DrawnSize(width: 612, height: 792)

  static let cases:
    [(name: String, pixels: (Int, Int), drawn: DrawnSize, page: DrawnSize, scale: Double)] = [
      ("letter at 300 dpi", (2550, 3300), letter, letter, 0.5),
      ("letter at 600 dpi", (5100, 6600), letter, letter, 0.25),
      (
        "letter at 300 dpi, turned", (3300, 2550), DrawnSize(width: 792, height: 612), letter, 0.5
      ),
      (
        "a page that says it is tiny", (1673, 2300), DrawnSize(width: 201, height: 276),
        DrawnSize(width: 201, height: 276), 1275.0 / 1673
      ),
      ("few pixels", (800, 1000), letter, letter, 1),
      (
        "a strip of eight", (2550, 412), DrawnSize(width: 612, height: 99), letter,
        0.5
      ),
      (
        "a strip on a tiny page", (2550, 412), DrawnSize(width: 153, height: 24.75),
        DrawnSize(width: 153, height: 198), 0.5
      ),
      ("a stamp", (600, 600), DrawnSize(width: 144, height: 144), letter, 0),
      (
        "larger than what is visible", (5100, 6600), DrawnSize(width: 1224, height: 1584), letter,
        0.5
      ),
      ("nothing", (0, 0), letter, letter, 0),
      ("drawn as a line", (100, 100), DrawnSize(width: 0, height: 100), letter, 0),
    ]

  @Test("It is never too small to be read", arguments: cases)
  func minimum(
    _ given: (name: String, pixels: (Int, Int), drawn: DrawnSize, page: DrawnSize, scale: Double)
  ) {
    let scale = Legibility.minimumScale(
      width: given.pixels.0, height: given.pixels.1, drawn: given.drawn, on: given.page)
    #expect(abs(scale - given.scale) < 0.005, "\(given.name): \(scale)")
  }

  @Test("Tiles are as sharp as the page that all of them make", arguments: [(1.0, 0.5), (0.4, 0)])
  func tiles(_ part: Double, scale: Double) {
    let found = Legibility.minimumScale(
      width: 256, height: 256, drawn: DrawnSize(width: 61.44, height: 61.44), on: Self.letter,
      covered: part * 612 * 792)
    #expect(abs(found - scale) < 0.005, "\(found)")
  }
}
