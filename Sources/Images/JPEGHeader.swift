/// What a JPEG says of itself before its data (ITU-T T.81, B.2.2).
struct JPEGHeader: Equatable {
  let width: Int
  let height: Int
  let components: Int

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
      default: index += 2 + word(index + 2)
      }
    }
    return nil
  }
}
