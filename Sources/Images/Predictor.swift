import PDF

extension StreamFilter.Predictor {
  /// Bytes of a row without what the predictor added.
  var rowBytes: Int? {
    guard (1...4).contains(colours), [1, 2, 4, 8].contains(bits), (1...1 << 24).contains(columns)
    else { return nil }
    return (columns * colours * bits + 7) / 8
  }

  /// Undoes PNG's filter `kind` on a row, in its place (ISO 32000-1, 7.4.4.4; PNG, 9). `above` is
  /// the row before it, undone; 0 before the first. False where there is no such filter.
  func undo(
    _ kind: UInt8, row: UnsafeMutableBufferPointer<UInt8>, above: UnsafePointer<UInt8>
  ) -> Bool {
    let distance = max(1, colours * bits / 8)
    let start = min(distance, row.count)
    switch kind {
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

  private static func paeth(_ left: Int, _ up: Int, _ corner: Int) -> UInt8 {
    let estimate = left &+ up &- corner
    let (a, b, c) = (abs(estimate &- left), abs(estimate &- up), abs(estimate &- corner))
    return UInt8(a <= b && a <= c ? left : b <= c ? up : corner)
  }
}
