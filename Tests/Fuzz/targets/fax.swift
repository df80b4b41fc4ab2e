import JBIG2
import PDF
@testable import Images

/// Fax data of any bytes and kind are read or refused, and what was read as Group 4 comes back from libtiff
/// as it was. Three bytes are the width and what kind it is, the rest the data.
@_cdecl("LLVMFuzzerTestOneInput") public func fuzz(_ data: UnsafePointer<UInt8>, _ size: Int)
  -> CInt
{
  guard size > 3 else { return 0 }
  let (width, height) = (1 + Int(data[0]) * 11, 1 + Int(data[1]) % 40)
  let bytes = Array(UnsafeBufferPointer(start: data + 3, count: size - 3))
  let fax = StreamFilter.Fax(
    k: Int(data[2]) % 3 - 1, columns: width, hasAlignedRows: data[2] & 0x40 != 0,
    hasEndsOfLine: data[2] & 0x80 != 0)
  if let bitmap = FaxReader.bitmap(bytes, fax, width: width, height: height) {
    precondition(bitmap.width == width && bitmap.height == height)
    guard let again = Picture(bitmap)?.fax() else { preconditionFailure("it cannot be written") }
    let group4 = StreamFilter.Fax(k: -1, columns: width)
    precondition(FaxReader.bitmap(again, group4, width: width, height: height) == bitmap)
  }
  _ = Picture(fax: bytes, width: width, height: height)?.bitmap()
  _ = TIFF.strip(of: bytes)
  return 0
}
