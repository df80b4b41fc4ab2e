import CLeptonica

/// Leptonica could not do something; it says no more than that.
struct PictureError: Error, Sendable, Equatable, CustomStringConvertible {
  /// What it was to do: `draw a line of text`.
  let action: String
  var description: String { "Leptonica could not \(action)" }
}

/// The owner of an image of Leptonica. Not `Sendable`: its count of references is not atomic.
final class Picture {
  let pointer: UnsafeMutablePointer<PIX>

  /// Takes over what a call returned.
  init(_ action: String, _ pointer: UnsafeMutablePointer<PIX>?) throws(PictureError) {
    guard let pointer else { throw PictureError(action: action) }
    self.pointer = pointer
  }

  /// An empty image, 1 or 8 bits a pixel.
  convenience init(width: Int, height: Int, depth: Int32) throws(PictureError) {
    try self.init("make an image", pixCreate(Int32(width), Int32(height), depth))
  }

  deinit {
    var pointer: UnsafeMutablePointer<PIX>? = pointer
    pixDestroy(&pointer)
  }

  /// Blackens a rectangle; what lies outside is cut off. Images of one bit only.
  func fill(x: Int, y: Int, width: Int, height: Int) {
    pixRasterop(
      pointer, Int32(x), Int32(y), Int32(width), Int32(height), PIX_SET, nil, 0, 0)
  }

  /// The image in a file format (`IFF_TIFF_G4`, …).
  func encoded(
    _ action: String,
    _ write: (UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>, UnsafeMutablePointer<Int>)
      -> l_ok
  ) throws(PictureError) -> [UInt8] {
    var data: UnsafeMutablePointer<UInt8>?
    var size = 0
    let failure = write(&data, &size)
    defer { lept_free(data) }
    guard failure == 0, let data else { throw PictureError(action: action) }
    return Array(UnsafeBufferPointer(start: data, count: size))
  }
}

/// The owner of one of the fonts that Leptonica brings along.
final class Font {
  let pointer: UnsafeMutablePointer<L_BMF>

  /// `size` is even, from 4 to 20; a line of size 8 is 33 pixels high.
  init(size: Int32) throws(PictureError) {
    guard let pointer = bmfCreate(nil, size) else { throw PictureError(action: "make a font") }
    self.pointer = pointer
  }

  deinit {
    var pointer: UnsafeMutablePointer<L_BMF>? = pointer
    bmfDestroy(&pointer)
  }

  /// Height of a line in pixels.
  var lineHeight: Int { Int(pointer.pointee.lineheight) }
}
