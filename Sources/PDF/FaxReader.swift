/// Reads fax data of all kinds (ITU-T T.4 and T.6) as a PDF may have them (ISO 32000-1, 7.4.6): with ends
/// of lines or without, rows that begin with a byte of their own or do not.
///
/// It makes nothing of damaged data: each row has to end where it should, by codes that exist, and
/// after the last nothing may follow but the end of the data.
package struct FaxReader {
  private let bytes: [UInt8]
  private let width: Int
  private let fax: StreamFilter.Fax
  /// Bits that were read.
  package private(set) var position = 0
  /// Where the colour changes in the row above, and in this one; the first change is to black.
  private var above: [Int] = []
  package private(set) var changes: [Int] = []

  /// Codes of two dimensions (T.4, table 4).
  private enum Mode {
    case pass, horizontal
    case vertical(Int)
  }

  /// What follows the last row is no more than this: six ends of lines, filled up to bytes, and a line
  /// end.
  private static let maximumEnd = 16

  /// Rows of whole bytes, black being 1; `nil` where the data are damaged.
  package static func rows(
    _ bytes: [UInt8], _ fax: StreamFilter.Fax, width: Int, height: Int
  ) -> [UInt8]? {
    guard width > 0, height > 0, fax.columns == width else { return nil }
    var reader = FaxReader(bytes: bytes, width: width, fax: fax)
    let stride = (width + 7) / 8
    var rows = [UInt8](repeating: 0, count: stride * height)
    for row in 0..<height {
      guard reader.readRow() else { return nil }
      reader.draw(into: &rows, at: row * stride)
    }
    return reader.isAtEnd ? rows : nil
  }

  /// At the beginning of data of so many pixels a row.
  package init(bytes: [UInt8], width: Int, fax: StreamFilter.Fax) {
    self.bytes = bytes
    self.width = width
    self.fax = fax
  }

  /// Whether no more follows than what ends the data, and no code was read beyond them.
  package var isAtEnd: Bool { 0...Self.maximumEnd ~= bytes.count - (position + 7) / 8 }

  /// Reads the next row. False where that is not possible.
  package mutating func readRow() -> Bool {
    swap(&above, &changes)
    changes.removeAll(keepingCapacity: true)
    // What fills a row up to a byte, and a code that begins with zeros, look like an end of a line.
    if fax.hasAlignedRows, !fax.hasEndsOfLine { align() }
    if fax.k >= 0 { skipEndsOfLine() }
    if fax.hasAlignedRows { align() }
    guard position < bytes.count * 8 else { return false }
    if fax.k < 0 { return readTwoDimensions() }
    if fax.k == 0 { return readOneDimension() }
    let isOneDimension = peek(1) == 1
    position += 1
    return isOneDimension ? readOneDimension() : readTwoDimensions()
  }

  private mutating func align() { position = (position + 7) / 8 * 8 }

  /// An end of a line is eleven zeros or more and a one; no code of a run begins like that.
  private mutating func skipEndsOfLine() {
    while peek(11) == 0, let one = nextOne() { position = one + 1 }
  }

  private func nextOne() -> Int? {
    var index = position
    while index < bytes.count * 8 {
      if index % 8 == 0, bytes[index / 8] == 0 {
        index += 8
      } else if bytes[index / 8] >> UInt8(7 - index % 8) & 1 == 1 {
        return index
      } else {
        index += 1
      }
    }
    return nil
  }

  private mutating func readOneDimension() -> Bool {
    var (end, isBlack) = (0, false)
    repeat {
      guard let run = readRun(isBlack) else { return false }
      end += run
      guard end <= width else { return false }
      change(at: end)
      isBlack.toggle()
    } while end < width
    return true
  }

  private mutating func readTwoDimensions() -> Bool {
    // T.4, 4.2.1.3: a0 is before the first pixel at first.
    var (a0, isBlack) = (-1, false)
    while a0 < width {
      guard let mode = readMode() else { return false }
      let index = FaxCodes.firstChange(in: above, after: a0, toBlack: !isBlack)
      switch mode {
      case .pass:
        a0 = change(index + 1)
      case .horizontal:
        guard let first = readRun(isBlack), let second = readRun(!isBlack) else { return false }
        let a1 = max(a0, 0) + first
        guard a1 + second <= width else { return false }
        change(at: a1)
        change(at: a1 + second)
        a0 = a1 + second
      case .vertical(let distance):
        let a1 = change(index) + distance
        guard a1 >= max(a0, 0), a1 <= width else { return false }
        change(at: a1)
        a0 = a1
        isBlack.toggle()
      }
    }
    return true
  }

  /// Where a change in the row above is; behind the last, at the row's end.
  private func change(_ index: Int) -> Int { index < above.count ? above[index] : width }

  /// Notes a change in this row. A run of no pixels is none.
  private mutating func change(at position: Int) {
    if changes.last == position {
      changes.removeLast()
    } else if position < width {
      changes.append(position)
    }
  }

  private mutating func readMode() -> Mode? {
    let bits = peek(7)
    let (length, mode): (Int, Mode) =
      switch bits {
      case 0b100_0000...: (1, .vertical(0))
      case 0b011_0000...: (3, .vertical(1))
      case 0b010_0000...: (3, .vertical(-1))
      case 0b001_0000...: (3, .horizontal)
      case 0b000_1000...: (4, .pass)
      case 0b000_0110...: (6, .vertical(2))
      case 0b000_0100...: (6, .vertical(-2))
      case 0b000_0011: (7, .vertical(3))
      case 0b000_0010: (7, .vertical(-3))
      default: (0, .pass)
      }
    guard length > 0 else { return nil }
    position += length
    return mode
  }

  private mutating func readRun(_ isBlack: Bool) -> Int? {
    var total = 0
    while true {
      let code = (isBlack ? FaxCodes.black : FaxCodes.white)[peek(FaxCodes.window)]
      guard code.bits > 0, position < bytes.count * 8 else { return nil }
      position += Int(code.bits)
      total += Int(code.run)
      if code.run < 64 { return total }
      guard total <= width else { return nil }
    }
  }

  /// The next bits, up to 13; zeros behind the end.
  private func peek(_ count: Int) -> Int {
    var value = 0
    let first = position / 8
    for index in first..<(first + 3) {
      value = value << 8 | (index < bytes.count ? Int(bytes[index]) : 0)
    }
    return value >> (24 - position % 8 - count) & (1 << count - 1)
  }

  private func draw(into rows: inout [UInt8], at start: Int) {
    for index in stride(from: 0, to: changes.count, by: 2) {
      let end = index + 1 < changes.count ? changes[index + 1] : width
      Self.fill(&rows, start, changes[index], end)
    }
  }

  /// Sets the bits of a row from `first` up to `end`.
  private static func fill(_ rows: inout [UInt8], _ start: Int, _ first: Int, _ end: Int) {
    guard first < end else { return }
    let (from, to) = (start + first / 8, start + (end - 1) / 8)
    let head = UInt8(0xFF >> (first % 8))
    let tail = UInt8(truncatingIfNeeded: 0xFF00 >> ((end - 1) % 8 + 1))
    if from == to {
      rows[from] |= head & tail
      return
    }
    rows[from] |= head
    for index in (from + 1)..<to { rows[index] = 0xFF }
    rows[to] |= tail
  }
}
