import Common
import Glibc
import Inspection
import Logging
import PDF
import State
import Transfer

/// Finds out what an answer is: a page is read, and a PDF looked into, before either counts.
struct ReplyReader {
  let services: FetchServices
  let worker: Int
  let logger: Logger

  /// What the answer means, and where a browser would go on from a page that is none. Throws a
  /// ``RecordError`` that says why it cannot be read.
  func read(
    _ reply: inout Requester.Reply, _ errand: Requester.Errand, now: Int
  ) throws -> (Judgement, next: PageFindings.Next?) {
    if reply.head.status == 304, !errand.fields.isEmpty { return (.accepted, nil) }
    var findings = PageFindings()
    let body = try kind(of: &reply, errand, &findings)
    var head = reply.head
    head.status = reply.status
    let judgement = Judgement(
      head, body, title: findings.title, for: errand.purpose, now: now)
    guard reply.status == 200, findings.isWayThrough(for: errand.purpose) else {
      return (judgement, nil)
    }
    // A frame that leads elsewhere, to an advertisement say, is not what was asked for.
    let next = findings.next.first { link in
      (try? errand.links.follow(link.url.description, from: reply.url)) != nil
    }
    return (judgement, next)
  }

  private func kind(
    of reply: inout Requester.Reply, _ errand: Requester.Errand, _ findings: inout PageFindings
  ) throws -> Judgement.Body {
    switch reply.body.content() {
    case .empty: return .empty
    case .broken(let why): return .broken(why)
    case .other(let kind): return .other(kind.name, isPassing: false)
    case .pdf(let file): return .pdf(defect: try defect(of: file, in: &reply, errand))
    case .page(let page, let kind):
      findings = try self.findings(in: page, reply, errand)
      guard kind != .page, findings.meaning == nil else {
        reply.answer = findings.answer
        return .page(meaning: findings.meaning)
      }
      guard errand.purpose.isLookup else { return .other(kind.name, isPassing: true) }
      reply.answer = findings.answer
      // Nothing but markup can say by its lack of links that there is no document.
      return .page(meaning: findings.showsNoAnswer ? .portalError : nil)
    }
  }

  private func defect(
    of file: PDFFile, in reply: inout Requester.Reply, _ errand: Requester.Errand
  ) throws -> String? {
    // What was removed meanwhile is no bad PDF; who keeps it says so.
    guard access(file.path, F_OK) == 0 else { return nil }
    guard let finding = try services.inspectors.finding(of: file.path, worker: worker) else {
      logger.warning("\(errand.id): the PDF could not be looked into; it is taken as it is")
      return nil
    }
    reply.finding = finding
    // Without an announced length, only an end at the end shows that nothing is missing.
    if finding.defect == nil, !reply.head.announcesEnd, finding.trailing ?? 0 > 1024 {
      return "its length was not announced, and it does not end with %%EOF"
    }
    return finding.defect
  }

  private func findings(
    in page: PageBody, _ reply: Requester.Reply, _ errand: Requester.Errand
  ) throws -> PageFindings {
    // What another status says is said by the status, unless the portal file has words for its pages.
    guard reply.status == 200 || !errand.portal.meanings.isEmpty else { return PageFindings() }
    let stop = services.stop
    let request = PageFindings.Request(
      portal: errand.portal, purpose: errand.purpose, url: reply.url,
      contentType: reply.head.header("Content-Type"), hasEnd: reply.head.announcesEnd)
    do {
      return try services.pages.whileReading(page.count, stop: stop) {
        try PageFindings(page, for: request) { stop.isRequested }
      }
    } catch let error as RecordError where error.kind == .portalError && reply.status != 200 {
      return PageFindings()
    }
  }
}
