import CCRC32C

/// A running CRC32C: what Google Cloud Storage keeps of every object. It finds what went wrong on the
/// way, at a tenth of MD5's cost, and cannot tell apart what was made to be taken for the same.
public struct CRC32C: Sendable {
  private var value: UInt32 = 0

  /// The checksum of nothing yet.
  public init() {}

  /// Adds bytes.
  public mutating func update(_ bytes: UnsafeRawBufferPointer) {
    value = conveyor_crc32c(value, bytes.baseAddress, bytes.count)
  }

  /// Its four bytes, the highest first, as Google writes them.
  public var bytes: [UInt8] { withUnsafeBytes(of: value.bigEndian) { Array($0) } }

  /// The same in lower-case hexadecimal digits.
  public var hex: String { Digest.hex(bytes) }
}
