import JBIG2
import PDF

/// An image of two colours: coded anew, with identical pixels.
enum Bilevel {
  /// The smaller of JBIG2 and group 4, each of which was decoded again and compared.
  static func rewrite(
    _ image: ImageDescription, _ coding: ImageCoding, _ stored: [UInt8]
  ) -> Rewriting {
    if case .jbig2(let globals) = coding.last, !isGeneric(image, coding, stored, globals) {
      return .left(.inOrder)
    }
    guard let black = bitmap(image, coding, stored) else { return .left(.damaged) }
    guard let best = smallest(of: black, isFax: coding.isGroup4), best.bytes.count < stored.count
    else {
      return .left(.notSmaller)
    }
    return .replaced(best)
  }

  /// Its samples, 0 being 1 here; `nil` where they cannot be read within limits.
  static func readable(
    _ image: ImageDescription, _ coding: ImageCoding, _ stored: [UInt8]
  ) -> Bitmap? {
    if case .jbig2(let globals) = coding.last, !isGeneric(image, coding, stored, globals) {
      return nil
    }
    return bitmap(image, coding, stored)
  }

  private static func isGeneric(
    _ image: ImageDescription, _ coding: ImageCoding, _ stored: [UInt8], _ globals: ObjectID?
  ) -> Bool {
    guard globals == nil,
      let data = coding.withoutOuterFilters(
        stored, samples: Bitmap.stride(image.width) * image.height)
    else { return false }
    return JBIG2Segments.areGeneric(data, width: image.width, height: image.height)
  }

  /// The smaller of the codings that were proved; what is Group 4 already, and was proved, would come out
  /// as it is.
  static func smallest(of black: Bitmap, isFax: Bool) -> PDFDocument.NewImage? {
    [jbig2(black), isFax ? nil : fax(black)].compactMap { $0 }
      .min { $0.bytes.count < $1.bytes.count }
  }

  private static func jbig2(_ black: Bitmap) -> PDFDocument.NewImage? {
    JBIG2Decoder.provenEncoding(of: black).map {
      PDFDocument.NewImage(
        width: black.width, height: black.height, bytes: $0, filter: "/JBIG2Decode")
    }
  }

  private static func fax(_ black: Bitmap) -> PDFDocument.NewImage? {
    guard let bytes = Picture(black)?.fax(),
      Picture(fax: bytes, width: black.width, height: black.height)?.bitmap() == black
    else { return nil }
    return PDFDocument.NewImage(
      width: black.width, height: black.height, bytes: bytes, filter: "/CCITTFaxDecode",
      parameters: "<< /K -1 /Columns \(black.width) /Rows \(black.height) >>")
  }

  /// The samples of an image, 0 being 1 here: both filters that we write give 0 for black
  /// (ISO 32000-1, 7.4.6 and 7.4.7). What black then means is for its colour space to say, which
  /// stays as it is.
  private static func bitmap(
    _ image: ImageDescription, _ coding: ImageCoding, _ stored: [UInt8]
  ) -> Bitmap? {
    if case .samples = coding.last { return samples(image, coding, stored) }
    guard
      let data = coding.withoutOuterFilters(
        stored, samples: Bitmap.stride(image.width) * image.height)
    else { return nil }
    if case .jbig2 = coding.last {
      return JBIG2Decoder.decode(data).flatMap {
        $0.width == image.width && $0.height == image.height ? $0 : nil
      }
    }
    guard case .fax(let fax) = coding.last,
      let black = coding.isGroup4
        ? proven(data, image)
        : FaxReader.bitmap(data, fax, width: image.width, height: image.height)
    else { return nil }
    return fax.blackIs1
      ? Bitmap(width: black.width, height: black.height, bytes: black.bytes.map { ~$0 }) : black
  }

  private static func samples(
    _ image: ImageDescription, _ coding: ImageCoding, _ stored: [UInt8]
  ) -> Bitmap? {
    let stride = Bitmap.stride(image.width)
    guard var rows = SampleRows(coding, stored, rowBytes: stride, rows: image.height)
    else { return nil }
    var isWhole = true
    let bytes = [UInt8](unsafeUninitializedCapacity: stride * image.height) { buffer, count in
      guard let start = buffer.baseAddress else { return }
      for row in 0..<image.height where isWhole {
        isWhole = rows.next(into: start + row * stride)
      }
      guard isWhole else { return }
      count = stride * image.height
      for index in 0..<count { buffer[index] = ~buffer[index] }
    }
    guard isWhole, rows.endsHere() else { return nil }
    return Bitmap(width: image.width, height: image.height, bytes: bytes)
  }

  /// Fax data have no checksum, and libtiff makes something of anything. But the encoding of a
  /// picture in Group 4 is as good as unique (ITU-T T.6, 2.2), so that data which come out again were
  /// read rightly. The last four bytes are the end of the data, which some leave away.
  private static func proven(_ data: [UInt8], _ image: ImageDescription) -> Bitmap? {
    guard let black = Picture(fax: data, width: image.width, height: image.height)?.bitmap(),
      let again = Picture(black)?.fax(), data.starts(with: again.dropLast(4))
    else { return nil }
    return black
  }
}

extension FaxReader {
  /// The picture, black being 1; `nil` where the data are damaged. libtiff, with which ``Picture`` reads Group 4,
  /// knows of the other kinds only what a TIFF may hold.
  static func bitmap(
    _ bytes: [UInt8], _ fax: StreamFilter.Fax, width: Int, height: Int
  ) -> Bitmap? {
    rows(bytes, fax, width: width, height: height).flatMap {
      Bitmap(width: width, height: height, bytes: $0)
    }
  }
}
