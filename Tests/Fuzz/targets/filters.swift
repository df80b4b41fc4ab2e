import PDF

/// Bytes behind any filter for bytes: read or refused, and never more than the limit. One byte says which.
@_cdecl("LLVMFuzzerTestOneInput") public func fuzz(_ data: UnsafePointer<UInt8>, _ size: Int)
  -> CInt
{
  guard size > 1 else { return 0 }
  let bytes = Array(UnsafeBufferPointer(start: data + 1, count: size - 1))
  let predictor = StreamFilter.Predictor(
    kind: [2, 12, 15, 7][Int(data[0] >> 3) % 4], colours: 3,
    bits: [1, 4, 8, 16][Int(data[0] >> 5) % 4],
    columns: 9)
  let filters: [StreamFilter] = [
    .lzw(nil, isEarly: true), .lzw(predictor, isEarly: false), .runLength, .ascii85, .asciiHex,
    .flate(predictor),
  ]
  let limit = 1 << 16
  if let content = filters[Int(data[0]) % filters.count].undone(bytes, limit: limit) {
    precondition(content.count <= 2 * limit + 4)
  }
  return 0
}
