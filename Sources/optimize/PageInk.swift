/// A page as it was drawn, small and in grey: where its ink is. Pure.
///
/// Two drawings of one page by one program differ little, whatever its images went through; a page
/// that came out blank, black, upside down or without a part of itself does not.
struct PageInk: Equatable {
  /// Rows and columns of parts that are compared.
  private static let parts = 16
  /// How much lighter or darker a part may become, of 255. Other colour spaces move all by a few.
  private static let tolerance = 16.0
  /// Less of a difference to the paper is noise.
  private static let noise = 8
  /// Less ink than this part of what a black page has is none.
  private static let trace = 1e-5

  /// The mean of each part, row by row; white is 255.
  private let means: [Double]
  /// What is darker than the paper, as a part of what a black page has.
  private let ink: Double

  /// From a PGM of 8 bits as `pdftoppm -gray` writes it; `nil` for anything else.
  init?(pgm: [UInt8]) {
    var index = 0
    func word() -> String {
      let end = pgm[index...].firstIndex { $0 <= 0x20 } ?? pgm.endIndex
      defer { index = min(end + 1, pgm.endIndex) }
      return String(decoding: pgm[index..<end], as: UTF8.self)
    }
    guard word() == "P5", let width = Int(word()), let height = Int(word()), word() == "255",
      (1...10_000).contains(width), (1...10_000).contains(height),
      pgm.count - index == width * height
    else { return nil }
    self.init(pixels: pgm[index...], width: width, height: height)
  }

  private init(pixels: ArraySlice<UInt8>, width: Int, height: Int) {
    var (sums, counts) = (
      [Int](repeating: 0, count: Self.parts * Self.parts),
      [Int](repeating: 0, count: Self.parts * Self.parts)
    )
    var histogram = [Int](repeating: 0, count: 256)
    for (offset, value) in pixels.enumerated() {
      let (x, y) = (offset % width * Self.parts / width, offset / width * Self.parts / height)
      sums[y * Self.parts + x] += Int(value)
      counts[y * Self.parts + x] += 1
      histogram[Int(value)] += 1
    }
    // A page of fewer pixels than parts leaves some of them empty.
    means = zip(sums, counts).map { $1 == 0 ? 255 : Double($0) / Double($1) }
    let paper = Self.paper(histogram, pixels.count)
    let dark = pixels.reduce(0) { $0 + max(0, paper - Self.noise - Int($1)) }
    ink = Double(dark) / Double(255 * pixels.count)
  }

  /// A tenth of all pixels is at least as light.
  private static func paper(_ histogram: [Int], _ count: Int) -> Int {
    var lighter = 0
    return (0..<256).reversed().first {
      lighter += histogram[$0]
      return 10 * lighter >= count
    } ?? 255
  }

  /// What is to be said of this as a drawing of what `original` shows; `nil` where it may pass.
  func objection(asDrawingOf original: PageInk) -> String? {
    if original.ink > Self.trace, ink < original.ink / 2 { return "has lost ink" }
    let isMoved = zip(means, original.means).contains { abs($0 - $1) > Self.tolerance }
    return isMoved ? "looks different" : nil
  }
}
