import Common
import HTTP
import Inspection

/// One thing to be asked for, and for which document.
struct RequestContext: Sendable {
  let id: String
  let portal: Portal
  let step: PortalStep
  var addresses = AddressRule.any
  /// Further header fields of the first request: the conditions of a recheck.
  var fields: [(name: String, value: String)] = []
  /// The page on which the link was found.
  var referer: WebURL?
  /// Whether "there is none" is what a list of numbers ends with.
  var mayEnd = false
  /// Whether a session that is over is begun again, once for a document.
  var mayRenew = false

  /// Whether another document may ask the same, and be answered the same.
  var isRepeatable: Bool {
    portal.session == .worker && portal.login.isEmpty || step.number == 1 && !step.isLogin
  }

  var links: LinkRule { LinkRule(hosts: portal.hosts) }
}

/// A good answer.
struct PortalReply {
  /// Where it came from in the end.
  let url: WebURL
  let head: ResponseHead
  /// The server's address, as numbers.
  let address: String?
  let body: BodyReceiver
  /// What the page says, where one was looked up.
  var answer: StepAnswer?
  /// Whether the portal file says what the answer's status, or a page of such a status, means.
  var isNamed = false
  /// What was found out about the PDF.
  var finding: PDFFinding?

  /// The status; 200 where the rest of a body came that an earlier answer had begun.
  var status: Int { body.isContinuation ? 200 : head.status }

  /// Whether it is read as an answer.
  func isAnswer(to step: PortalStep) -> Bool {
    status == 200 || step.purpose.isPage && (200..<300).contains(status)
  }
}
