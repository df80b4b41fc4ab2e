/// Writes JBIG2 as it is embedded in a PDF (ISO 32000-1, 7.4.7): segments without a file header,
/// and without the segments that end a page or a file. Lossless always: no symbols are matched.
public enum JBIG2 {
  /// The stream of a page that shows `bitmap`: what it is, and one generic region.
  public static func encode(_ bitmap: Bitmap) -> [UInt8] {
    let size = word(bitmap.width) + word(bitmap.height)
    // Page information (T.88, 7.4.8): unknown resolution; lossless, at first white, not striped.
    let page = size + word(0) + word(0) + [0x01, 0, 0]
    // Region information (7.4.1) at 0, 0; then flags (7.4.6.2: arithmetic coding, template 0,
    // typical prediction) and the four adaptive pixels where they nominally are (7.4.6.3).
    let region = size + word(0) + word(0) + [0, 0x08, 3, 0xFF, 0xFD, 0xFF, 2, 0xFE, 0xFE, 0xFE]
    return segment(0, type: 48, page) + segment(1, type: 38, region + GenericRegion.encode(bitmap))
  }

  /// A segment of page 1 that refers to no other (7.2).
  private static func segment(_ number: Int, type: UInt8, _ data: [UInt8]) -> [UInt8] {
    word(number) + [type, 0, 1] + word(data.count) + data
  }

  private static func word(_ value: Int) -> [UInt8] {
    [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
  }
}
