import PDF

/// An image coded anew so that each of its samples stays: what is done at every quality with what nothing else
/// is to be done with.
enum Lossless {
  /// More samples, in bytes, are not coded again: they are there as a whole, twice.
  private static let maximumSamples = 48 << 20

  /// The image in fewer bytes, `memory` of which may be taken for the coefficients of a JPEG; `nil` where there is
  /// no such coding.
  static func rewrite(
    _ image: ImageDescription, _ coding: ImageCoding, _ stored: [UInt8], memory: Int
  ) -> PDFDocument.NewImage? {
    switch coding.last {
    case .jpeg(let transform):
      guard let data = coding.withoutOuterFilters(stored, samples: image.byteSamples) else {
        return nil
      }
      let shorter = JPEGCodes.shortened(data, memory: memory) ?? data
      guard shorter.count < stored.count else { return nil }
      return PDFDocument.NewImage(
        width: image.width, height: image.height, bytes: shorter, filter: "/DCTDecode",
        parameters: transform.map { "<< /ColorTransform \($0) >>" })
    case .samples: return samples(image, coding, stored)
    case .fax, .jbig2, .jpeg2000: return nil
    }
  }

  private static func samples(
    _ image: ImageDescription, _ coding: ImageCoding, _ stored: [UInt8]
  ) -> PDFDocument.NewImage? {
    guard let colours = image.colour.samples, [1, 2, 4, 8, 16].contains(image.bits),
      image.width > 0, image.height > 0, image.width <= 1 << 24
    else { return nil }
    let rowBytes = (image.width * colours * image.bits + 7) / 8
    guard rowBytes <= maximumSamples / image.height,
      let filtered = FilteredRows(
        image, coding, stored, rowBytes: rowBytes,
        distance: max(1, colours * image.bits / 8))
    else { return nil }
    // Deflated quickly, to see which is better, and well, if it is worth it.
    let plain = Flate.deflate(filtered.plain, effort: .quick)?.count ?? .max
    let named = Flate.deflate(filtered.named, effort: .quick)?.count ?? .max
    guard let best = Flate.deflate(named < plain ? filtered.named : filtered.plain),
      best.count < stored.count
    else { return nil }
    return PDFDocument.NewImage(
      width: image.width, height: image.height, bytes: best, filter: "/FlateDecode",
      parameters: named < plain
        ? "<< /Predictor 15 /Colors \(colours) /BitsPerComponent \(image.bits) "
          + "/Columns \(image.width) >>" : nil)
  }
}

/// The samples of an image as they are, and as differences from their neighbours (PNG, 9), of which each row has the
/// kind that makes the smallest numbers (12.8).
struct FilteredRows {
  private(set) var plain: [UInt8] = []
  /// Each row begins with the kind of its differences.
  private(set) var named: [UInt8] = []

  /// `distance` is that of a byte to the same one of the pixel before. `nil` where the data are damaged.
  init?(
    _ image: ImageDescription, _ coding: ImageCoding, _ stored: [UInt8], rowBytes: Int,
    distance: Int
  ) {
    guard var rows = SampleRows(coding, stored, rowBytes: rowBytes, rows: image.height) else {
      return nil
    }
    plain = [UInt8](repeating: 0, count: rowBytes * image.height)
    named = [UInt8](repeating: 0, count: (rowBytes + 1) * image.height)
    // The row before the first is of zeros; so is what is left of each.
    var window = [UInt8](repeating: 0, count: 2 * (rowBytes + distance))
    let isWhole = window.withUnsafeMutableBufferPointer { window in
      plain.withUnsafeMutableBufferPointer { plain in
        named.withUnsafeMutableBufferPointer { named in
          guard let window = window.baseAddress, let plain = plain.baseAddress,
            let named = named.baseAddress
          else { return false }
          var above = window + distance
          var this = above + rowBytes + distance
          for y in 0..<image.height {
            guard rows.next(into: this) else { return false }
            (plain + y * rowBytes).update(from: this, count: rowBytes)
            StreamFilter.Predictor.foretell(
              this, above, rowBytes, distance, into: named + y * (rowBytes + 1))
            swap(&above, &this)
          }
          return true
        }
      }
    }
    guard isWhole, rows.endsHere() else { return nil }
  }
}
