/// An indirect object's number and generation.
package struct ObjectID: Sendable, Hashable {
  package let number: Int32
  package let generation: Int32

  package init(number: Int32, generation: Int32 = 0) {
    (self.number, self.generation) = (number, generation)
  }
}

/// What a document says of an image, and how it uses it. Pure data; nothing is decoded for it.
package struct ImageDescription: Sendable, Equatable {
  /// What its samples stand for.
  package enum Colour: Sendable, Equatable {
    /// One sample, grey.
    case grey
    /// Three samples.
    case rgb
    /// Four samples: inks.
    case cmyk
    /// One sample, the index of a colour of the palette.
    case indexed(palette: [UInt8], isGrey: Bool)
    /// One sample that stands for something else: a spot colour, a palette of calibrated colours.
    case single
    /// Nothing is said: a JPEG 2000 image says itself what its samples are.
    case unnamed
    /// Anything else, of any number of samples.
    case other

    /// Samples in a pixel; `nil` where that is not known.
    package var samples: Int? {
      switch self {
      case .grey, .indexed, .single: 1
      case .rgb: 3
      case .cmyk: 4
      case .unnamed, .other: nil
      }
    }
  }

  package let id: ObjectID
  /// Pixels in a row.
  package var width: Int
  /// Rows.
  package var height: Int
  package var bits: Int
  /// What the samples stand for.
  package var colour: Colour
  /// Whether its samples have to stay as they are: it is a stencil or a mask, or has a mask that
  /// depends on them (a colour that is not drawn, or colours that were multiplied by the mask).
  package var isFixed = false
  /// Whether samples are mapped in an unusual way.
  package var hasDecode = false
  /// The filters, the outermost first; `nil` where they make no sense.
  package var filters: [StreamFilter]?
  /// The largest size at which a page draws it; `nil` where that cannot be said.
  package var drawn: DrawnSize?
  /// The least part of its width and height that it may be brought down to, so that the page that it
  /// fills can still be read whatever size that page says it has; 0 for what fills none.
  package var minimumScale = 0.0

  package init(
    id: ObjectID, width: Int, height: Int, bits: Int, colour: Colour,
    filters: [StreamFilter]? = [], drawn: DrawnSize? = nil
  ) {
    self.id = id
    self.width = width
    self.height = height
    self.bits = bits
    self.colour = colour
    self.filters = filters
    self.drawn = drawn
  }

  /// Dots per inch where it is drawn largest, in the direction that has fewer; `nil` where that
  /// cannot be said.
  package var resolution: Double? {
    guard let drawn, drawn.width > 0, drawn.height > 0 else { return nil }
    return 72 * min(Double(width) / drawn.width, Double(height) / drawn.height)
  }
}

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
