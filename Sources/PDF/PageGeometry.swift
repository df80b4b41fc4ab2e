/// A rectangle in points, its corners in order.
public struct Rectangle: Sendable, Equatable {
  /// Its left edge.
  public var left: Double
  /// Its lower edge.
  public var bottom: Double
  /// Its right edge.
  public var right: Double
  /// Its upper edge.
  public var top: Double

  /// The rectangle between two opposite corners, in whatever order (ISO 32000-1, 7.9.5).
  public init(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double) {
    (left, right) = (min(x1, x2), max(x1, x2))
    (bottom, top) = (min(y1, y2), max(y1, y2))
  }

  /// Distance of its left and right edges.
  public var width: Double { right - left }
  /// Distance of its lower and upper edges.
  public var height: Double { top - bottom }

  func intersection(_ other: Rectangle) -> Rectangle? {
    let (left, right) = (max(left, other.left), min(right, other.right))
    let (bottom, top) = (max(bottom, other.bottom), min(top, other.top))
    return left < right && bottom < top ? Rectangle(left, bottom, right, top) : nil
  }
}

/// How large a page is and which way up: its boxes with what it inherits.
public struct PageGeometry: Sendable, Equatable {
  /// `/MediaBox`.
  public let mediaBox: Rectangle
  /// `/CropBox`, by default the media box.
  public let cropBox: Rectangle
  /// `/Rotate`, clockwise: 0, 90, 180 or 270.
  public let rotation: Int
  /// `/UserUnit`: the size of a unit in points.
  public let userUnit: Double

  /// A page; a crop box reaches no farther than the media box (ISO 32000-1, 14.11.2).
  public init(
    mediaBox: Rectangle, cropBox: Rectangle? = nil, rotation: Int = 0, userUnit: Double = 1
  ) {
    self.mediaBox = mediaBox
    self.cropBox = cropBox?.intersection(mediaBox) ?? mediaBox
    self.rotation = ((rotation % 360) + 360) % 360
    self.userUnit = userUnit
  }

  /// The sheet as it is shown, in points, its lower left corner at 0, 0.
  public var shownSheet: Rectangle { shown(mediaBox) }

  /// The visible part of ``shownSheet``.
  public var shownCrop: Rectangle { shown(cropBox) }

  private func shown(_ box: Rectangle) -> Rectangle {
    let (left, right) = (box.left - mediaBox.left, box.right - mediaBox.left)
    let (bottom, top) = (box.bottom - mediaBox.bottom, box.top - mediaBox.bottom)
    let (width, height) = (mediaBox.width, mediaBox.height)
    func scaled(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double) -> Rectangle {
      Rectangle(x1 * userUnit, y1 * userUnit, x2 * userUnit, y2 * userUnit)
    }
    return switch rotation {
    case 90: scaled(bottom, width - right, top, width - left)
    case 180: scaled(width - right, height - top, width - left, height - bottom)
    case 270: scaled(height - top, left, height - bottom, right)
    default: scaled(left, bottom, right, top)
    }
  }

  /// Whether a reader sees a page of the same size, cut at the same edges and the same way up.
  ///
  /// Boxes are compared as they are shown, because Ghostscript's `pdfwrite` (10.00) moves each media
  /// box to 0, 0, turns the page itself instead of setting `/Rotate`, multiplies by `/UserUnit`,
  /// and rounds to hundredths of a point.
  public func isShown(like other: PageGeometry, tolerance: Double = 0.05) -> Bool {
    func near(_ a: Rectangle, _ b: Rectangle) -> Bool {
      let differences = [
        a.left - b.left, a.bottom - b.bottom, a.right - b.right, a.top - b.top,
      ]
      return differences.allSatisfy { $0.magnitude <= tolerance }
    }
    return near(shownSheet, other.shownSheet) && near(shownCrop, other.shownCrop)
  }
}
