import Common
@testable import fetch

private let lookup: Lookup = {
  var lookup = Lookup()
  lookup.answer = "//h2[contains(., 'Grantor:')] | //text()[contains(., 'No records were found')]"
  lookup.images = "//a[contains(@href, 'pdf-records.php?image=')]/@href"
  lookup.actualBook = .init(
    xpath: "//td[starts-with(normalize-space(.), 'Book:')]", pattern: #"Book:\s*(\d+)"#)
  lookup.actualPage = .init(
    xpath: "//td[starts-with(normalize-space(.), 'Page:')]", pattern: #"Page:\s*(\d+)"#)
  return lookup
}()
private let portal: Portal = {
  var portal = Portal()
  portal.meanings = [("too many requests|try again later", .rateLimited)]
  return portal
}()

/// A look-up's page of any bytes, read as `portals/mid.yaml` has it.
@_cdecl("LLVMFuzzerTestOneInput") public func fuzz(_ data: UnsafePointer<UInt8>, _ size: Int)
  -> CInt
{
  let bytes = Array(UnsafeBufferPointer(start: data, count: size))
  _ = portal.meaning(of: bytes, for: .lookup(lookup))
  guard let answer = try? LookupAnswer(page: bytes, by: lookup) else { return 0 }
  precondition((1...LookupAnswer.maximumImages).contains(answer.images.count))
  precondition(answer.images.allSatisfy { $0.contains("pdf-records.php?image=") })
  return 0
}
