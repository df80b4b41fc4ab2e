/// Rows on their way into a JPEG: averaged, sharpened, coded. Belongs to one thread.
struct Shrinking {
  /// What the JPEG is to be.
  struct Target {
    let space: JPEGSpace
    let quality: Int
  }

  /// The size of the JPEG.
  let width: Int
  let height: Int
  private let averaging: Averaging?
  private let sharpening: Sharpening?
  private let writer: JPEGWriter

  /// From rows of so many pixels, which stand for `covering` pixels of the same size (a reader that
  /// halves an odd number rounds up), to `scale` of them; near 1 leaves them as they are.
  init?(
    from: (width: Int, height: Int), covering: (width: Double, height: Double), by scale: Double,
    isSharpened: Bool, to target: Target
  ) {
    let isAveraged = scale <= 0.97
    width = isAveraged ? max(1, Int((covering.width * scale).rounded())) : from.width
    height = isAveraged ? max(1, Int((covering.height * scale).rounded())) : from.height
    guard
      let writer = JPEGWriter(
        width: width, height: height, space: target.space, quality: target.quality)
    else { return nil }
    self.writer = writer
    averaging =
      isAveraged
      ? Averaging(
        width: from.width, channels: target.space.channels, newWidth: width,
        across: covering.width / Double(width), down: covering.height / Double(height)) : nil
    sharpening = isSharpened ? Sharpening(width: width, channels: target.space.channels) : nil
  }

  /// Takes the next row. False where it cannot be coded.
  func add(_ row: UnsafePointer<UInt8>) -> Bool {
    averaging?.add(row, sharpen) ?? sharpen(row)
  }

  func add(_ row: UnsafeMutablePointer<UInt8>) -> Bool { add(UnsafePointer(row)) }

  private func sharpen(_ row: UnsafePointer<UInt8>) -> Bool {
    sharpening?.add(row, writer.add) ?? writer.add(row)
  }

  /// The JPEG, when all rows were taken.
  func finish() -> [UInt8]? {
    guard sharpening?.finish(writer.add) ?? true else { return nil }
    return writer.finish()
  }
}
