/// How a stream is coded (ISO 32000-1, 7.4).
package enum StreamFilter: Sendable, Equatable {
  /// `FlateDecode`, with what a predictor did before (7.4.4.4).
  case flate(Predictor?)
  /// `LZWDecode`, with what a predictor did before, and whether codes grow one code early.
  case lzw(Predictor?, isEarly: Bool)
  /// `RunLengthDecode`.
  case runLength
  /// `ASCII85Decode`.
  case ascii85
  /// `ASCIIHexDecode`.
  case asciiHex
  /// `DCTDecode`. What the parameters say of three or four components (7.4.8): 1 that they are luminance and
  /// differences of colour, 0 that they are not; `nil` where they say nothing.
  case dct(transform: Int?)
  /// `CCITTFaxDecode`.
  case ccitt(Fax)
  /// `JPXDecode`.
  case jpx
  /// `JBIG2Decode`, with the stream that holds what several images share.
  case jbig2(globals: ObjectID?)
  /// Any other.
  case other(String)

  /// The parameters of a predictor.
  package struct Predictor: Sendable, Equatable {
    /// 2 is TIFF's, 10 and more are PNG's.
    package var kind: Int
    package var colours: Int
    package var bits: Int
    /// Pixels in a row.
    package var columns: Int

    package init(kind: Int, colours: Int = 1, bits: Int = 8, columns: Int = 1) {
      (self.kind, self.colours, self.bits, self.columns) = (kind, colours, bits, columns)
    }
  }

  /// The parameters of fax data (7.4.6).
  package struct Fax: Sendable, Equatable {
    /// Less than 0 is Group 4.
    package var k: Int
    /// Pixels in a row.
    package var columns: Int
    /// Whether a 1 is black.
    package var blackIs1: Bool
    /// Whether rows begin with a byte of their own.
    package var hasAlignedRows: Bool
    /// Whether an end of a line is before each row for certain; it may be there in any case.
    package var hasEndsOfLine: Bool

    /// Fax data, by default as a PDF has it by default.
    package init(
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

  /// Whether it codes bytes of any kind, so that ``undone(_:limit:)`` can undo it.
  package var isGeneral: Bool {
    switch self {
    case .flate, .lzw, .runLength, .ascii85, .asciiHex: true
    case .dct, .ccitt, .jpx, .jbig2, .other: false
    }
  }

  /// What `bytes` were before; `nil` where they are damaged, hold more than `limit`, or are coded for images.
  package func undone(_ bytes: [UInt8], limit: Int) -> [UInt8]? {
    switch self {
    case .flate(let predictor):
      predicted(predictor, limit: limit) { Flate.inflate(bytes, limit: $0) }
    case .lzw(let predictor, let isEarly):
      predicted(predictor, limit: limit) { LZW.decode(bytes, isEarly: isEarly, limit: $0) }
    case .runLength: RunLength.decode(bytes, limit: limit)
    case .ascii85: ASCIIFilters.decode85(bytes, limit: limit)
    case .asciiHex: ASCIIFilters.decodeHex(bytes, limit: limit)
    case .dct, .ccitt, .jpx, .jbig2, .other: nil
    }
  }

  private func predicted(
    _ predictor: Predictor?, limit: Int, _ decode: (Int) -> [UInt8]?
  ) -> [UInt8]? {
    guard let predictor else { return decode(limit) }
    // A predictor of PNG adds a byte to each row, which has one at least.
    let (double, isHuge) = limit.multipliedReportingOverflow(by: 2)
    return decode(isHuge ? .max : double).flatMap(predictor.undone)
  }
}
