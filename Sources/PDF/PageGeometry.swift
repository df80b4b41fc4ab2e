import CQPDF
import Glibc

/// A rectangle in points, its corners in order.
package struct Rectangle: Sendable, Equatable {
  package var left: Double
  /// Its lower edge.
  package var bottom: Double
  package var right: Double
  package var top: Double

  /// The rectangle between two opposite corners, in whatever order (ISO 32000-1, 7.9.5).
  package init(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double) {
    (left, right) = (min(x1, x2), max(x1, x2))
    (bottom, top) = (min(y1, y2), max(y1, y2))
  }

  /// Distance of its left and right edges.
  package var width: Double { right - left }
  /// Distance of its lower and upper edges.
  package var height: Double { top - bottom }

  func intersection(_ other: Rectangle) -> Rectangle? {
    let (left, right) = (max(left, other.left), min(right, other.right))
    let (bottom, top) = (max(bottom, other.bottom), min(top, other.top))
    return left < right && bottom < top ? Rectangle(left, bottom, right, top) : nil
  }
}

/// How large a page is and which way up: its boxes with what it inherits.
package struct PageGeometry: Sendable, Equatable {
  /// `/MediaBox`.
  package let mediaBox: Rectangle
  /// `/CropBox`, by default the media box.
  package let cropBox: Rectangle
  /// `/Rotate`, clockwise: 0, 90, 180 or 270.
  package let rotation: Int
  /// `/UserUnit`: the size of a unit in points.
  package let userUnit: Double

  /// A page; a crop box reaches no farther than the media box (ISO 32000-1, 14.11.2).
  package init(
    mediaBox: Rectangle, cropBox: Rectangle? = nil, rotation: Int = 0, userUnit: Double = 1
  ) {
    self.mediaBox = mediaBox
    self.cropBox = cropBox?.intersection(mediaBox) ?? mediaBox
    self.rotation = ((rotation % 360) + 360) % 360
    self.userUnit = userUnit
  }

  /// The sheet as it is shown, in points, its lower left corner at 0, 0.
  package var shownSheet: Rectangle { shown(mediaBox) }

  /// The visible part of ``shownSheet``.
  package var shownCrop: Rectangle { shown(cropBox) }

  /// A part of the page as it is shown on ``shownSheet``.
  func shown(_ box: Rectangle) -> Rectangle {
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
  /// box to 0, 0, turns the page itself instead of setting `/Rotate`, and rounds to hundredths of a
  /// point. It multiplies by `/UserUnit`, too; but readers that do not know that (pdfium) would show
  /// another size from then on.
  package func isShown(like other: PageGeometry, tolerance: Double = 0.05) -> Bool {
    func near(_ a: Rectangle, _ b: Rectangle) -> Bool {
      let differences = [
        a.left - b.left, a.bottom - b.bottom, a.right - b.right, a.top - b.top,
      ]
      return differences.allSatisfy { $0.magnitude <= tolerance }
    }
    return userUnit == other.userUnit && near(shownSheet, other.shownSheet)
      && near(shownCrop, other.shownCrop)
  }
}

extension PDFDocument {
  /// The geometry of each page, in order. Throws where a page has none that makes sense.
  package func pages() throws(PDFError) -> [PageGeometry] {
    let count = try pageCount()
    // libqpdf knows the tree; a page's own `/Parent` may lead anywhere.
    let code = qpdf_push_inherited_attributes_to_page(handle)
    try Self.check(handle, code, "read the pages")
    var pages: [PageGeometry] = []
    pages.reserveCapacity(count)
    for index in 0..<count {
      pages.append(try geometry(ofPage: index))
      releaseObjects()
    }
    return pages
  }

  private func geometry(ofPage index: Int) throws(PDFError) -> PageGeometry {
    let page = qpdf_get_page_n(handle, index)
    try check("read page \(index + 1)")
    func wrong(_ name: String) -> PDFError {
      PDFError(.damaged, "read page \(index + 1)", "its \(name) is missing or makes no sense")
    }
    guard let mediaBox = rectangle(member("/MediaBox", of: page)) else { throw wrong("MediaBox") }
    let crop = member("/CropBox", of: page)
    let cropBox = rectangle(crop)
    guard isNull(crop) || cropBox != nil else { throw wrong("CropBox") }
    let rotate = member("/Rotate", of: page)
    let rotation = isNull(rotate) ? 0 : integer(rotate)
    guard let rotation, rotation % 90 == 0 else { throw wrong("Rotate") }
    let unit = member("/UserUnit", of: page)
    let userUnit = isNull(unit) ? 1 : number(unit)
    guard let userUnit, userUnit > 0 else { throw wrong("UserUnit") }
    try check("read page \(index + 1)")
    let geometry = PageGeometry(
      mediaBox: mediaBox, cropBox: cropBox, rotation: rotation, userUnit: userUnit)
    // Numbers of 300 digits are numbers, but parts of such a page are none.
    let sheet = geometry.shownSheet
    guard sheet.width.isFinite, sheet.height.isFinite else { throw wrong("size") }
    return geometry
  }

  /// An array of four numbers that has an area, of a size that is a number.
  private func rectangle(_ object: Object) -> Rectangle? {
    guard count(object) == 4 else { return nil }
    let numbers = (0..<4).compactMap { number(element($0, of: object)) }
    guard numbers.count == 4 else { return nil }
    let rectangle = Rectangle(numbers[0], numbers[1], numbers[2], numbers[3])
    return rectangle.width > 0 && rectangle.height > 0
      && rectangle.width.isFinite && rectangle.height.isFinite ? rectangle : nil
  }
}

/// A transformation of coordinates (ISO 32000-1, 8.3.3).
package struct Matrix: Sendable, Equatable {
  var a, b, c, d, e, f: Double

  /// Changes nothing.
  package static let identity = Matrix(1, 0, 0, 1, 0, 0)

  /// `[a b c d e f]`.
  package init(_ a: Double, _ b: Double, _ c: Double, _ d: Double, _ e: Double, _ f: Double) {
    (self.a, self.b, self.c, self.d, self.e, self.f) = (a, b, c, d, e, f)
  }

  init?(_ numbers: some Collection<Double>) {
    let n = Array(numbers)
    guard n.count == 6 else { return nil }
    self.init(n[0], n[1], n[2], n[3], n[4], n[5])
  }

  /// First this one, then `other`.
  func then(_ other: Matrix) -> Matrix {
    Matrix(
      a * other.a + b * other.c, a * other.b + b * other.d,
      c * other.a + d * other.c, c * other.b + d * other.d,
      e * other.a + f * other.c + other.e, e * other.b + f * other.d + other.f)
  }

  /// How large the unit square becomes, which is what an image is drawn on (8.9.5.1).
  package var unitSquare: DrawnSize { DrawnSize(width: hypot(a, b), height: hypot(c, d)) }

  /// The upright rectangle around what the unit square becomes.
  var unitSquareBounds: Rectangle {
    Rectangle(
      e + min(a, 0) + min(c, 0), f + min(b, 0) + min(d, 0),
      e + max(a, 0) + max(c, 0), f + max(b, 0) + max(d, 0))
  }
}

/// How large an image is drawn, in points.
package struct DrawnSize: Sendable, Equatable {
  /// Along its rows.
  package var width: Double
  /// Along its columns.
  package var height: Double

  package init(width: Double, height: Double) { (self.width, self.height) = (width, height) }

  /// The larger of each side.
  func union(_ other: DrawnSize) -> DrawnSize {
    DrawnSize(width: max(width, other.width), height: max(height, other.height))
  }
}
