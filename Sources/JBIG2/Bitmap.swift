/// A bilevel image: rows from the top, eight pixels a byte, the leftmost in the highest bit, 1 is
/// black. Each row begins with a byte of its own; what is left over in its last byte is 0.
public struct Bitmap: Sendable, Equatable {
  /// Pixels in a row, 1 or more.
  public let width: Int
  /// Rows, 1 or more.
  public let height: Int
  /// ``stride`` bytes for each row.
  public let bytes: [UInt8]

  /// Bytes of a row.
  public var stride: Int { Self.stride(width) }

  /// Bytes that a row of so many pixels takes.
  public static func stride(_ width: Int) -> Int { (width + 7) / 8 }

  /// A bitmap of the first `height` rows in `bytes`; `nil` where they are not there, or where a side
  /// is not 1 to 2^31 - 1 pixels. Bits beyond the width are cleared.
  public init?(width: Int, height: Int, bytes: [UInt8]) {
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
