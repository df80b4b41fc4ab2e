import Images
import JBIG2

/// Any bitmap comes back from libjbig2dec as it was. Two bytes are its sides, the rest its pixels.
@_cdecl("LLVMFuzzerTestOneInput") public func fuzz(_ data: UnsafePointer<UInt8>, _ size: Int)
  -> CInt
{
  guard size > 2 else { return 0 }
  let (width, height) = (Int(data[0]) + 1, Int(data[1]) + 1)
  let given = UnsafeBufferPointer(start: data + 2, count: size - 2)
  let bytes = (0..<Bitmap.stride(width) * height).map { given[$0 % given.count] }
  guard let bitmap = Bitmap(width: width, height: height, bytes: bytes) else {
    preconditionFailure("\(width) by \(height)")
  }
  precondition(JBIG2Decoder.provenEncoding(of: bitmap) != nil)
  precondition(JBIG2Decoder.decode(JBIG2.encode(bitmap)) == bitmap)
  return 0
}
