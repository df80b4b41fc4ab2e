/// An indirect object's number and generation.
public struct ObjectID: Sendable, Hashable {
  /// Its number.
  public let number: Int32
  /// Its generation.
  public let generation: Int32

  /// An object.
  public init(number: Int32, generation: Int32 = 0) {
    (self.number, self.generation) = (number, generation)
  }
}

/// How a stream is coded (ISO 32000-1, 7.4).
public enum StreamFilter: Sendable, Equatable {
  /// `FlateDecode`, with what a predictor did before (7.4.4.4).
  case flate(Predictor?)
  /// `DCTDecode`. Whether parameters change its meaning.
  case dct(hasParameters: Bool)
  /// `CCITTFaxDecode`.
  case ccitt(Fax)
  /// Any other.
  case other(String)

  /// The parameters of a predictor.
  public struct Predictor: Sendable, Equatable {
    /// 2 is TIFF's, 10 and more are PNG's.
    public var kind: Int
    /// Samples in a pixel.
    public var colours: Int
    /// Bits in a sample.
    public var bits: Int
    /// Pixels in a row.
    public var columns: Int

    /// A predictor.
    public init(kind: Int, colours: Int = 1, bits: Int = 8, columns: Int = 1) {
      (self.kind, self.colours, self.bits, self.columns) = (kind, colours, bits, columns)
    }
  }

  /// The parameters of fax data (7.4.6).
  public struct Fax: Sendable, Equatable {
    /// Less than 0 is Group 4.
    public var k: Int
    /// Pixels in a row.
    public var columns: Int
    /// Whether a 1 is black.
    public var blackIs1: Bool
    /// Whether rows begin with a byte of their own.
    public var hasAlignedRows: Bool
    /// Whether an end of a line is before each row for certain; it may be there in any case.
    public var hasEndsOfLine: Bool

    /// Fax data, by default as a PDF has it by default.
    public init(
      k: Int = 0, columns: Int = 1728, blackIs1: Bool = false, hasAlignedRows: Bool = false,
      hasEndsOfLine: Bool = false
    ) {
      self.k = k
      self.columns = columns
      self.blackIs1 = blackIs1
      self.hasAlignedRows = hasAlignedRows
      self.hasEndsOfLine = hasEndsOfLine
    }
  }
}

/// What a document says of an image, and how it uses it. Pure data; nothing is decoded for it.
public struct ImageDescription: Sendable, Equatable {
  /// What its samples stand for.
  public enum Colour: Sendable, Equatable {
    /// One sample, grey.
    case grey
    /// Three samples.
    case rgb
    /// One sample, the place of a colour of the palette.
    case indexed(palette: [UInt8], isGrey: Bool)
    /// Anything else.
    case other

    /// Samples in a pixel.
    public var samples: Int { self == .rgb ? 3 : 1 }
  }

  /// Which object it is.
  public let id: ObjectID
  /// Pixels in a row.
  public var width: Int
  /// Rows.
  public var height: Int
  /// Bits in a sample.
  public var bits: Int
  /// What the samples stand for.
  public var colour: Colour
  /// Whether its samples have to stay as they are: it is a stencil or a mask, or has a mask that
  /// depends on them (a colour that is not drawn, or colours that were multiplied by the mask).
  public var isFixed = false
  /// Whether samples are mapped in an unusual way.
  public var hasDecode = false
  /// The filters, the outermost first; `nil` where they make no sense.
  public var filters: [StreamFilter]?
  /// The largest size at which a page draws it; `nil` where that cannot be said.
  public var drawn: DrawnSize?
  /// The least part of its width and height that it may be brought down to, so that the page that it
  /// fills can still be read whatever size that page says it has; 0 for what fills none.
  public var minimumScale = 0.0

  /// An image.
  public init(
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
  public var resolution: Double? {
    guard let drawn, drawn.width > 0, drawn.height > 0 else { return nil }
    return 72 * min(Double(width) / drawn.width, Double(height) / drawn.height)
  }
}
