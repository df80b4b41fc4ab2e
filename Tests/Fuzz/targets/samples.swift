import PDF
@testable import Images

/// The samples of an image of any bytes, plain or deflated, with a predictor or without, and a JPEG's header:
/// as many rows as there are, and no more. Four bytes say how it is coded.
@_cdecl("LLVMFuzzerTestOneInput") public func fuzz(_ data: UnsafePointer<UInt8>, _ size: Int)
  -> CInt
{
  guard size > 4 else { return 0 }
  let (width, colours) = (1 + Int(data[0]) * 5, [1, 3, 4, 2][Int(data[1]) % 4])
  let bits = [1, 2, 4, 8, 16][Int(data[2]) % 5]
  let bytes = Array(UnsafeBufferPointer(start: data + 4, count: size - 4))
  let predictor =
    data[3] & 1 == 0
    ? nil
    : StreamFilter.Predictor(
      kind: [2, 10, 12, 15][Int(data[3] >> 2) % 4], colours: colours, bits: bits, columns: width)
  let filters: [StreamFilter] = data[3] & 2 == 0 && predictor == nil ? [] : [.flate(predictor)]
  let rowBytes = (width * colours * bits + 7) / 8
  if let coding = ImageCoding(filters),
    var rows = SampleRows(coding, bytes, rowBytes: rowBytes, rows: 64)
  {
    var row = [UInt8](repeating: 0, count: rowBytes)
    var count = 0
    while count < 64,
      row.withUnsafeMutableBufferPointer({ buffer in
        buffer.baseAddress.map { rows.next(into: $0) } ?? false
      })
    { count += 1 }
    _ = rows.endsHere()
  }
  _ = JPEGHeader(bytes)
  if let shorter = JPEGCodes.shortened(bytes, memory: 1 << 20) {
    precondition(shorter.count < bytes.count)
  }
  if let reader = JPEGReader(bytes, reduction: 1, transform: nil, memory: 1 << 20),
    reader.width <= 4096
  {
    var row = [UInt8](repeating: 0, count: reader.width * reader.channels)
    for _ in 0..<min(64, reader.height) {
      let isRead = row.withUnsafeMutableBufferPointer { buffer in
        buffer.baseAddress.map { reader.next(into: $0) } ?? false
      }
      if !isRead { break }
    }
  }
  return 0
}
