/// How far an image may be brought down on a page that it fills. Pure.
///
/// Pages often say a wrong size: mortgage papers of 1,673 by 2,300 pixels on a page of 2.8 by 3.8 inches
/// would be brought down, at 150 dots an inch, to 419 by 575, and never be read again.
enum Legibility {
  /// Pixels of the shorter and the longer side of a scanned page that can be read: letter paper at 150
  /// dots an inch.
  private static let floor = (shorter: 1275.0, longer: 1650.0)

  /// The least scale of an image of so many pixels that is drawn at `drawn` on a page of `page`, both in
  /// points.
  static func minimumScale(
    width: Int, height: Int, drawn: DrawnSize, on page: DrawnSize
  ) -> Double {
    let (width, height) = (Double(width), Double(height))
    guard width > 0, height > 0, drawn.width > 0, drawn.height > 0 else { return 0 }
    let (shorter, longer) = (min(page.width, page.height), max(page.width, page.height))
    if 2 * drawn.width * drawn.height >= shorter * longer {
      return scale(min(width, height), max(width, height))
    }
    // A strip of a scan, many of which make the page: what counts are the pixels of all together.
    guard 2 * max(drawn.width, drawn.height) >= shorter else { return 0 }
    let density = min(width / drawn.width, height / drawn.height)
    return scale(shorter * density, longer * density)
  }

  private static func scale(_ shorter: Double, _ longer: Double) -> Double {
    min(1, max(floor.shorter / shorter, floor.longer / longer))
  }
}
