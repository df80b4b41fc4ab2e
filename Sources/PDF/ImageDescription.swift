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
