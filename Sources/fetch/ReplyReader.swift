import Checkpoint
import Limiter
import Common
import Glibc
import Inspection
import Logging
import PDF
import HTTP

/// Finds out what an answer is: a page is read, and a PDF looked into, before either counts.
struct ReplyReader {
  let services: FetchServices
  let worker: Int
  let logger: Logger

  /// What the answer means, and where a browser would go on from a page that is none. Throws a
  /// ``RecordError`` that says why it cannot be read.
  func read(
    _ reply: inout PortalReply, _ context: RequestContext, now: Int
  ) throws -> (ResponseVerdict, next: PageFindings.Next?) {
    if reply.head.status == 304, !context.fields.isEmpty { return (.accepted, nil) }
    var findings = PageFindings()
    let body = try kind(of: &reply, context, &findings)
    var head = reply.head
    head.status = reply.status
    let step = context.step
    let meaning = context.portal.meanings(of: step).statuses[head.status]
    reply.isNamed = meaning != nil || findings.pageClass != nil && !reply.isAnswer(to: step)
    let verdict = ResponseVerdict(
      head, body, title: findings.title, for: step.purpose, meaning: meaning, now: now)
    guard reply.status == 200, meaning == nil, findings.isWayThrough(for: step) else {
      return (verdict, nil)
    }
    // A frame that leads elsewhere, to an advertisement say, is not what was asked for.
    let next = findings.next.first { link in
      (try? context.links.follow(link.url.description, from: reply.url)) != nil
    }
    return (verdict, next)
  }

  private func kind(
    of reply: inout PortalReply, _ context: RequestContext,
    _ findings: inout PageFindings
  ) throws -> ResponseVerdict.Body {
    switch reply.body.content() {
    case .empty: return .empty
    case .broken(let why): return .broken(why)
    case .other(let kind): return .other(kind.name, isPassing: false)
    // Whether it can be read is found out when it is made a PDF.
    case .image: return reply.head.announcesEnd ? .image : .broken("its length was not announced")
    case .pdf(let file): return .pdf(defect: try defect(of: file, in: &reply, context))
    case .page(let page, let kind):
      findings = try self.findings(in: page, reply, context)
      guard kind != .page, findings.pageClass == nil else {
        reply.answer = findings.answer
        return .page(pageClass: findings.pageClass)
      }
      guard context.step.purpose.isPage else { return .other(kind.name, isPassing: true) }
      reply.answer = findings.answer
      // Nothing but markup, or JSON where that is read, can say by its lack of links that there is no document.
      return .page(pageClass: findings.showsNoAnswer ? .portalError : nil)
    }
  }

  private func defect(
    of file: PDFFile, in reply: inout PortalReply, _ context: RequestContext
  ) throws -> String? {
    if let finding = file.finding {
      reply.finding = finding
    } else {
      // What was removed meanwhile is no bad PDF; who keeps it says so.
      guard access(file.path, F_OK) == 0 else { return nil }
      reply.finding = try services.inspectors.finding(of: file.path, worker: worker)
    }
    guard let finding = reply.finding else {
      logger.warning("\(context.id): could not inspect the PDF; keeping it as it is")
      return nil
    }
    // Without an announced length, only an end at the end shows that nothing is missing.
    if finding.defect == nil, !reply.head.announcesEnd, finding.trailing ?? 0 > 1024 {
      return "its length was not announced, and it does not end with %%EOF"
    }
    return finding.defect
  }

  private func findings(
    in page: PageBody, _ reply: PortalReply, _ context: RequestContext
  ) throws -> PageFindings {
    // What another status says is said by the status, unless the portal file has words for its pages.
    let isAnswer = reply.isAnswer(to: context.step)
    let meanings = context.portal.meanings(of: context.step)
    guard isAnswer || !meanings.patterns.isEmpty else { return PageFindings() }
    let stop = services.stop
    let request = PageFindings.Request(
      portal: context.portal, step: context.step, url: reply.url, head: reply.head,
      isAnswer: isAnswer, hasEnd: reply.head.announcesEnd)
    do {
      return try services.pages.whileReading(page.count, stop: stop) {
        try PageFindings(page, for: request) { stop.isRequested }
      }
    } catch let error as RecordError where error.kind == .portalError && !isAnswer {
      return PageFindings()
    }
  }
}
