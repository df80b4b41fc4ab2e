import PDF

/// A page as the other renderer drew it, in colour, kept as sums over cells of 4 × 4 pixels. Pure.
///
/// Two drawings of a page by one program differ little where only its images were coded anew: a mean
/// over a small window moves by a few of 255. What vanishes, moves or changes its colour moves the mean
/// of the window that it was in, however small a part of the page it is.
struct PageDrawing: Equatable {
  /// Pixels of a cell's sides.
  private static let cell = 4

  /// How closely two drawings have to agree.
  struct Tolerance: Equatable {
    /// Cells of a window's sides; windows overlap by half.
    let window: Int
    /// How much the mean of a window may differ in one colour, of 255.
    let difference: Double

    /// For what was written anew as a whole. Measured on 324 results of Ghostscript that changed a
    /// page or did not (docs/optimize.md, "Acceptance"): glyphs, bars and stamps that vanish move a
    /// window by 46 to 255, text and drawings that were kept by less than 8.
    static let strict = Tolerance(window: 2, difference: 24)
    /// For images that were brought down in place, where letters have become softer on purpose.
    static let soft = Tolerance(window: 8, difference: 40)
  }

  private let width: Int
  private let height: Int
  /// For each corner of a cell and each colour, the sum of all pixels above and to the left of it.
  private let sums: [Int64]
  private let columns: Int
  private let rows: Int

  /// From a PPM of 8 bits as `pdftoppm` writes it; `nil` for anything else.
  init?(ppm: [UInt8]) {
    var index = 0
    func word() -> String {
      let end = ppm[index...].firstIndex { $0 <= 0x20 } ?? ppm.endIndex
      defer { index = min(end + 1, ppm.endIndex) }
      return String(decoding: ppm[index..<end], as: UTF8.self)
    }
    guard word() == "P6", let width = Int(word()), let height = Int(word()), word() == "255",
      (1...10_000).contains(width), (1...10_000).contains(height),
      ppm.count - index == 3 * width * height
    else { return nil }
    (self.width, self.height) = (width, height)
    columns = (width + Self.cell - 1) / Self.cell
    rows = (height + Self.cell - 1) / Self.cell
    sums = Self.sums(ppm, from: index, width, height, columns, rows)
  }

  private static func sums(
    _ ppm: [UInt8], from start: Int, _ width: Int, _ height: Int, _ columns: Int, _ rows: Int
  ) -> [Int64] {
    let line = 3 * (columns + 1)
    var sums = [Int64](repeating: 0, count: line * (rows + 1))
    ppm.withUnsafeBufferPointer { pixels in
      for y in 0..<height {
        let (row, corner) = (start + 3 * y * width, (y / cell + 1) * line + 3)
        for x in 0..<width {
          let (pixel, at) = (row + 3 * x, corner + 3 * (x / cell))
          sums[at] += Int64(pixels[pixel])
          sums[at + 1] += Int64(pixels[pixel + 1])
          sums[at + 2] += Int64(pixels[pixel + 2])
        }
      }
    }
    for row in 1...rows {
      for index in 3..<line {
        sums[row * line + index] +=
          sums[row * line + index - 3] + sums[(row - 1) * line + index]
          - sums[(row - 1) * line + index - 3]
      }
    }
    return sums
  }

  /// Why this is not accepted as a drawing of what `original` shows; `nil` if it is.
  func rejection(asDrawingOf original: PageDrawing, _ tolerance: Tolerance) -> String? {
    guard width == original.width, height == original.height else { return "has a different shape" }
    let step = max(1, tolerance.window / 2)
    for top in stride(from: 0, to: max(1, rows - step), by: step) {
      for left in stride(from: 0, to: max(1, columns - step), by: step) {
        let (bottom, right) = (
          min(rows, top + tolerance.window), min(columns, left + tolerance.window)
        )
        let pixels = Double(
          (min(width, right * Self.cell) - left * Self.cell)
            * (min(height, bottom * Self.cell) - top * Self.cell))
        for colour in 0..<3 {
          let difference =
            sum(top, left, bottom, right, colour)
            - original.sum(top, left, bottom, right, colour)
          if Double(abs(difference)) > tolerance.difference * pixels {
            return "\(Self.place(left, top, columns, rows))"
          }
        }
      }
    }
    return nil
  }

  /// Whether nothing can be seen in a part of the drawing, given in parts of its width and height from the lower
  /// left corner; `nil` where that part is too small to tell.
  func isOneColour(in part: Rectangle) -> Bool? {
    let (across, down) = (Double(width) / Double(Self.cell), Double(height) / Double(Self.cell))
    func cells(_ from: Double, _ to: Double, _ most: Int) -> (
      inside: Range<Int>, touched: Range<Int>
    ) {
      let (first, last) = (max(0, Int(from.rounded(.up))), min(most, Int(to.rounded(.down))))
      let (begin, end) = (max(0, Int(from.rounded(.down))), min(most, Int(to.rounded(.up))))
      return (first..<max(first, last), begin..<max(begin, end))
    }
    let x = cells(part.left * across, part.right * across, columns)
    let y = cells((1 - part.top) * down, (1 - part.bottom) * down, rows)
    let isLarge = x.inside.count * y.inside.count >= Self.fewestCells
    let (columns, rows) = isLarge ? (x.inside, y.inside) : (x.touched, y.touched)
    guard columns.count * rows.count >= Self.fewestCells else { return nil }
    return isOneColour(columns, rows)
  }

  /// Whether nothing can be seen in the whole drawing.
  var isOneColour: Bool { isOneColour(0..<columns, 0..<rows) }

  /// Fewer may look alike by chance.
  private static let fewestCells = 4

  private func isOneColour(_ columns: Range<Int>, _ rows: Range<Int>) -> Bool {
    func pixels(_ column: Int, _ row: Int) -> Int64 {
      Int64(
        (min(width, (column + 1) * Self.cell) - column * Self.cell)
          * (min(height, (row + 1) * Self.cell) - row * Self.cell))
    }
    guard let left = columns.first, let top = rows.first else { return true }
    let all = pixels(left, top)
    let first = (0..<3).map { sum(top, left, top + 1, left + 1, $0) }
    return rows.allSatisfy { row in
      columns.allSatisfy { column in
        let here = pixels(column, row)
        return (0..<3).allSatisfy {
          sum(row, column, row + 1, column + 1, $0) * all == first[$0] * here
        }
      }
    }
  }

  private func sum(_ top: Int, _ left: Int, _ bottom: Int, _ right: Int, _ colour: Int) -> Int64 {
    let line = 3 * (columns + 1)
    func corner(_ row: Int, _ column: Int) -> Int64 { sums[row * line + 3 * column + colour] }
    return corner(bottom, right) - corner(top, right) - corner(bottom, left) + corner(top, left)
  }

  /// Where to look: parts of the page in percent, from its upper left corner.
  private static func place(_ x: Int, _ y: Int, _ columns: Int, _ rows: Int) -> String {
    "at \(100 * x / columns) % from the left, \(100 * y / rows) % from the top"
  }
}
