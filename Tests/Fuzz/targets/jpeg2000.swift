@testable import Images

/// A JPEG 2000 image or JBIG2 segments of any bytes: their headers are read, and what a small image needs is
/// decoded or refused. One byte says how often it is halved.
@_cdecl("LLVMFuzzerTestOneInput") public func fuzz(_ data: UnsafePointer<UInt8>, _ size: Int)
  -> CInt
{
  guard size > 1 else { return 0 }
  let bytes = Array(UnsafeBufferPointer(start: data + 1, count: size - 1))
  _ = JBIG2Segments.areGeneric(bytes, width: 64, height: 64)
  guard let header = JPEG2000Header(bytes), header.tiles <= 64, header.components.count <= 4 else {
    return 0
  }
  let halvings = min(Int(data[0]) % 4, header.halvings)
  guard JPEG2000Image.memory(header, halvings: halvings) <= 1 << 20,
    JPEG2000Image.memory(header, halvings: 0) <= 1 << 22,
    let image = JPEG2000Image(
      bytes, header, halvings: halvings, channels: header.components.count)
  else { return 0 }
  var row = [UInt8](repeating: 0, count: image.width * header.components.count)
  row.withUnsafeMutableBufferPointer { row in
    guard let start = row.baseAddress else { return }
    for y in 0..<image.height { image.row(y, into: start) }
  }
  return 0
}
