import Common
import HTTP
@testable import Store

/// What a store answers, of any bytes: an error has a class, and a listing no more objects than it names. The
/// first two bytes are the status.
@_cdecl("LLVMFuzzerTestOneInput") public func fuzz(_ data: UnsafePointer<UInt8>, _ size: Int)
  -> CInt
{
  guard size > 2 else { return 0 }
  let status = 200 + (Int(data[0]) << 8 | Int(data[1])) % 400
  let body = Array(UnsafeBufferPointer(start: data + 2, count: size - 2))
  var head = ResponseHead()
  head.status = status
  let answer = StoreResponse(head: head, body: body)
  let (amazon, google) = (AmazonError(answer), GoogleError(answer))
  // A page of HTML is no answer of a store's, whatever its status says.
  let good = answer.isPage ? ResponseClass.refused(.foreign) : .success
  precondition(status >= 300 || google.responseClass == good)
  precondition(amazon.status == status || status == 200 && amazon.status == 500)
  _ = amazon.responseClass
  let elements = XMLElements(body)
  let contents = elements.all("Contents")
  precondition(contents.count <= size / 20)
  let keys = contents.compactMap { $0.text("Key") }
  let coding = KeyCoding(keys, named: elements.text("EncodingType"))
  for key in keys { _ = coding.name(of: key) }
  _ = XMLText.decoded(String(decoding: body, as: UTF8.self))
  return 0
}
