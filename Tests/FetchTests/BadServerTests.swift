import Checkpoint
import Limiter
import Common
import Glibc
import Support
import Testing
import HTTP

@testable import fetch

/// What servers do wrong, and what it has to be called (docs/fetch.md, "What is accepted").
@Suite struct BadServerTests {
  static let pdf = String(decoding: PDFBuilder.scan(), as: UTF8.self)

  static func head(_ status: String, _ fields: [String], length: Int? = nil) -> String {
    let length = length.map { ["Content-Length: \($0)"] } ?? []
    return (["HTTP/1.1 \(status)"] + fields + length).joined(separator: "\r\n") + "\r\n\r\n"
  }

  static func whole(_ status: String, _ body: String, _ fields: [String] = [])
    -> ScriptedServer.Step
  {
    .send(head(status, fields, length: body.utf8.count) + body)
  }

  struct Fault: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let steps: [ScriptedServer.Step]
    /// `nil` where the document is good all the same.
    let kind: ErrorClass?

    init(_ name: String, _ kind: ErrorClass?, _ steps: [ScriptedServer.Step]) {
      testDescription = name
      self.kind = kind
      self.steps = steps
    }
  }

  static let faults: [Fault] = [
    Fault("a good answer", nil, [whole("200 OK", pdf)]),
    Fault("no length, closed at the end", nil, [.send(head("200 OK", []) + pdf), .close]),
    Fault("junk before %PDF-", nil, [whole("200 OK", "\r\n\r\n" + pdf)]),
    Fault(
      "more than announced", nil,
      [.send(head("200 OK", [], length: pdf.utf8.count) + pdf + "extra"), .close]),
    Fault("a folded header line", nil, [whole("200 OK", pdf, ["X-Fold: a", " b"])]),
    Fault(
      "an early hint first", nil,
      [.send("HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n"), whole("200 OK", pdf)]),
    Fault("reset before the headers", .network, [.reset]),
    Fault("closed before the headers", .network, [.close]),
    Fault("reset in the body", .network, [.send(head("200 OK", [], length: 9000) + pdf), .reset]),
    Fault(
      "shorter than announced", .network, [.send(head("200 OK", [], length: 9000) + pdf), .close]),
    Fault(
      "a cut chunk", .network,
      [.send(head("200 OK", ["Transfer-Encoding: chunked"]) + "1000\r\n" + pdf), .close]),
    Fault(
      "a chunk that is none", .network,
      [.send(head("200 OK", ["Transfer-Encoding: chunked"]) + "zz\r\n" + pdf), .close]),
    Fault("silence", .timeout, [.stall]),
    Fault(
      "silence in the body", .timeout, [.send(head("200 OK", [], length: 9000) + pdf), .stall]),
    Fault(
      "a byte now and then", .timeout,
      [.send(head("200 OK", [], length: pdf.utf8.count)), .drip(Array(pdf.utf8), every: 0.05)]),
    Fault("no status line", .network, [.send("hello\r\n\r\n" + pdf), .close]),
    Fault(
      "headers without end", .tooLarge,
      [.send("HTTP/1.1 200 OK\r\n"), .sendForever(Array("X-Long: yes yes yes yes\r\n".utf8))]),
    Fault(
      "a body without end", .tooLarge,
      [
        .send(head("200 OK", []) + "%PDF-1.4\n"),
        .sendForever([UInt8](repeating: 32, count: 65_536)),
      ]),
    Fault(
      "a length beyond the limit", .tooLarge,
      [.send(head("200 OK", [], length: 1 << 40) + pdf), .stall]),
    Fault("HTML with 200", .portalError, [whole("200 OK", "<html><h1>Database error</h1></html>")]),
    Fault(
      "a log-in page", .portalError,
      [whole("200 OK", "<form><input type=password></form>", ["Set-Cookie: a=b"])]),
    Fault("an empty body", .badPDF, [whole("200 OK", "")]),
    Fault("no end", .badPDF, [whole("200 OK", String(pdf.dropLast(7)))]),
    Fault(
      "compressed, unasked, and damaged", .portalError,
      [whole("200 OK", "\u{1F}\u{8B}\u{8}\u{0}compressed", ["Content-Encoding: gzip"])]),
    Fault(
      "%PDF- too late", .notPDF, [whole("200 OK", String(repeating: " ", count: 2000) + pdf)]),
    Fault(
      "a part, unasked", .portalError,
      [whole("206 Partial Content", pdf, ["Content-Range: bytes 0-99/100"])]),
    Fault("no content", .portalError, [.send("HTTP/1.1 204 No Content\r\n\r\n")]),
    Fault("not modified, unasked", .portalError, [.send("HTTP/1.1 304 Not Modified\r\n\r\n")]),
    Fault("not found", .absent, [whole("404 Not Found", "<h1>Not Found")]),
    Fault("gone", .absent, [whole("410 Gone", "")]),
    Fault("forbidden", .restricted, [whole("403 Forbidden", "no")]),
    Fault(
      "unauthorized", .restricted, [whole("401 Unauthorized", "no", ["WWW-Authenticate: Basic"])]),
    Fault("a server error with a PDF", .portalError, [whole("500 Oops", pdf)]),
    Fault("too many requests", .rateLimited, [whole("429 Slow down", "", ["Retry-After: 0"])]),
    Fault("a redirect to itself", .portalError, [whole("302 Found", "", ["Location: /again"])]),
    Fault("a redirect nowhere", .portalError, [whole("302 Found", "")]),
    Fault(
      "a redirect to a file", .blockedURL,
      [whole("302 Found", "", ["Location: file:///etc/passwd"])]),
    Fault(
      "a redirect to another host", .blockedURL,
      [whole("301 Moved", "", ["Location: http://localhost:1/x"])]),
    Fault(
      "a redirect to metadata", .blockedURL,
      [whole("307 There", "", ["Location: http://169.254.169.254/latest"])]),
    Fault(
      "a redirect with a password", .blockedURL,
      [whole("302 Found", "", ["Location: http://a:b@127.0.0.1/x"])]),
  ]

  @Test(arguments: faults) func everyFaultHasItsName(_ fault: Fault) throws {
    let server = try ScriptedServer { _, _ in fault.steps }
    let run = try FetchRun { $0.transfer.maximumBody = 1 << 20 }
    let began = Time.monotonic()
    let result = try run.fetch(server.url + "/a.pdf")
    let seconds = Double(Time.monotonic() - began) / 1e9
    #expect(seconds < 9, "limits on time hold")
    let files = run.files()
    #expect(files.parts == [], "nothing lies half done")
    switch result {
    case .success(let record):
      #expect(fault.kind == nil)
      #expect(files.documents == [record["fetch"]?["path"]?.string])
    case .failure(let error):
      #expect(error.kind == fault.kind)
      #expect(error.message.contains("127.0.0.1") || error.kind == .blockedURL)
      #expect(files.documents == [])
      #expect(try run.services.checkpoint.entry("1")?.errorClass == fault.kind?.rawValue)
    }
  }

  @Test func whatMayPassIsTriedAgain() throws {
    let server = try ScriptedServer { _, number in
      switch number {
      case 1: [.reset]
      case 2: [Self.whole("503 Busy", "", ["Retry-After: 0"])]
      case 3: [Self.whole("200 OK", "<h1>Error")]
      default: [Self.whole("200 OK", Self.pdf)]
      }
    }
    let run = try FetchRun { $0.retry = RetryPolicy(retries: 3, base: 0.01) }
    let record = try run.fetch(server.url + "/a.pdf").get()
    #expect(record["fetch"]?["http_status"] == .int(200))
    #expect(server.requests.count == 4)
  }

  @Test func whatIsFinalIsNotTriedAgain() throws {
    let server = try ScriptedServer { _, _ in [Self.whole("404 Not Found", "")] }
    let run = try FetchRun { $0.retry = RetryPolicy(retries: 3, base: 0.01) }
    _ = try run.fetch(server.url + "/a.pdf")
    #expect(server.requests.count == 1)
  }

  @Test func theErrorMetMostOftenIsTheOneReported() throws {
    let server = try ScriptedServer { _, number in
      number % 4 == 0 ? [.reset] : [Self.whole("200 OK", "<h1>Image unavailable")]
    }
    let run = try FetchRun { $0.retry = RetryPolicy(retries: 3, base: 0.01) }
    let error = #expect(throws: RecordError.self) { try run.fetch(server.url + "/a.pdf").get() }
    #expect(server.requests.count == 4)
    #expect(error?.kind == .portalError)
  }

  @Test(arguments: [
    ([ErrorClass.portalError, .network, .network, .portalError], ErrorClass.portalError),
    ([.portalError, .portalError, .network, .network], .portalError),
    ([.network, .rateLimited, .rateLimited, .network], .network),
    ([.portalError, .network, .network, .network], .network),
    ([.portalError, .portalError, .absent], .absent),
    ([.timeout], .timeout),
  ])
  func oneErrorSpeaksForSeveral(met: [ErrorClass], reported: ErrorClass) {
    #expect(Requester.verdict(of: met.map { RecordError($0, "") }).kind == reported)
  }

  @Test func retryAfterHoldsForTheNextDocument() throws {
    let server = try ScriptedServer { head, _ in
      head.contains("/a.pdf")
        ? [Self.whole("429 Slow down", "", ["Retry-After: 1"])] : [Self.whole("200 OK", Self.pdf)]
    }
    let run = try FetchRun()
    #expect(throws: RecordError.self) { try run.fetch(server.url + "/a.pdf").get() }
    let began = Time.monotonic()
    _ = try run.fetch(server.url + "/b.pdf", id: "2").get()
    #expect(Double(Time.monotonic() - began) / 1e9 > 0.9)
  }

  @Test func aRedirectOfTheSameHostIsFollowed() throws {
    let server = try ScriptedServer { head, _ in
      head.hasPrefix("GET /a.pdf ")
        ? [Self.whole("302 Found", "moved", ["Location: b.pdf#page=1"])]
        : [Self.whole("200 OK", Self.pdf)]
    }
    let record = try FetchRun().fetch(server.url + "/a.pdf").get()
    #expect(record["fetch"]?["url"] == .string(server.url + "/b.pdf"))
  }

  @Test(arguments: ["ETag: \"v1\"", "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT"])
  func aBodyThatBrokeOffIsContinued(validator: String) throws {
    let cut = 2000
    let server = try ScriptedServer { head, number in
      if number == 1 {
        return [
          .send(
            Self.head("200 OK", [validator], length: Self.pdf.utf8.count) + Self.pdf.prefix(cut)),
          .close,
        ]
      }
      let rest = String(Self.pdf.dropFirst(cut))
      let range = "Content-Range: bytes \(cut)-\(Self.pdf.utf8.count - 1)/\(Self.pdf.utf8.count)"
      return [Self.whole("206 Partial Content", rest, [range])]
    }
    let run = try FetchRun { $0.retry = RetryPolicy(retries: 1, base: 0.01) }
    let record = try run.fetch(server.url + "/a.pdf").get()
    #expect(record["fetch"]?["bytes"] == .int(Self.pdf.utf8.count))
    let request = try #require(server.requests.last)
    #expect(request.contains("Range: bytes=\(cut)-\r\n"))
    let value = validator.split(separator: ": ", maxSplits: 1)[1]
    #expect(request.contains("If-Range: \(value)\r\n"))
  }

  @Test func aDocumentThatChangedInBetweenIsBegunAgain() throws {
    let other = Self.pdf.replacing("page", with: "PAGE")
    let server = try ScriptedServer { _, number in
      number == 1
        ? [.send(Self.head("200 OK", ["ETag: \"v1\""], length: 9000) + Self.pdf), .close]
        : [Self.whole("200 OK", other, ["ETag: \"v2\""])]
    }
    let run = try FetchRun { $0.retry = RetryPolicy(retries: 1, base: 0.01) }
    let record = try run.fetch(server.url + "/a.pdf").get()
    #expect(record["fetch"]?["bytes"] == .int(other.utf8.count))
    #expect(record["fetch"]?["etag"] == .string("\"v2\""))
  }

  /// What comes in answer to the wish for the rest of a body, and does not continue it.
  static let wrongRests: [Fault] = {
    let (cut, length) = (2000, pdf.utf8.count)
    let rest = String(pdf.dropFirst(cut))
    func range(_ text: String, _ body: String = rest, _ more: [String] = []) -> [ScriptedServer
      .Step]
    {
      [whole("206 Partial Content", body, ["Content-Range: bytes \(text)"] + more)]
    }
    return [
      Fault("another offset", nil, range("1999-\(length - 1)/\(length)", "x" + rest)),
      Fault("another total", nil, range("\(cut)-\(length)/\(length + 1)", rest + "x")),
      Fault(
        "another content", nil, range("\(cut)-\(length - 1)/\(length)", rest, [#"ETag: "v2""#])),
      Fault(
        "not to the end", nil, range("\(cut)-\(length - 9)/\(length)", String(rest.dropLast(8)))),
      Fault(
        "more than announced", nil,
        [
          .send(
            head(
              "206 Partial Content",
              [
                "Content-Range: bytes \(cut)-\(length - 1)/\(length)", "Transfer-Encoding: chunked",
              ]) + "\(String(rest.utf8.count + 6, radix: 16))\r\n" + rest + "%%EOF\n\r\n0\r\n\r\n")
        ]),
      Fault("no range", nil, [whole("206 Partial Content", rest)]),
      Fault(
        "several ranges", nil,
        [
          whole("206 Partial Content", rest, ["Content-Type: multipart/byteranges; boundary=x"])
        ]),
      Fault(
        "no such range", nil,
        [
          whole("416 Range Not Satisfiable", "", ["Content-Range: bytes */\(length)"])
        ]),
      Fault("a bad request", nil, [whole("400 Bad Request", "")]),
      Fault("forbidden", nil, [whole("403 Forbidden", "")]),
      Fault("a precondition", nil, [whole("412 Precondition Failed", "")]),
      Fault("not found", nil, [whole("404 Not Found", "")]),
    ]
  }()

  @Test(arguments: wrongRests) func whatDoesNotContinueABodyIsForgotten(_ fault: Fault) throws {
    let server = try ScriptedServer { head, number in
      if number == 1 {
        return [
          .send(
            Self.head("200 OK", ["ETag: \"v1\""], length: Self.pdf.utf8.count)
              + Self.pdf.prefix(2000)), .close,
        ]
      }
      return head.contains("Range: bytes=2000-")
        ? fault.steps
        : [Self.whole("200 OK", Self.pdf, ["ETag: \"v1\""])]
    }
    let run = try FetchRun { $0.retry = RetryPolicy(retries: 3, base: 0.01) }
    let record = try run.fetch(server.url + "/a.pdf").get()
    #expect(record["fetch"]?["bytes"] == .int(Self.pdf.utf8.count))
    #expect(server.requests.count == 3)
    #expect(server.requests.last?.contains("Range:") == false)
  }

  /// libcurl calls a line of more than 100 kB "out of memory".
  @Test(arguments: [200_000, 8_000_000]) func aHeaderLineWithoutEndIsTooLarge(length: Int) throws {
    let server = try ScriptedServer { _, _ in
      [
        .send("HTTP/1.1 200 OK\r\nX: " + String(repeating: "x", count: length) + "\r\n\r\n"),
        .close,
      ]
    }
    let error = #expect(throws: RecordError.self) {
      try FetchRun().fetch(server.url + "/a.pdf").get()
    }
    #expect(error?.kind == .tooLarge, "\(String(describing: error))")
  }

  @Test(
    "Retry-After holds for every status, and whatever becomes of the body",
    arguments: [
      "302 Found", "403 Forbidden", "404 Not Found", "500 Oops", "429 Slow down", "503 Busy",
    ], [[], [.send("x"), .close], [.send("x"), .reset]] as [[ScriptedServer.Step]])
  func retryAfterHoldsForEveryStatus(status: String, end: [ScriptedServer.Step]) throws {
    let fields = ["Retry-After: 0.2", "Retry-After: 1", "Location: /b.pdf"]
    let server = try ScriptedServer { head, _ in
      head.contains("/a.pdf")
        ? [.send(Self.head(status, fields, length: end.isEmpty ? 0 : 100))] + end
        : [Self.whole("200 OK", Self.pdf)]
    }
    let run = try FetchRun()
    let began = Time.monotonic()
    _ = try run.fetch(server.url + "/a.pdf")
    _ = try run.fetch(server.url + "/b.pdf", id: "2").get()
    #expect(Double(Time.monotonic() - began) / 1e9 > 0.9)
  }

  @Test func aRecheckAsksConditionally() throws {
    let server = try ScriptedServer { head, _ in
      head.contains("If-None-Match: \"v1\"")
        ? [.send("HTTP/1.1 304 Not Modified\r\n\r\n")]
        : [Self.whole("200 OK", Self.pdf, ["ETag: \"v1\""])]
    }
    let run = try FetchRun { $0.rechecks = true }
    _ = try run.fetch(server.url + "/a.pdf").get()
    let again = try run.fetch(server.url + "/a.pdf").get()
    #expect(again["fetch"]?["resumed"] == .bool(true))
    #expect(server.requests.count == 2)
  }

  @Test func whatIsThereIsNotAskedForAgain() throws {
    let server = try ScriptedServer { _, _ in [Self.whole("200 OK", Self.pdf)] }
    let run = try FetchRun()
    let first = try run.fetch(server.url + "/a.pdf").get()
    let again = try run.fetch(server.url + "/a.pdf").get()
    #expect(server.requests.count == 1)
    #expect(again["fetch"]?["sha256"] == first["fetch"]?["sha256"])
  }

  /// Several lines at once: the same answers as one by one for what is there, none for anything else.
  @Test func whatIsThereIsAnsweredWithOneLook() throws {
    let server = try ScriptedServer { head, _ in
      [head.contains("absent") ? Self.whole("404 Not Found", "") : Self.whole("200 OK", Self.pdf)]
    }
    let run = try FetchRun()
    let ids = ["there", "removed", "cut", "touched", "replaced", "absent", "other", "taken"]
    for id in ids { _ = try run.fetch("\(server.url)/\(id).pdf", id: id) }
    let asked = server.requests.count
    func file(_ id: String) -> String { run.services.spool.path(of: id) }
    unlink(file("removed"))
    truncate(file("cut"), 5)
    chmod(file("touched"), 0o640)
    let before = FileStamp(path: file("replaced"))
    repeat {
      try run.directory.write(
        String(Self.pdf.reversed()), to: "spool/" + run.services.spool.relativePath(of: "replaced"))
    } while FileStamp(path: file("replaced")) == before
    #expect(
      try run.services.idsInWork.take("taken", for: "another", stop: run.services.stop))
    func record(_ id: String, _ url: JSON?) -> DocumentRecord {
      DocumentRecord(id: id, fields: ["url": url, "extra": .int(7)])
    }
    var records = (ids + ["never"]).map { id in
      record(id, .string("\(server.url)/\(id == "other" ? "changed" : id).pdf"))
    }
    records += [record("without", nil), records[0]]
    var fetcher = try run.fetcher()
    let answers = fetcher.answer(records)
    #expect(answers.map { $0?.id } == ["there"] + [String?](repeating: nil, count: 10))
    #expect(server.requests.count == asked)
    var single = records[0]
    try fetcher.process(&single)
    #expect(answers[0]?.fields == single.fields)
    #expect(single["fetch"]?["resumed"] == .bool(true))
    // Nothing stays taken: each has its turn.
    run.services.idsInWork.leave("taken")
    for var record in records.dropLast(2) { try? fetcher.process(&record) }
    let again = fetcher.answer(Array(records.dropLast(2)))
    #expect(
      again.compactMap { $0?.id } == ["there", "removed", "cut", "replaced", "taken", "never"])
  }

  @Test func whereChangesAreAskedForNothingIsAnsweredWithALook() throws {
    let server = try ScriptedServer { _, _ in [Self.whole("200 OK", Self.pdf)] }
    let run = try FetchRun { $0.rechecks = true }
    let record = try run.fetch(server.url + "/a.pdf").get()
    let fetcher = try run.fetcher()
    #expect(fetcher.answer([record, record]).isEmpty)
  }

  @Test func aSpoolFileThatIsNotWhatWasFetchedIsNotTrusted() throws {
    let server = try ScriptedServer { _, _ in [Self.whole("200 OK", Self.pdf)] }
    let run = try FetchRun()
    _ = try run.fetch(server.url + "/a.pdf").get()
    try run.directory.write("%PDF- changed", to: "spool/0/1.pdf")
    _ = try run.fetch(server.url + "/a.pdf").get()
    #expect(server.requests.count == 2)
    // Of the same size: the change time tells, once the clock that it is taken from has ticked.
    let file = run.directory.path + "/spool/0/1.pdf"
    let before = FileStamp(path: file)
    repeat {
      try run.directory.write(String(Self.pdf.reversed()), to: "spool/0/1.pdf")
    } while FileStamp(path: file) == before
    _ = try run.fetch(server.url + "/a.pdf").get()
    #expect(server.requests.count == 3)
  }

  @Test func aSpoolFileThatWasTouchedIsReadAgainAndKept() throws {
    let server = try ScriptedServer { _, _ in [Self.whole("200 OK", Self.pdf)] }
    let run = try FetchRun()
    let path = try run.fetch(server.url + "/a.pdf").get()["fetch"]?["path"]?.string
    #expect(chmod(try #require(path), 0o640) == 0)
    let again = try run.fetch(server.url + "/a.pdf").get()
    #expect(again["fetch"]?["resumed"] == .bool(true))
    #expect(server.requests.count == 1)
  }
}
