import Common
import Testing
import HTTP

@testable import fetch

@Suite struct ResponseVerdictTests {
  private static func head(_ status: Int, _ headers: [(String, String)] = []) -> ResponseHead {
    ResponseHead(status: status, headers: headers.map { (name: $0.0, value: $0.1) })
  }

  struct Case: Sendable, CustomTestStringConvertible {
    let status: Int
    let headers: [(String, String)]
    let body: ResponseVerdict.Body
    let purpose: ResponseVerdict.Purpose
    let expected: ErrorClass?
    var slowDown = false
    var retryAfter: Double?
    var isLookup: Bool { purpose.isPage }
    var testDescription: String { "\(status) \(body) \(isLookup ? "looked up" : "")" }
  }

  private static let page = ResponseVerdict.Body.page(pageClass: nil)
  private static let whole = ResponseVerdict.Body.pdf(defect: nil)

  static let cases: [Case] = [
    Case(status: 200, headers: [], body: whole, purpose: .document, expected: nil),
    Case(status: 200, headers: [], body: whole, purpose: .page, expected: nil),
    Case(status: 200, headers: [], body: page, purpose: .page, expected: nil),
    Case(status: 200, headers: [], body: page, purpose: .document, expected: .portalError),
    Case(status: 200, headers: [], body: .empty, purpose: .document, expected: .badPDF),
    Case(
      status: 200, headers: [], body: .empty, purpose: .page, expected: .portalError),
    Case(
      status: 200, headers: [], body: .pdf(defect: "no end"), purpose: .document, expected: .badPDF),
    Case(
      status: 200, headers: [], body: .pdf(defect: "no end"), purpose: .page,
      expected: .badPDF),
    Case(
      status: 200, headers: [], body: .page(pageClass: .absent), purpose: .document,
      expected: .absent),
    Case(
      status: 200, headers: [], body: .page(pageClass: .restricted), purpose: .page,
      expected: .restricted),
    Case(
      status: 200, headers: [], body: .page(pageClass: .rateLimited), purpose: .page,
      expected: .rateLimited, slowDown: true),
    Case(status: 204, headers: [], body: .empty, purpose: .document, expected: .portalError),
    Case(status: 206, headers: [], body: whole, purpose: .document, expected: .portalError),
    Case(status: 302, headers: [], body: page, purpose: .document, expected: .portalError),
    Case(status: 304, headers: [], body: .empty, purpose: .document, expected: .portalError),
    Case(status: 400, headers: [], body: page, purpose: .page, expected: .portalError),
    Case(status: 401, headers: [], body: page, purpose: .document, expected: .restricted),
    Case(status: 403, headers: [], body: page, purpose: .document, expected: .restricted),
    Case(status: 404, headers: [], body: page, purpose: .document, expected: .absent),
    Case(status: 410, headers: [], body: .empty, purpose: .document, expected: .absent),
    Case(status: 408, headers: [], body: .empty, purpose: .document, expected: .timeout),
    Case(
      status: 429, headers: [], body: page, purpose: .document, expected: .rateLimited,
      slowDown: true),
    Case(
      status: 429, headers: [("retry-after", "17")], body: page, purpose: .page,
      expected: .rateLimited, slowDown: true, retryAfter: 17),
    Case(
      status: 503, headers: [("Retry-After", "Sun, 06 Nov 1994 08:49:37 GMT")], body: page,
      purpose: .document, expected: .rateLimited, slowDown: true),
    Case(status: 404, headers: [], body: page, purpose: .page, expected: .portalError),
    Case(status: 410, headers: [], body: page, purpose: .image, expected: .portalError),
    Case(
      status: 403, headers: [("Retry-After", "9"), ("Retry-After", "1, 30")], body: page,
      purpose: .document, expected: .restricted, retryAfter: 30),
    Case(
      status: 200, headers: [("Retry-After", "2.5")], body: page, purpose: .document,
      expected: .portalError, retryAfter: 2.5),
    Case(
      status: 429, headers: [("Retry-After", "-5")], body: page, purpose: .document,
      expected: .rateLimited, slowDown: true),
    Case(
      status: 429,
      headers: [
        ("Date", "Sun, 06 Nov 1994 08:49:07 GMT"),
        ("Retry-After", "Sun, 06 Nov 1994 08:49:37 GMT"),
      ], body: page, purpose: .document, expected: .rateLimited, slowDown: true, retryAfter: 30),
    Case(
      status: 503, headers: [("Retry-After", "soon")], body: page, purpose: .document,
      expected: .portalError, slowDown: true),
    Case(status: 500, headers: [], body: whole, purpose: .document, expected: .portalError),
    Case(status: 0, headers: [], body: whole, purpose: .document, expected: .portalError),
  ]

  @Test(arguments: cases) func judges(_ test: Case) {
    let verdict = ResponseVerdict(
      Self.head(test.status, test.headers), test.body, for: test.purpose, now: 1_700_000_000)
    switch verdict {
    case .accepted: #expect(test.expected == nil)
    case .redirect: Issue.record("no redirect was expected")
    case .refused(let error, let slowDown, let retryAfter):
      #expect(error.kind == test.expected)
      #expect(slowDown == test.slowDown)
      #expect(retryAfter == test.retryAfter)
    }
  }

  @Test(arguments: [301, 302, 303, 307, 308]) func followsRedirects(status: Int) {
    let head = Self.head(status, [("Location", "/b.pdf")])
    #expect(ResponseVerdict(head, .empty, for: .document, now: 0) == .redirect("/b.pdf"))
  }

  @Test(arguments: [
    ("120", 120.0), ("0", 0), ("99999999999", 99_999_999_999), ("-5", 0), ("", nil),
    ("1.5", 1.5), ("garbage", nil), ("1, 30", 30), ("30;1", nil), ("0x1F", nil), ("1e9", nil),
    ("Tue, 14 Nov 2023 22:13:30 GMT", 10),
    ("Tuesday, 14-Nov-23 22:13:30 GMT", 10), ("Tue Nov 14 22:13:30 2023", 10),
    ("Tue, 14 Nov 2000 22:13:30 GMT", 0),
  ])
  func readsRetryAfter(field: String, seconds: Double?) {
    #expect(retryAfterSeconds(field, now: 1_700_000_000) == seconds)
  }
}
