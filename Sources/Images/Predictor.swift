import PDF

extension StreamFilter.Predictor {
  /// Bytes of a row without what the predictor added.
  var rowBytes: Int? {
    guard (1...4).contains(colours), [1, 2, 4, 8].contains(bits), (1...1 << 24).contains(columns)
    else { return nil }
    return (columns * colours * bits + 7) / 8
  }

  /// Undoes a PNG predictor (ISO 32000-1, 7.4.4.4; PNG, 9). `nil` for other predictors, and where a
  /// row is missing.
  func undo(_ bytes: [UInt8], rows: Int) -> [UInt8]? {
    guard kind >= 10, let rowBytes, bytes.count >= rows * (rowBytes + 1) else { return nil }
    let distance = max(1, colours * bits / 8)
    var isKnown = true
    let result = [UInt8](unsafeUninitializedCapacity: rows * rowBytes) { output, count in
      bytes.withUnsafeBufferPointer { input in
        for row in 0..<rows where isKnown {
          let (from, to) = (row * (rowBytes + 1) + 1, row * rowBytes)
          for index in 0..<rowBytes {
            let left = index >= distance ? output[to + index - distance] : 0
            let up = row > 0 ? output[to + index - rowBytes] : 0
            let corner =
              row > 0 && index >= distance ? output[to + index - rowBytes - distance] : 0
            let prediction: UInt8
            switch input[from - 1] {
            case 0: prediction = 0
            case 1: prediction = left
            case 2: prediction = up
            case 3: prediction = UInt8((Int(left) + Int(up)) / 2)
            case 4: prediction = Self.paeth(Int(left), Int(up), Int(corner))
            default:
              prediction = 0
              isKnown = false
            }
            output[to + index] = input[from + index] &+ prediction
          }
        }
      }
      count = isKnown ? rows * rowBytes : 0
    }
    return isKnown ? result : nil
  }

  private static func paeth(_ left: Int, _ up: Int, _ corner: Int) -> UInt8 {
    let estimate = left + up - corner
    let (a, b, c) = (abs(estimate - left), abs(estimate - up), abs(estimate - corner))
    return UInt8(a <= b && a <= c ? left : b <= c ? up : corner)
  }
}
