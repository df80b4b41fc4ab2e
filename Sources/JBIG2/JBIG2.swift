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

/// The generic region of ITU-T T.88, 6.2: each pixel is coded by what is around it.
///
/// Template 0 with its adaptive pixels where they nominally are (6.2.5.3, Figure 3) sees 16
/// neighbours: five of the row above the last, seven of the last row, four of this one. A row that
/// equals the one above takes one decision (typical prediction, 6.2.5.7).
enum GenericRegion {
  /// The context in which "this row is typical" is coded, a picture of its own (Figure 8).
  private static let typicalContext = 0x9B25

  /// The arithmetically coded data of a bitmap.
  static func encode(_ bitmap: Bitmap) -> [UInt8] {
    var encoder = ArithmeticEncoder(contexts: 1 << 16)
    let lines = Lines(stride: bitmap.stride)
    var wasTypical = false
    bitmap.bytes.withUnsafeBufferPointer { bytes in
      guard let start = bytes.baseAddress else { return }
      for row in 0..<bitmap.height {
        encoder.reserve(decisions: bitmap.width + 1)
        let isTypical = lines.advance(to: start + row * bitmap.stride)
        encoder.encode(isTypical == wasTypical ? 0 : 1, in: typicalContext)
        wasTypical = isTypical
        if !isTypical { encode(lines, row, width: bitmap.width, with: &encoder) }
      }
    }
    return encoder.finish()
  }

  @inline(__always)
  private static func encode(
    _ lines: borrowing Lines, _ row: Int, width: Int, with encoder: inout ArithmeticEncoder
  ) {
    let (two, one, this) = lines.pointers
    // The byte before, the one at hand (bits 15 to 8) and the one after it.
    var above2 = UInt32(two[0]) << 8
    var above1 = UInt32(one[0]) << 8
    var current = UInt32(this[0]) << 8
    var blank = 0
    for index in 0..<(width + 7) / 8 {
      above2 = (above2 | UInt32(two[index + 1])) & 0xFF_FFFF
      above1 = (above1 | UInt32(one[index + 1])) & 0xFF_FFFF
      let pixels = min(8, width &- index &* 8)
      if above2 | above1 | current == 0 {
        blank &+= pixels
      } else {
        if blank > 0 { encoder.encode(0, in: 0, times: blank) }
        blank = 0
        for pixel in 0..<UInt32(truncatingIfNeeded: pixels) {
          let context =
            (above2 &>> (13 &- pixel) & 0x1F) &<< 11 | (above1 &>> (12 &- pixel) & 0x7F) &<< 4
            | current &>> (16 &- pixel) & 0xF
          encoder.encode(
            UInt8(truncatingIfNeeded: current &>> (15 &- pixel) & 1),
            in: Int(truncatingIfNeeded: context))
        }
      }
      above2 &<<= 8
      above1 &<<= 8
      current = (current | UInt32(this[index + 1])) &<< 8 & 0xFF_FFFF
    }
    if blank > 0 { encoder.encode(0, in: 0, times: blank) }
  }
}

/// The row at hand and the two above it, each with a blank byte behind it. Pixels outside of the
/// bitmap are 0 (T.88, 6.2.5.2). Owns their memory.
private final class Lines {
  private let stride: Int
  private let memory: UnsafeMutablePointer<UInt8>
  private(set) var pointers:
    (
      two: UnsafeMutablePointer<UInt8>, one: UnsafeMutablePointer<UInt8>,
      this: UnsafeMutablePointer<UInt8>
    )

  init(stride: Int) {
    self.stride = stride
    memory = .allocate(capacity: 3 * (stride + 1))
    memory.initialize(repeating: 0, count: 3 * (stride + 1))
    pointers = (memory, memory + (stride + 1), memory + 2 * (stride + 1))
  }

  deinit { memory.deallocate() }

  /// Takes the next row. Whether it equals the one before; the row before the first is blank.
  func advance(to row: UnsafePointer<UInt8>) -> Bool {
    pointers = (pointers.one, pointers.this, pointers.two)
    pointers.this.update(from: row, count: stride)
    return (0..<stride).allSatisfy { pointers.this[$0] == pointers.one[$0] }
  }
}
