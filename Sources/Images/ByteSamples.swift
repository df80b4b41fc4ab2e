import PDF

/// The samples of an image as bytes, row by row, whatever bits they have in the file.
struct ByteSamples: ~Copyable {
  /// Samples in a row.
  let count: Int
  private let bits: Int
  /// Whether they are levels, of which the highest is white, and not indexes into a palette.
  private let areLevels: Bool
  private var rows: SampleRows
  private var packed: [UInt8]

  /// Begins with what is stored of `image`. `nil` where it is coded otherwise, or damaged.
  init?(_ image: ImageDescription, _ coding: ImageCoding, _ stored: [UInt8]) {
    // Indexes into a palette never have 16 bits (ISO 32000-1, 8.6.6.3).
    let arePlaces = if case .indexed = image.colour { true } else { false }
    guard let samples = image.colour.samples,
      (arePlaces ? [2, 4, 8] : [2, 4, 8, 16]).contains(image.bits)
    else { return nil }
    let rowBytes = (image.width * samples * image.bits + 7) / 8
    guard let rows = SampleRows(coding, stored, rowBytes: rowBytes, rows: image.height) else {
      return nil
    }
    self.rows = rows
    count = image.width * samples
    bits = image.bits
    areLevels = !arePlaces
    packed = [UInt8](repeating: 0, count: bits == 8 ? 0 : rowBytes)
  }

  /// Whether all samples of the last row were of no more than 8 bits, so that nothing was lost.
  private(set) var isExact = true

  /// Reads the next row of ``count`` samples. False where it is missing or damaged.
  mutating func next(into row: UnsafeMutablePointer<UInt8>) -> Bool {
    if bits == 8 { return rows.next(into: row) }
    let isWhole = packed.withUnsafeMutableBufferPointer { packed in
      packed.baseAddress.map { rows.next(into: $0) } ?? false
    }
    guard isWhole else { return false }
    if bits == 16 { halve(into: row) } else { spread(into: row) }
    return true
  }

  mutating func endsHere() -> Bool { rows.endsHere() }

  /// The higher byte, which is what screens have.
  private mutating func halve(into row: UnsafeMutablePointer<UInt8>) {
    isExact = true
    for index in 0..<count {
      row[index] = packed[2 * index]
      if packed[2 * index] != packed[2 * index + 1] { isExact = false }
    }
  }

  private func spread(into row: UnsafeMutablePointer<UInt8>) {
    let (mask, perByte) = (1 << bits - 1, 8 / bits)
    let factor = areLevels ? 255 / mask : 1
    for index in 0..<count {
      let shift = 8 - bits * (index % perByte + 1)
      row[index] = UInt8((Int(packed[index / perByte]) >> shift & mask) * factor)
    }
  }
}
