import PDF

/// The colours that samples of 8 bits stand for.
struct Palette {
  private let colours: [UInt8]
  private let size: Int

  /// `nil` for colours without a palette.
  init?(_ colour: ImageDescription.Colour) {
    guard case .indexed(let palette, let isGrey) = colour else { return nil }
    colours = palette
    size = isGrey ? 1 : 3
  }

  /// Lends a row with its colours in it. False where `body` says so, or where a sample has none (a
  /// sample beyond the palette is the last colour, 8.6.6.3; a short palette is damage).
  func apply(
    to row: UnsafeMutableBufferPointer<UInt8>, _ body: (UnsafeMutableBufferPointer<UInt8>) -> Bool
  ) -> Bool {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: row.count * size) { coloured in
      for (index, sample) in row.enumerated() {
        let at = Int(sample) * size
        guard at + size <= colours.count else { return false }
        for channel in 0..<size { coloured[index * size + channel] = colours[at + channel] }
      }
      return body(coloured)
    }
  }
}

/// Whether all but a thousandth of grey samples is as good as black or white: brought down, text
/// would become pale, and JPEG would put noise around it.
struct BlackAndWhite {
  private var (between, seen) = (0, 0)

  /// Looks at every seventh sample.
  mutating func add(_ row: UnsafeMutableBufferPointer<UInt8>) {
    for index in stride(from: 0, to: row.count, by: 7) { add(row[index]) }
  }

  /// Looks at a sample.
  mutating func add(_ value: UInt8) {
    seen += 1
    if (24..<232).contains(value) { between += 1 }
  }

  var isAlmostAll: Bool { between * 1000 <= seen }
}
