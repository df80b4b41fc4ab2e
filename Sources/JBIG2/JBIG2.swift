/// Writes JBIG2 as it is embedded in a PDF (ISO 32000-1, 7.4.7): segments without a file header,
/// and without the segments that end a page or a file. Lossless always: no symbols are matched.
package enum JBIG2 {
  /// The stream of a page that shows `bitmap`: what it is, and one generic region.
  package static func encode(_ bitmap: Bitmap) -> [UInt8] {
    let size = word(bitmap.width) + word(bitmap.height)
    // Page information (T.88, 7.4.8): unknown resolution; lossless, at first white, not striped.
    let page = size + word(0) + word(0) + [0x01, 0, 0]
    // Region information (7.4.1) at 0, 0; then flags (7.4.6.2: arithmetic coding, template 0,
    // typical prediction) and the four adaptive pixels where they nominally are (7.4.6.3).
    let region = size + word(0) + word(0) + [0, 0x08, 3, 0xFF, 0xFD, 0xFF, 2, 0xFE, 0xFE, 0xFE]
    return segment(0, type: 48, page) + segment(1, type: 38, region + GenericRegion.encode(bitmap))
  }

  /// A segment of page 1 that refers to no other (7.2).
  private static func segment(_ number: Int, type: UInt8, _ data: [UInt8]) -> [UInt8] {
    word(number) + [type, 0, 1] + word(data.count) + data
  }

  private static func word(_ value: Int) -> [UInt8] {
    [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
  }
}

/// A bilevel image: rows from the top, eight pixels a byte, the leftmost in the highest bit, 1 is
/// black. Each row begins with a byte of its own; what is left over in its last byte is 0.
package struct Bitmap: Sendable, Equatable {
  /// Pixels in a row, 1 or more.
  package let width: Int
  /// Rows, 1 or more.
  package let height: Int
  /// ``stride`` bytes for each row.
  package let bytes: [UInt8]

  /// Bytes of a row.
  package var stride: Int { Self.stride(width) }

  /// Bytes that a row of so many pixels takes.
  package static func stride(_ width: Int) -> Int { (width + 7) / 8 }

  /// A bitmap of the first `height` rows in `bytes`; `nil` where they are not there, or where a side
  /// is not 1 to 2^31 - 1 pixels. Bits beyond the width are cleared.
  package init?(width: Int, height: Int, bytes: [UInt8]) {
    let sides = 1...Int(Int32.max)
    guard sides.contains(width), sides.contains(height) else { return nil }
    let stride = Self.stride(width)
    let (count, overflow) = stride.multipliedReportingOverflow(by: height)
    guard !overflow, bytes.count >= count else { return nil }
    var bytes = bytes
    bytes.removeSubrange(count...)
    if width % 8 != 0 {
      let mask = UInt8(truncatingIfNeeded: 0xFF00 >> (width % 8))
      for last in Swift.stride(from: stride - 1, to: count, by: stride) { bytes[last] &= mask }
    }
    self.width = width
    self.height = height
    self.bytes = bytes
  }
}
