import Common

/// JSON comes out as it went in, on one line, and a line of any bytes is a record or says why not.
@_cdecl("LLVMFuzzerTestOneInput") public func fuzz(_ data: UnsafePointer<UInt8>, _ size: Int)
  -> CInt
{
  let bytes = Array(UnsafeBufferPointer(start: data, count: size))
  if let value = try? JSON(parsing: bytes) {
    let text = value.serialized()
    precondition(!text.contains(UInt8(ascii: "\n")))
    precondition((try? JSON(parsing: text)) == value)
  }
  switch InputLine(bytes, number: 1, tool: "fuzz") {
  case .record(let record), .failed(let record, _):
    precondition((1...DocumentRecord.maximumID).contains(record.id.utf8.count))
  case .invalid(let refusal, _): precondition(refusal["error"]?.object != nil)
  }
  return 0
}
