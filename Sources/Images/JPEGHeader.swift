/// What a JPEG says of itself before its data (ITU-T T.81, B.2).
struct JPEGHeader: Equatable {
  let width: Int
  let height: Int
  let components: Int
  /// The sum of the first table of quantization: how coarse its luminance is. `nil` where it has
  /// none of 8 bits.
  private(set) var coarseness: Int?

  /// `nil` where there is no frame of 8-bit samples in a mode that libjpeg reads.
  init?(_ bytes: [UInt8]) {
    guard bytes.starts(with: [0xFF, 0xD8]) else { return nil }
    var index = 2
    func word(_ at: Int) -> Int { Int(bytes[at]) << 8 | Int(bytes[at + 1]) }
    while index + 9 < bytes.count {
      guard bytes[index] == 0xFF else { return nil }
      let marker = bytes[index + 1]
      switch marker {
      case 0xFF: index += 1  // Fill bytes.
      case 0x01, 0xD0...0xD7: index += 2
      case 0xC0, 0xC1, 0xC2:  // Baseline, extended sequential, progressive.
        guard bytes[index + 4] == 8 else { return nil }
        height = word(index + 5)
        width = word(index + 7)
        components = Int(bytes[index + 9])
        return
      case 0xC3, 0xC5...0xC7, 0xC9...0xCB, 0xCD...0xCF, 0xD8...0xDA: return nil
      default:
        if marker == 0xDB, bytes[index + 4] == 0, index + 69 < bytes.count {
          coarseness = bytes[(index + 5)..<(index + 69)].reduce(0) { $0 + Int($1) }
        }
        index += 2 + word(index + 2)
      }
    }
    return nil
  }

  /// Whether it keeps at least twice as much of its luminance as libjpeg's tables do at `quality`.
  func isFiner(than quality: Int) -> Bool {
    // libjpeg's scale of the tables (jpeg_quality_scaling).
    let percent = quality < 50 ? 5000 / max(1, quality) : 200 - 2 * quality
    return coarseness.map { 2 * $0 * 100 <= Self.standard * percent } ?? false
  }

  /// The sum of the table in ITU-T T.81, K.1.
  private static let standard = 3688
}
