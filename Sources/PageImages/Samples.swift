import PDF

/// The samples of an image, unpacked: rows of whole bytes, the highest bit first, samples of 16 bits with the higher
/// byte first, as a PDF has them (ISO 32000-1, 8.9.3).
struct Samples {
  let width: Int
  let height: Int
  /// Samples of a pixel.
  private(set) var channels: Int
  let bits: Int
  private(set) var bytes: [UInt8]

  init(width: Int, height: Int, channels: Int, bits: Int, bytes: [UInt8]) {
    (self.width, self.height, self.channels) = (width, height, channels)
    (self.bits, self.bytes) = (bits, bytes)
  }

  static func tooLarge(_ bytes: Int) -> PageImageError {
    .unsupported(
      "its pixels would take \(bytes >> 20) MiB; no more than "
        + "\(PageImages.maximumSamples >> 20) MiB are unpacked")
  }

  /// A sample that lets the paper through as far as `alpha` says, of `most`.
  static func blended(_ sample: Int, _ alpha: Int, _ most: Int, white: Int) -> Int {
    (sample * alpha + white * (most - alpha) + most / 2) / most
  }

  /// Puts the first `colours` samples of each pixel on white paper, as far as its sample `alpha` lets that through,
  /// and drops all others. Samples have 8 or 16 bits.
  ///
  /// - Parameters:
  ///   - isMultiplied: whether the samples are multiplied with it already.
  ///   - isInverted: whether white is 0.
  mutating func flatten(
    alpha: Int?, of colours: Int, isMultiplied: Bool = false, isInverted: Bool = false
  ) {
    let (size, most) = (bits / 8, 1 << bits - 1)
    let white = isInverted ? 0 : most
    var result = [UInt8](repeating: 0, count: width * height * colours * size)
    bytes.withUnsafeBufferPointer { source in
      result.withUnsafeMutableBufferPointer { target in
        func sample(_ index: Int) -> Int {
          size == 1
            ? Int(source[index]) : Int(source[2 * index]) << 8 | Int(source[2 * index + 1])
        }
        for pixel in 0..<(width * height) {
          let opacity = alpha.map { sample(pixel * channels + $0) }
          for colour in 0..<colours {
            var value = sample(pixel * channels + colour)
            if let opacity {
              value =
                isMultiplied
                ? min(most, value + (isInverted ? 0 : most - opacity))
                : Self.blended(value, opacity, most, white: white)
            }
            let place = (pixel * colours + colour) * size
            if size == 2 { target[place] = UInt8(value >> 8) }
            target[place + size - 1] = UInt8(truncatingIfNeeded: value)
          }
        }
      }
    }
    (bytes, channels) = (result, colours)
  }

  /// The parameters of rows that PNG's filters foretell.
  static func parameters(_ channels: Int, _ bits: Int, _ width: Int) -> String {
    "/Predictor 15 /Colors \(channels) /BitsPerComponent \(bits) /Columns \(width)"
  }

  /// The image, deflated; samples of 8 bits and more as differences from their neighbours, where that is shorter.
  func image(_ colour: PlacedImage.Colour) throws(PageImageError) -> PlacedImage {
    guard var best = Flate.deflate(bytes, effort: .quick) else { throw Self.noMemory }
    var parameters = ""
    if bits >= 8 {
      guard let foretold = Flate.deflate(foretold(), effort: .quick) else { throw Self.noMemory }
      if foretold.count < best.count {
        best = foretold
        parameters = Self.parameters(channels, bits, width)
      }
    }
    return PlacedImage(
      width: width, height: height, colour: colour, bits: bits, filter: "FlateDecode",
      parameters: parameters, bytes: best)
  }

  private static let noMemory = PageImageError(.local, "there is no memory to deflate it")

  private func foretold() -> [UInt8] {
    let (row, distance) = (width * channels * bits / 8, channels * bits / 8)
    // The row before the first is of zeros; so is what is left of each.
    var lines = [UInt8](repeating: 0, count: 2 * (row + distance))
    return [UInt8](unsafeUninitializedCapacity: (row + 1) * height) { target, count in
      lines.withUnsafeMutableBufferPointer { lines in
        bytes.withUnsafeBufferPointer { source in
          guard let lines = lines.baseAddress, let source = source.baseAddress,
            let target = target.baseAddress
          else { return }
          var above = lines + distance
          var this = above + row + distance
          for y in 0..<height {
            this.update(from: source + y * row, count: row)
            StreamFilter.Predictor.foretell(
              this, above, row, distance, into: target + y * (row + 1))
            swap(&above, &this)
          }
          count = (row + 1) * height
        }
      }
    }
  }
}
