import Common
import HTTP
@testable import fetch

private let lookup: Lookup = {
  var lookup = Lookup()
  lookup.answer = "//h2[contains(., 'Grantor:')] | //text()[contains(., 'No records were found')]"
  lookup.images = "//a[contains(@href, 'pdf-records.php?image=')]/@href"
  lookup.actualBook = .init(
    xpath: "//td[starts-with(normalize-space(.), 'Book:')]", pattern: Pattern(#"Book:\s*(\d+)"#))
  lookup.actualPage = .init(
    xpath: "//td[starts-with(normalize-space(.), 'Page:')]", pattern: Pattern(#"Page:\s*(\d+)"#))
  return lookup
}()
private let portal: Portal = {
  var portal = Portal()
  portal.meanings = [Pattern("too many requests|try again later", ignoresCase: true)]
    .compactMap { $0.map { ($0, .rateLimited) } }
  return portal
}()

/// A look-up's page of any bytes, read as `portals/mid.yaml` has it.
@_cdecl("LLVMFuzzerTestOneInput") public func fuzz(_ data: UnsafePointer<UInt8>, _ size: Int)
  -> CInt
{
  let body = PageBody(path: "/dev/null/none")
  // More than stays in memory would go to a file.
  guard size <= 64 << 10, let url = WebURL("http://portal.example.org/a/page"),
    body.append(UnsafeRawBufferPointer(start: data, count: size)) == nil
  else { return 0 }
  let request = PageFindings.Request(
    portal: portal, purpose: .lookup(lookup), url: url,
    contentType: size > 2 && data[0] == 0x21 ? "text/html; charset=shift_jis" : nil)
  guard let findings = try? PageFindings(body, for: request), let answer = findings.answer else {
    return 0
  }
  precondition(answer.images.allSatisfy { $0.contains("pdf-records.php?image=") })
  guard let urls = try? answer.urls(by: LinkRule(hosts: [])) else { return 0 }
  precondition((1...LookupAnswer.maximumImages).contains(urls.count))
  precondition(Set(urls).count == urls.count && urls.allSatisfy { $0.host == url.host })
  return 0
}
