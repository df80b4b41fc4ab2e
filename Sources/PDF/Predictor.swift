/// What a predictor did to rows of samples before they were deflated, undone (ISO 32000-1, 7.4.4.4).
extension StreamFilter.Predictor {
  /// Bytes of a row without what the predictor added; `nil` for parameters that make no sense.
  package var rowBytes: Int? {
    guard (1...32).contains(colours), [1, 2, 4, 8, 16].contains(bits),
      (1...1 << 24).contains(columns)
    else { return nil }
    return (columns * colours * bits + 7) / 8
  }

  /// Whether a byte before each row names what was done to it, as PNG has it.
  package var namesRows: Bool { kind >= 10 }

  /// Undoes it on a row, in its place. `name` is the byte before the row, where it has one; `above` is the
  /// row before it, undone; zeros before the first. False where there is no such filter.
  package func undo(
    _ name: UInt8, row: UnsafeMutableBufferPointer<UInt8>, above: UnsafePointer<UInt8>
  ) -> Bool {
    if kind == 2 {
      undoDifferences(row)
      return true
    }
    return namesRows && undoPNG(name, row: row, above: above)
  }

  private func undoPNG(
    _ name: UInt8, row: UnsafeMutableBufferPointer<UInt8>, above: UnsafePointer<UInt8>
  ) -> Bool {
    let distance = max(1, (colours * bits + 7) / 8)
    let start = min(distance, row.count)
    switch name {
    case 0: break
    case 1: for index in start..<row.count { row[index] &+= row[index &- distance] }
    case 2: for index in row.indices { row[index] &+= above[index] }
    case 3:
      for index in row.indices {
        let left = index >= start ? Int(row[index &- distance]) : 0
        row[index] &+= UInt8((left &+ Int(above[index])) / 2)
      }
    case 4:
      for index in 0..<start { row[index] &+= above[index] }
      for index in start..<row.count {
        row[index] &+= Self.paeth(
          Int(row[index &- distance]), Int(above[index]), Int(above[index &- distance]))
      }
    default: return false
    }
    return true
  }

  /// Which of its neighbours a byte is foretold by (PNG, 9.4).
  private static func paeth(_ left: Int, _ up: Int, _ corner: Int) -> UInt8 {
    let estimate = left &+ up &- corner
    let (a, b, c) = (abs(estimate &- left), abs(estimate &- up), abs(estimate &- corner))
    return UInt8(a <= b && a <= c ? left : b <= c ? up : corner)
  }

  /// TIFF 6.0, section 14: each sample is the difference from the same one of the pixel before.
  private func undoDifferences(_ row: UnsafeMutableBufferPointer<UInt8>) {
    switch bits {
    case 8:
      for index in stride(from: colours, to: row.count, by: 1) {
        row[index] &+= row[index &- colours]
      }
    case 16:
      for index in stride(from: 2 * colours, to: row.count - 1, by: 2) {
        let before = index - 2 * colours
        let sum =
          (UInt16(row[index]) << 8 | UInt16(row[index + 1]))
          &+ (UInt16(row[before]) << 8 | UInt16(row[before + 1]))
        row[index] = UInt8(sum >> 8)
        row[index + 1] = UInt8(truncatingIfNeeded: sum)
      }
    default: undoSmallDifferences(row)
    }
  }

  private func undoSmallDifferences(_ row: UnsafeMutableBufferPointer<UInt8>) {
    let (mask, perByte) = (UInt8(1 << bits - 1), 8 / bits)
    func shift(_ sample: Int) -> UInt8 { UInt8(8 - bits * (sample % perByte + 1)) }
    for sample in stride(from: colours, to: min(columns * colours, row.count * perByte), by: 1) {
      let before = row[(sample - colours) / perByte] >> shift(sample - colours) & mask
      let byte = row[sample / perByte]
      let value = (byte >> shift(sample) & mask &+ before) & mask
      row[sample / perByte] = byte & ~(mask << shift(sample)) | value << shift(sample)
    }
  }

  /// All rows of `coded`; a last one that is not whole is dropped. `nil` where that is not possible.
  package func undone(_ coded: [UInt8]) -> [UInt8]? {
    guard let rowBytes else { return nil }
    let head = namesRows ? 1 : 0
    var (result, above) = ([UInt8](), [UInt8](repeating: 0, count: rowBytes))
    result.reserveCapacity(coded.count)
    for start in stride(from: 0, through: coded.count - rowBytes - head, by: rowBytes + head) {
      var row = Array(coded[(start + head)..<(start + head + rowBytes)])
      let isKnown = row.withUnsafeMutableBufferPointer { row in
        above.withUnsafeBufferPointer { above in
          above.baseAddress.map { undo(coded[start], row: row, above: $0) } ?? false
        }
      }
      guard isKnown else { return nil }
      result += row
      above = row
    }
    return result
  }
}

extension StreamFilter.Predictor {
  /// Writes a row as differences from its neighbours (PNG, 9), of the kind that makes the smallest numbers (12.8),
  /// into `target`: the kind, then `count` bytes. The `distance` bytes before both rows must be there, and be zeros;
  /// that is how far a byte is from the same one of the pixel before.
  package static func foretell(
    _ this: UnsafePointer<UInt8>, _ above: UnsafePointer<UInt8>, _ count: Int, _ distance: Int,
    into target: UnsafeMutablePointer<UInt8>
  ) {
    var sums = (none: 0, left: 0, above: 0, mean: 0, paeth: 0)
    for index in 0..<count {
      let (value, up) = (this[index], above[index])
      let (left, corner) = (this[index &- distance], above[index &- distance])
      sums.none &+= magnitude(value)
      sums.left &+= magnitude(value &- left)
      sums.above &+= magnitude(value &- up)
      sums.mean &+= magnitude(value &- mean(left, up))
      sums.paeth &+= magnitude(value &- paeth(Int(left), Int(up), Int(corner)))
    }
    let all = [sums.none, sums.left, sums.above, sums.mean, sums.paeth]
    let kind = all.indices.min { all[$0] < all[$1] } ?? 0
    target[0] = UInt8(kind)
    let target = target + 1
    for index in 0..<count {
      let (value, up) = (this[index], above[index])
      let (left, corner) = (this[index &- distance], above[index &- distance])
      target[index] =
        switch kind {
        case 1: value &- left
        case 2: value &- up
        case 3: value &- mean(left, up)
        case 4: value &- paeth(Int(left), Int(up), Int(corner))
        default: value
        }
    }
  }

  private static func magnitude(_ difference: UInt8) -> Int {
    Int(Int8(bitPattern: difference).magnitude)
  }

  private static func mean(_ left: UInt8, _ up: UInt8) -> UInt8 {
    UInt8(truncatingIfNeeded: (Int(left) &+ Int(up)) &>> 1)
  }

}
