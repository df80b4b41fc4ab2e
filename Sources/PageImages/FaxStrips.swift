import PDF

/// Fax data in strips, put together to the data of one picture.
enum FaxStrips {
  /// `nil` where that cannot be done without guessing: data that are damaged, or end otherwise than is usual.
  ///
  /// Rows of one dimension stand for themselves, so that their strips are put one behind the other. In Group 4 a row
  /// is coded by the row above (ITU-T T.6, 2.2), which for the first of a strip is white, and then is the last of the
  /// strip before: that row is coded anew, and all others are carried over bit by bit.
  static func joined(_ strips: [(bytes: [UInt8], rows: Int)], _ fax: StreamFilter.Fax) -> [UInt8]? {
    var target = BitWriter()
    var above: [Int] = []
    for (index, strip) in strips.enumerated() {
      var reader = FaxReader(bytes: strip.bytes, width: fax.columns, fax: fax)
      guard reader.readRow() else { return nil }
      if fax.k < 0 { target.write(row: reader.changes, above: above, width: fax.columns) }
      let start = fax.k < 0 ? reader.position : 0
      for _ in 1..<max(1, strip.rows) {
        guard reader.readRow() else { return nil }
      }
      guard reader.isAtEnd else { return nil }
      above = reader.changes
      if fax.k < 0 {
        target.write(strip.bytes, start..<reader.position)
        continue
      }
      // Ends of lines in a row would end the picture.
      let isLast = index == strips.count - 1
      guard isLast || strip.bytes.count * 8 - reader.position < 8 else { return nil }
      target.write(strip.bytes, 0..<(strip.bytes.count * 8))
    }
    if fax.k < 0 {
      for _ in 0..<2 { target.write(1, 12) }
    }
    return target.finish()
  }
}

/// Bits one after the other, the highest of each byte first.
private struct BitWriter {
  private var bytes: [UInt8] = []
  private var (bits, count) = (0, 0)

  /// The lowest `length` bits of a value, 24 at most.
  mutating func write(_ value: Int, _ length: Int) {
    bits = bits << length | value & (1 << length - 1)
    count += length
    while count >= 8 {
      count -= 8
      bytes.append(UInt8(truncatingIfNeeded: bits >> count))
    }
    bits &= 1 << count - 1
  }

  /// Bits of other data.
  mutating func write(_ source: [UInt8], _ range: Range<Int>) {
    var position = range.lowerBound
    while position < range.upperBound {
      let offset = position % 8
      let length = min(8 - offset, range.upperBound - position)
      write(Int(source[position / 8]) >> (8 - offset - length), length)
      position += length
    }
  }

  /// With zeros up to a whole byte.
  consuming func finish() -> [UInt8] { count > 0 ? bytes + [UInt8(bits << (8 - count))] : bytes }

  /// A row by the one above it (T.6, 2.2.5). Both are lists of where the colour changes, to black first.
  mutating func write(row: [Int], above: [Int], width: Int) {
    func place(_ changes: [Int], _ index: Int) -> Int {
      index < changes.count ? changes[index] : width
    }
    var (a0, isBlack) = (-1, false)
    while a0 < width {
      let next = FaxCodes.firstChange(in: row, after: a0, toBlack: !isBlack)
      let reference = FaxCodes.firstChange(in: above, after: a0, toBlack: !isBlack)
      let (a1, b1, b2) = (
        place(row, next), place(above, reference), place(above, reference + 1)
      )
      if b2 < a1 {
        write(0b0001, 4)
        a0 = b2
      } else if let code = Self.vertical[a1 - b1] {
        write(code.bits, code.length)
        a0 = a1
        isBlack.toggle()
      } else {
        let a2 = place(row, next + 1)
        write(0b001, 3)
        write(run: a1 - max(a0, 0), isBlack)
        write(run: a2 - a1, !isBlack)
        a0 = a2
      }
    }
  }

  private static let vertical: [Int: (bits: Int, length: Int)] = [
    0: (1, 1), 1: (0b011, 3), -1: (0b010, 3), 2: (0b000011, 6), -2: (0b000010, 6),
    3: (0b0000011, 7), -3: (0b0000010, 7),
  ]

  private mutating func write(run: Int, _ isBlack: Bool) {
    let codes = isBlack ? Self.black : Self.white
    var left = run
    while left >= 64 {
      let part = min(2560, left / 64 * 64)
      write(codes[part].bits, codes[part].length)
      left -= part
    }
    write(codes[left].bits, codes[left].length)
  }

  private static let white = codes(FaxCodes.white)
  private static let black = codes(FaxCodes.black)

  /// The codes by the runs for which they stand.
  private static func codes(_ table: [FaxCodes.Code]) -> [(bits: Int, length: Int)] {
    var codes = [(bits: Int, length: Int)](repeating: (0, 0), count: 2561)
    for (index, code) in table.enumerated() where code.bits > 0 {
      codes[Int(code.run)] = (index >> (FaxCodes.window - Int(code.bits)), Int(code.bits))
    }
    return codes
  }
}
