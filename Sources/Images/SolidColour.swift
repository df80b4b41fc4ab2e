import JBIG2
import PDF

/// Whether an image has one colour all over, so that there is nothing in it to be seen.
package enum SolidColour {
  /// What the samples of a channel may differ by: JPEG makes a little of one colour, too.
  private static let tolerance = 8

  /// Whether all that is stored of an image is one colour; `nil` where it cannot be decoded here, in `memory`
  /// bytes for one of several scans.
  package static func fills(
    _ image: ImageDescription, stored: [UInt8], memory: Int
  ) -> Bool? {
    let (pixels, overflow) = image.width.multipliedReportingOverflow(by: image.height)
    guard image.width > 0, image.height > 0, !overflow, pixels <= Plan.maximumPixels,
      let coding = image.filters.flatMap(ImageCoding.init)
    else { return nil }
    switch (image.bits, coding.last) {
    case (1, .fax), (1, .jbig2), (1, .samples):
      guard image.colour.samples == 1 else { return nil }
      return Bilevel.readable(image, coding, stored).map(\.isOneColour)
    case (_, .samples): return samples(image, coding, stored)
    case (_, .jpeg(let transform)): return jpeg(image, coding, stored, transform, memory)
    case (_, .jpeg2000): return jpeg2000(image, coding, stored, memory)
    default: return nil
    }
  }

  private static func samples(
    _ image: ImageDescription, _ coding: ImageCoding, _ stored: [UInt8]
  ) -> Bool? {
    guard var samples = ByteSamples(image, coding, stored), let channels = image.colour.samples
    else { return nil }
    // Neighbours in a palette may be of any colours.
    let arePlaces = if case .indexed = image.colour { true } else { false }
    return isSolid(
      rows: image.height, of: samples.count, channels, tolerance: arePlaces ? 0 : tolerance
    ) { samples.next(into: $0) }
  }

  private static func jpeg(
    _ image: ImageDescription, _ coding: ImageCoding, _ stored: [UInt8], _ transform: Int?,
    _ memory: Int
  ) -> Bool? {
    guard let data = coding.withoutOuterFilters(stored, samples: image.byteSamples),
      let reader = JPEGReader(data, reduction: 1, transform: transform, memory: memory),
      reader.width == image.width, reader.height == image.height
    else { return nil }
    return isSolid(
      rows: reader.height, of: reader.width * reader.channels, reader.channels,
      tolerance: tolerance
    ) { reader.next(into: $0) }
  }

  private static func jpeg2000(
    _ image: ImageDescription, _ coding: ImageCoding, _ stored: [UInt8], _ memory: Int
  ) -> Bool? {
    guard let data = coding.withoutOuterFilters(stored, samples: image.byteSamples),
      let header = JPEG2000Header(data), !header.hasOpacity, !header.hasPalette,
      header.tiles <= JPEG2000Image.maximumTiles,
      JPEG2000Image.memory(header, halvings: 0) <= memory,
      let decoded = JPEG2000Image(data, header, halvings: 0, channels: header.components.count)
    else { return nil }
    var y = 0
    let channels = header.components.count
    return isSolid(
      rows: decoded.height, of: decoded.width * channels, channels, tolerance: tolerance
    ) {
      decoded.row(y, into: $0)
      y += 1
      return true
    }
  }

  /// `nil` where a row is damaged before there are two colours.
  private static func isSolid(
    rows: Int, of count: Int, _ channels: Int, tolerance: Int,
    next: (UnsafeMutablePointer<UInt8>) -> Bool
  ) -> Bool? {
    var row = [UInt8](repeating: 0, count: count)
    var least = [UInt8](repeating: 255, count: channels)
    var most = [UInt8](repeating: 0, count: channels)
    for _ in 0..<rows {
      let isWhole = row.withUnsafeMutableBufferPointer { $0.baseAddress.map(next) ?? false }
      guard isWhole else { return nil }
      for channel in 0..<channels {
        for index in stride(from: channel, to: count, by: channels) {
          least[channel] = min(least[channel], row[index])
          most[channel] = max(most[channel], row[index])
        }
        if Int(most[channel]) - Int(least[channel]) > tolerance { return false }
      }
    }
    return true
  }
}

extension Bitmap {
  /// Whether all pixels are 0, or all are 1.
  fileprivate var isOneColour: Bool {
    let last = width % 8 == 0 ? 0xFF : UInt8(truncatingIfNeeded: 0xFF00 >> (width % 8))
    return bytes.allSatisfy { $0 == 0 }
      || bytes.indices.allSatisfy {
        bytes[$0] == ($0 % stride == stride - 1 ? last : 0xFF)
      }
  }
}
