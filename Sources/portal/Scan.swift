/// A PDF and the validator that stands for its bytes.
struct Scan: Sendable, Equatable {
  let bytes: [UInt8]
  /// A strong entity tag, with its quotes.
  let tag: String

  init(_ bytes: [UInt8]) {
    self.bytes = bytes
    tag = "\"\(String(Self.fingerprint(bytes), radix: 16))-\(bytes.count)\""
  }

  /// FNV-1a over words of eight bytes: quick, and good enough to tell samples apart.
  private static func fingerprint(_ bytes: [UInt8]) -> UInt64 {
    bytes.withUnsafeBytes { raw in
      var hash: UInt64 = 0xCBF2_9CE4_8422_2325
      var offset = 0
      while offset + 8 <= raw.count {
        let word = raw.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
        hash = (hash ^ word) &* 0x0000_0100_0000_01B3
        // The prime alone carries nothing from the upper half of a word to the lower.
        hash ^= hash >> 32
        offset += 8
      }
      for byte in raw[offset...] { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
      return hash
    }
  }
}
