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
