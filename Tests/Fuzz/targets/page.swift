import Common
import HTTP
@testable import fetch

/// The step of a look-up, which also reads a form and the next page, and that of an API.
private let steps: [PortalStep] = {
  var lookup = PortalStep()
  lookup.purpose = .page
  lookup.answer = "//h2[contains(., 'Grantor:')] | //text()[contains(., 'No records were found')]"
  lookup.readings = [
    .init(
      name: "images", source: .xpath("//a[contains(@href, 'pdf-records.php?image=')]/@href"),
      isList: true, isLink: true, isInAddress: true),
    .init(
      name: "actual_book", source: .xpath("//td[starts-with(normalize-space(.), 'Book:')]"),
      pattern: Pattern(#"Book:\s*(\d+)"#), isOptional: true),
    .init(
      name: "words", source: .text, pattern: Pattern(#"\w+"#), isList: true, isOptional: true),
  ]
  lookup.next = "//a[@rel='next']/@href"
  var form = lookup
  form.answer = nil
  form.formForNext = "//form"
  var api = lookup
  api.answer = "/results"
  api.next = "/next"
  api.readings = [
    .init(
      name: "images", source: .json(JSONPointer("/results/*/url") ?? JSONPointer.root),
      isList: true,
      isLink: true, isInAddress: true),
    .init(
      name: "all", source: .json(JSONPointer("/*/*/*") ?? JSONPointer.root), isList: true,
      isOptional: true),
  ]
  return [lookup, form, api]
}()
private let portal: Portal = {
  var portal = Portal()
  portal.meanings.patterns = [Pattern("too many requests|try again later", ignoresCase: true)]
    .compactMap { $0.map { ($0, .rateLimited) } }
  return portal
}()

/// An answer of any bytes, read as steps have it; links stay with the host.
@_cdecl("LLVMFuzzerTestOneInput") public func fuzz(_ data: UnsafePointer<UInt8>, _ size: Int)
  -> CInt
{
  // More than stays in memory would go to a file.
  guard size <= 64 << 10, let url = WebURL("http://portal.example.org/a/page") else { return 0 }
  for step in steps {
    let body = PageBody(path: "/dev/null/none")
    guard body.append(UnsafeRawBufferPointer(start: data, count: size)) == nil else { return 0 }
    let fields =
      size > 2 && data[0] == 0x21 ? [("Content-Type", "text/html; charset=shift_jis")] : []
    let request = PageFindings.Request(
      portal: portal, step: step, url: url,
      head: ResponseHead(status: 200, headers: fields.map { (name: $0.0, value: $0.1) }))
    guard let findings = try? PageFindings(body, for: request), let answer = findings.answer,
      let outcome = try? StepOutcome(answer, step, LinkRule(hosts: []))
    else { continue }
    guard let urls = outcome.values["images"]?.urls else { continue }
    precondition((1...PortalStep.maximumValues).contains(urls.count))
    precondition(Set(urls).count == urls.count && urls.allSatisfy { $0.host == url.host })
    precondition(outcome.next.map { $0.host == url.host && $0 != url } ?? true)
    precondition(outcome.form.map { $0.url.host == url.host } ?? true)
    precondition(outcome.values.values.allSatisfy { $0.count <= PortalStep.maximumValues })
  }
  return 0
}
