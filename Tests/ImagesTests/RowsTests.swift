import Testing

@testable import Images

/// What happens to rows of samples on their way into a JPEG, against the same done slowly.
@Suite("Rows of samples")
struct RowsTests {
  private static func noise(_ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: $0 * 7919 + $0 * $0 / 13) }
  }

  /// All rows that come out of `stage`.
  private static func run(
    _ samples: [UInt8], row: Int, output: Int,
    _ stage: (UnsafePointer<UInt8>, (UnsafePointer<UInt8>) -> Bool) -> Bool,
    finish: ((UnsafePointer<UInt8>) -> Bool) -> Bool = { _ in true }
  ) -> [UInt8] {
    var result: [UInt8] = []
    func take(_ row: UnsafePointer<UInt8>) -> Bool {
      result += UnsafeBufferPointer(start: row, count: output)
      return true
    }
    samples.withUnsafeBufferPointer { samples in
      guard let start = samples.baseAddress else { return }
      for index in stride(from: 0, to: samples.count, by: row) {
        #expect(stage(start + index, take))
      }
    }
    #expect(finish(take))
    return result
  }

  @Test(
    "Each new sample is the mean of what it covers",
    arguments: [
      (8, 6, 1, 4, 3), (9, 7, 3, 4, 3), (100, 40, 1, 67, 27), (10, 10, 3, 1, 1),
      (31, 17, 1, 30, 16),
    ])
  func average(width: Int, height: Int, channels: Int, newWidth: Int, newHeight: Int) {
    let samples = Self.noise(width * height * channels)
    let (across, down) = (
      Double(width) / Double(newWidth), Double(height) / Double(newHeight)
    )
    let averaging = Averaging(
      width: width, channels: channels, newWidth: newWidth, across: across, down: down)
    let result = Self.run(
      samples, row: width * channels, output: newWidth * channels, averaging.add)
    #expect(result.count == newWidth * newHeight * channels)
    /// How much of an old pixel lies in a new one.
    func part(_ old: Int, _ new: Int, _ step: Double) -> Double {
      max(0, min(Double(old + 1), Double(new + 1) * step) - max(Double(old), Double(new) * step))
    }
    for (index, sample) in result.enumerated() {
      let (channel, x) = (index % channels, index / channels % newWidth)
      let y = index / channels / newWidth
      var sum = 0.0
      for row in 0..<height where part(row, y, down) > 0 {
        for column in 0..<width {
          let old = samples[(row * width + column) * channels + channel]
          sum += Double(old) * part(row, y, down) * part(column, x, across)
        }
      }
      #expect(abs(Double(sample) - sum / (across * down)) < 0.51, "\(x), \(y), \(channel)")
    }
  }

  @Test("A fifth of the difference to the mean of nine is added, but at the edges")
  func sharpen() {
    let (width, height, channels) = (11, 9, 3)
    let samples = Self.noise(width * height * channels)
    let sharpening = Sharpening(width: width, channels: channels)
    let result = Self.run(
      samples, row: width * channels, output: width * channels, sharpening.add,
      finish: sharpening.finish)
    #expect(result.count == samples.count)
    for (index, sample) in result.enumerated() {
      let (x, y) = (index / channels % width, index / channels / width)
      guard (1..<width - 1).contains(x), (1..<height - 1).contains(y) else {
        #expect(sample == samples[index])
        continue
      }
      let nine = [-1, 0, 1].flatMap { row in
        [-1, 0, 1].map { Int(samples[index + (row * width + $0) * channels]) }
      }
      let this = Double(samples[index])
      let value = this + (this - Double(nine.reduce(0, +)) / 9) / 5
      #expect(abs(Double(sample) - max(0, min(255, value))) < 0.7, "\(x), \(y)")
    }
  }

  @Test("What is even stays even", arguments: [0, 1, 127, 200, 255] as [UInt8])
  func even(_ value: UInt8) {
    let samples = [UInt8](repeating: value, count: 40 * 30)
    let averaging = Averaging(width: 40, channels: 1, newWidth: 17, across: 40.0 / 17, down: 2.5)
    let averaged = Self.run(samples, row: 40, output: 17, averaging.add)
    #expect(averaged == [UInt8](repeating: value, count: 17 * 12))
    let sharpening = Sharpening(width: 40, channels: 1)
    #expect(
      Self.run(samples, row: 40, output: 40, sharpening.add, finish: sharpening.finish) == samples)
  }
}
