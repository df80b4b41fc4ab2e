/// How far an image may be brought down on a page that it fills. Pure.
///
/// Pages often say a wrong size: mortgage papers of 1,673 by 2,300 pixels on a page of 2.8 by 3.8 inches
/// would be brought down, at 150 dots an inch, to 419 by 575, and never be read again.
enum Legibility {
  /// Pixels of the shorter and the longer side of a scanned page that can be read: letter paper at 150
  /// dots an inch.
  private static let floor = (shorter: 1275.0, longer: 1650.0)

  /// The least scale of an image of so many pixels that is drawn at `drawn` on a page whose visible part is
  /// `page`, where all images together cover `covered`; in points, and square points.
  static func minimumScale(
    width: Int, height: Int, drawn: DrawnSize, on page: DrawnSize, covered: Double = 0
  ) -> Double {
    guard width > 0, height > 0, drawn.width > 0, drawn.height > 0 else { return 0 }
    let (shorter, longer) = (min(page.width, page.height), max(page.width, page.height))
    let density = min(Double(width) / drawn.width, Double(height) / drawn.height)
    if 2 * drawn.width * drawn.height >= shorter * longer {
      // Only what is visible counts, where it reaches beyond the page.
      return scale(
        min(min(drawn.width, drawn.height), shorter) * density,
        min(max(drawn.width, drawn.height), longer) * density)
    }
    // A strip or a tile of a scan, many of which make the page: what counts are the pixels of all together.
    let isPart = 2 * max(drawn.width, drawn.height) >= shorter || 2 * covered >= shorter * longer
    return isPart ? scale(shorter * density, longer * density) : 0
  }

  private static func scale(_ shorter: Double, _ longer: Double) -> Double {
    shorter > 0 && longer > 0 ? min(1, max(floor.shorter / shorter, floor.longer / longer)) : 0
  }
}
