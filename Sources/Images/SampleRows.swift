import PDF

/// The samples of an image row by row: what a large one holds is never there at once, where it is deflated.
struct SampleRows: ~Copyable {
  /// Bytes of a row.
  let rowBytes: Int
  private let predictor: StreamFilter.Predictor?
  private var source: Source
  /// The last row, with the byte before it that names its filter, where it has one.
  private var line: [UInt8]
  private var above: [UInt8]

  /// Begins with what is stored of an image of so many rows, each of which is `rowBytes` long. `nil` where it
  /// is coded otherwise, or damaged.
  init?(_ coding: ImageCoding, _ stored: [UInt8], rowBytes: Int, rows: Int) {
    guard case .samples(let predictor) = coding.last,
      predictor.map({ ($0.namesRows || $0.kind == 2) && $0.rowBytes == rowBytes }) ?? true,
      let bytes = coding.withoutOuterFilters(stored, samples: (rowBytes + 1) * rows),
      let source = Source(bytes, isDeflated: coding.isDeflatedLast)
    else { return nil }
    self.rowBytes = rowBytes
    self.predictor = predictor
    self.source = source
    line = [UInt8](repeating: 0, count: rowBytes + (predictor?.namesRows == true ? 1 : 0))
    above = [UInt8](repeating: 0, count: rowBytes)
  }

  /// Reads the next row. False where it is missing or damaged.
  mutating func next(into row: UnsafeMutablePointer<UInt8>) -> Bool {
    guard let predictor else {
      return source.read(into: UnsafeMutableBufferPointer(start: row, count: rowBytes)) == rowBytes
    }
    let (whole, count) = (line.count, rowBytes)
    return line.withUnsafeMutableBufferPointer { line in
      guard source.read(into: line) == whole else { return false }
      let samples = UnsafeMutableBufferPointer(rebasing: line[(whole - count)...])
      let isKnown = above.withUnsafeMutableBufferPointer { above in
        guard let start = above.baseAddress,
          predictor.undo(line[0], row: samples, above: UnsafePointer(start))
        else { return false }
        _ = above.update(fromContentsOf: samples)
        return true
      }
      guard isKnown, let start = samples.baseAddress else { return false }
      row.update(from: start, count: count)
      return true
    }
  }

  /// Whether the data end here, as their checksum says. Many writers add a line end or a row.
  mutating func endsHere() -> Bool {
    var rest = [UInt8](repeating: 0, count: rowBytes + 4097)
    let count = rest.withUnsafeMutableBufferPointer { source.read(into: $0) }
    return count.map { $0 < rowBytes + 4097 } ?? false
  }

  /// Bytes, or what they hold when they are inflated.
  private enum Source: ~Copyable {
    case plain([UInt8], Int)
    case deflated(InflateStream)

    init?(_ bytes: [UInt8], isDeflated: Bool) {
      guard isDeflated else {
        self = .plain(bytes, 0)
        return
      }
      guard let stream = InflateStream(bytes) else { return nil }
      self = .deflated(stream)
    }

    /// Fills `buffer` as far as there is content; `nil` where it is damaged.
    mutating func read(into buffer: UnsafeMutableBufferPointer<UInt8>) -> Int? {
      switch consume self {
      case .plain(let bytes, let start):
        let count = min(buffer.count, bytes.count - start)
        bytes.withUnsafeBufferPointer {
          _ = buffer.update(fromContentsOf: $0[start..<(start + count)])
        }
        self = .plain(bytes, start + count)
        return count
      case .deflated(var stream):
        let count = stream.read(into: buffer)
        self = .deflated(stream)
        return count
      }
    }
  }
}

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
