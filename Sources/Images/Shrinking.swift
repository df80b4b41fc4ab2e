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

/// Brings rows of samples down by averaging: each sample counts for the part of it that falls into
/// the new one. Holds one row. Owns its memory; belongs to one thread.
final class Averaging {
  private let channels: Int
  private let newWidth: Int
  /// Old samples for a new one, across and down.
  private let step: (across: Double, down: Double)
  private let columns: Int
  /// What was gathered for the next new row.
  private let sums: UnsafeMutablePointer<Float>
  private let output: UnsafeMutablePointer<UInt8>
  /// Rows that were taken, and rows that were given.
  private var (taken, given) = (0, 0)

  /// From rows of `width` pixels to rows of `newWidth`, each of which covers `across` old ones; and
  /// `down` old rows for a new one. Both are 1 or more.
  init(width: Int, channels: Int, newWidth: Int, across: Double, down: Double) {
    self.channels = channels
    self.newWidth = newWidth
    step = (across, down)
    columns = width * channels
    sums = .allocate(capacity: columns)
    sums.initialize(repeating: 0, count: columns)
    output = .allocate(capacity: newWidth * channels)
    output.initialize(repeating: 0, count: newWidth * channels)
  }

  deinit {
    sums.deallocate()
    output.deallocate()
  }

  /// Takes a row and hands over each new one that it completes. False where `body` says so.
  func add(
    _ row: UnsafePointer<UInt8>, _ body: (UnsafePointer<UInt8>) -> Bool
  ) -> Bool {
    let (top, bottom) = (Double(taken), Double(taken + 1))
    taken += 1
    var from = top
    while from < bottom {
      let end = Double(given + 1) * step.down
      let isComplete = end <= bottom + Self.tolerance
      gather(row, weight: Float(min(end, bottom) - from))
      guard isComplete else { return true }
      average()
      given += 1
      guard body(output) else { return false }
      from = end
      if bottom - from <= Self.tolerance { return true }
    }
    return true
  }

  /// Edges that differ only by rounding are one.
  private static let tolerance = 1e-6

  private func gather(_ row: UnsafePointer<UInt8>, weight: Float) {
    for index in 0..<columns { sums[index] += weight * Float(row[index]) }
  }

  private func average() {
    let scale = Float(1 / (step.across * step.down))
    for x in 0..<newWidth {
      let (left, right) = (Double(x) * step.across, Double(x + 1) * step.across)
      let first = Int(left)
      let last = min(Int(right - Self.tolerance), columns / channels - 1)
      // What of the first and the last does not belong here.
      let (before, after) = (Float(left - Double(first)), Float(Double(last + 1) - right))
      let (begin, end) = (sums + first * channels, sums + last * channels)
      for channel in 0..<channels {
        var sum = -before * begin[channel] - after * end[channel]
        var at = begin + channel
        while at <= end + channel {
          sum += at.pointee
          at += channels
        }
        output[x &* channels &+ channel] = UInt8(max(0, min(255, sum * scale + 0.5)))
      }
    }
    sums.update(repeating: 0, count: columns)
  }
}
