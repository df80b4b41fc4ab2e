import CZlib
import Common
import Inspection
import Support
import Synchronization
import Testing
import HTTP

@testable import fetch

/// Documents as portals send them, through the whole of fetch, against a real server and the real process that
/// looks into PDFs.
@Suite("What counts as a PDF, and how it is come by") struct ScanTests {
  static let pdf = PDFBuilder.scan(pages: 3, padding: 9000)

  static func answer(
    _ body: [UInt8], _ fields: [String] = [], hasLength: Bool = true
  ) -> [ScriptedServer.Step] {
    let head = BadServerTests.head("200 OK", fields, length: hasLength ? body.count : nil)
    return [.send(head), .sendBytes(body)] + (hasLength ? [] : [.close])
  }

  private static func fetched(
    _ body: [UInt8], _ fields: [String] = [], hasLength: Bool = true
  ) throws -> Result<DocumentRecord, RecordError> {
    let server = try ScriptedServer { _, _ in answer(body, fields, hasLength: hasLength) }
    return try FetchRun().fetch(server.url + "/a.pdf")
  }

  private static func text(_ text: String) -> [UInt8] { Array(text.utf8) }

  private static func padded(_ count: Int, _ byte: UInt8 = 0) -> [UInt8] {
    pdf + [UInt8](repeating: byte, count: count)
  }

  private static let good: [(String, [UInt8])] = [
    ("as it should be", pdf), ("80,508 NULs behind it", padded(80_508)),
    ("11,200 bytes of a scanner's behind it", padded(11_200, 0x5A)),
    ("half a megabyte", padded(1 << 19)),
    ("a footer behind it", pdf + text("<html><body>" + String(repeating: "<p>ad</p>", count: 400))),
    ("a byte order mark before it", [0xEF, 0xBB, 0xBF] + pdf),
    ("line ends before it", text("\r\n\r\n") + pdf),
    ("a warning before it", text("<br />\n<b>Warning</b>: mysql_connect()<br />\n") + pdf),
    ("1,000 bytes before it", [UInt8](repeating: 0x20, count: 1000) + pdf),
    (
      "a wrong startxref",
      text(String(decoding: pdf, as: UTF8.self).replacing("startxref\n", with: "startxref\n9"))
    ),
  ]

  @Test("Whole, whatever stands around it", arguments: good.map { Named($0.0, $0.1) })
  func isTaken(given: Named<[UInt8]>) throws {
    let (name, body) = (given.name, given.value)
    let record = try Self.fetched(body).get()
    #expect(record["fetch"]?["pages"] == .int(3), "\(name)")
    #expect(record["fetch"]?["bytes"] == .int(body.count))
    #expect(record["fetch"]?["encrypted"] == nil)
  }

  private static func without(_ range: Range<Int>) -> [UInt8] {
    Array(pdf[..<range.lowerBound] + pdf[range.upperBound...])
  }

  private static func zeros(_ range: Range<Int>) -> [UInt8] {
    Array(
      pdf[..<range.lowerBound] + [UInt8](repeating: 0, count: range.count)
        + pdf[range.upperBound...])
  }

  private static let end = text("\n%%EOF\n")

  private static let bad: [(String, [UInt8])] = [
    ("an SQL error", text("%PDF-1.4\nORA-00942: no such table\n%%EOF\n")),
    ("14 bytes", text("%PDF-1.4%%EOF\n")),
    ("half of it and an end", Array(pdf.prefix(pdf.count / 2)) + end),
    ("its middle missing", without(3000..<7000)), ("an image's end missing", without(1000..<2500)),
    ("zeros over objects", zeros(2800..<7200)),
    ("HTML within", text("%PDF-1.4\n<html><h1>Error 500</h1></html>\n%%EOF\n")),
    (
      "no pages",
      text(
        String(decoding: pdf, as: UTF8.self).replacing(
          "/Kids[3 0 R 6 0 R 9 0 R]", with: "/Kids[                     ]"
        ).replacing("/Count 3", with: "/Count 0"))
    ),
    ("cut behind an earlier end", pdf + text("12 0 obj\n<</Type/Page>>\nendobj\n13 0 obj\n<</Le")),
    ("cut", Array(pdf.dropLast(200))), ("no end", Array(pdf.dropLast(7))),
  ]

  @Test("What no reader can open, or not all of it", arguments: bad.map { Named($0.0, $0.1) })
  func isRefused(given: Named<[UInt8]>) throws {
    let (name, body) = (given.name, given.value)
    let error = #expect(throws: RecordError.self, "\(name)") { try Self.fetched(body).get() }
    #expect(error?.kind == .badPDF, "\(name): \(error?.message ?? "")")
  }

  @Test("Without an announced length, only an end at the end is one")
  func withoutLength() throws {
    #expect(throws: Never.self) { try Self.fetched(Self.pdf, hasLength: false).get() }
    let error = #expect(throws: RecordError.self) {
      try Self.fetched(Self.padded(5000), hasLength: false).get()
    }
    #expect(error?.kind == .badPDF)
  }

  private static let others: [(String, [UInt8])] = [
    ("a TIFF image", [0x49, 0x49, 0x2A, 0, 8, 0, 0, 0] + [UInt8](repeating: 7, count: 3000)),
    ("a TIFF image", [0x4D, 0x4D, 0, 0x2A, 0, 0, 0, 8]),
    ("a JPEG image", [0xFF, 0xD8, 0xFF, 0xE0, 0, 16]),
    ("a PNG image", [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]),
    ("a GIF image", text("GIF89a\0\0")),
    ("a ZIP archive", text("PK\u{3}\u{4}\u{A}\0\0\0scan.pdf") + pdf),
    ("an Office document", text("PK\u{3}\u{4}\u{14}\0[Content_Types].xml") + pdf),
    ("an Office document", [0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1, 0]),
    (
      "a multipart message",
      text("--x\r\nContent-Type: application/pdf\r\n\r\n") + pdf + text("\r\n--x--")
    ),
    (
      "a multipart message",
      text("MIME-Version: 1.0\r\nContent-Type: multipart/mixed\r\n\r\n") + pdf
    ),
    ("JSON", text(#"{"error":"no such image"}"#)),
    ("plain text", text("The file is being prepared.")),
    ("data of an unknown kind", [1, 2, 3, 4, 0xFE, 0xDC, 5]),
    ("a PostScript program", text("%!PS\nshowpage\n")),
    ("an RTF document", text("{\\rtf1 x}")),
    ("plain text", [UInt8](repeating: 0x20, count: 2000) + pdf),
  ]

  @Test("Something else is named", arguments: others.map { Named($0.0, $0.1) })
  func isNamed(given: Named<[UInt8]>) throws {
    let (name, body) = (given.name, given.value)
    let error = #expect(throws: RecordError.self) { try Self.fetched(body).get() }
    #expect(error?.kind == .notPDF, "\(name)")
    #expect(
      error?.message.hasPrefix("expected a PDF, got " + name) == true, "\(error?.message ?? "")")
  }

  /// Packed by zlib, with the header that `bits` asks for (deflateInit2 in zlib.h).
  private static func packed(_ bytes: [UInt8], bits: Int32) throws -> [UInt8] {
    var stream = z_stream()
    let size = Int32(MemoryLayout<z_stream>.size)
    try #require(
      deflateInit2_(&stream, 9, Z_DEFLATED, bits, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, size) == Z_OK
    )
    defer { deflateEnd(&stream) }
    var (input, output) = (bytes, [UInt8](repeating: 0, count: bytes.count + 1000))
    let count = input.withUnsafeMutableBufferPointer { input in
      output.withUnsafeMutableBufferPointer { output in
        stream.next_in = input.baseAddress
        stream.avail_in = UInt32(input.count)
        stream.next_out = output.baseAddress
        stream.avail_out = UInt32(output.count)
        deflate(&stream, Z_FINISH)
        return output.count - Int(stream.avail_out)
      }
    }
    return Array(output.prefix(count))
  }

  @Test(
    "Unasked compression is undone",
    arguments: [
      ("gzip", 31), ("x-gzip", 31), ("deflate", 15), ("deflate", -15), (nil, 31), ("gzip", nil),
      ("deflate", nil),
      ("identity", nil),
    ] as [(String?, Int32?)])
  func compression(encoding: String?, bits: Int32?) throws {
    let body = try bits.map { try Self.packed(Self.pdf, bits: $0) } ?? Self.pdf
    let record = try Self.fetched(body, encoding.map { ["Content-Encoding: \($0)"] } ?? []).get()
    #expect(record["fetch"]?["bytes"] == .int(Self.pdf.count))
    #expect(record["fetch"]?["pages"] == .int(3))
  }

  @Test func aCompressedBodyIsBounded() throws {
    let bomb = try Self.packed(Self.pdf + [UInt8](repeating: 0, count: 8 << 20), bits: 31)
    let server = try ScriptedServer { _, _ in Self.answer(bomb, ["Content-Encoding: gzip"]) }
    let run = try FetchRun { $0.transfer.maximumBody = 1 << 20 }
    let error = #expect(throws: RecordError.self) { try run.fetch(server.url + "/a.pdf").get() }
    #expect(error?.kind == .tooLarge)
    #expect(run.files().parts == [])
  }

  @Test("A compressed body that is not whole is none", arguments: [10, 100]) func cut(missing: Int)
    throws
  {
    let body = try Self.packed(Self.pdf, bits: 31).dropLast(missing)
    let error = #expect(throws: RecordError.self) {
      try Self.fetched(Array(body), ["Content-Encoding: gzip"]).get()
    }
    #expect(error?.kind == .portalError)
  }

  private static let page = "<html><head><title>Wait</title>%</head></html>"

  @Test(
    "What stands in front of a scan is passed, with its address as the Referer",
    arguments: [
      "<meta http-equiv=refresh content='0;url=/b.pdf'>", "<iframe src='b.pdf'></iframe>",
      "<frameset><frame src='/b.pdf'></frameset>", "<embed type='application/pdf' src='b.pdf'>",
      "<object type='application/pdf' data='b.pdf'></object>",
      "<base href='/x/'><iframe src='../b.pdf'></iframe><iframe src='http://localhost:1/ad'></iframe>",
    ])
  func goesOn(markup: String) throws {
    let server = try ScriptedServer { head, _ in
      head.hasPrefix("GET /b.pdf ")
        ? Self.answer(Self.pdf) : Self.answer(Self.text(Self.page.replacing("%", with: markup)))
    }
    let record = try FetchRun().fetch(server.url + "/a").get()
    #expect(record["fetch"]?["url"] == .string(server.url + "/b.pdf"))
    #expect(server.requests.last?.contains("Referer: \(server.url)/a\r\n") == true)
  }

  @Test("Pages that lead to each other end") func loops() throws {
    let server = try ScriptedServer { _, number in
      Self.answer(
        Self.text(
          Self.page.replacing("%", with: "<meta http-equiv=refresh content='0;url=/\(number)'>")))
    }
    let error = #expect(throws: RecordError.self) { try FetchRun().fetch(server.url + "/a").get() }
    #expect(error?.kind == .portalError)
    #expect(server.requests.count == 6)
  }

  @Test("Blanks around a record's URL", arguments: [" %", "%\n", "\u{FEFF}%\u{A0}", "\t%\t"])
  func blanks(pattern: String) throws {
    let server = try ScriptedServer { _, _ in Self.answer(Self.pdf) }
    let record = try FetchRun().fetch(pattern.replacing("%", with: server.url + "/a b.pdf")).get()
    #expect(record["fetch"]?["url"] == .string(server.url + "/a%20b.pdf"))
  }

  @Test(
    "A password in a URL that does not parse is not shown",
    arguments: [
      "http://me:pa/ss@", "postgres://me:secret@host/x", "http://me:secret@ho st/", "//me:secret@h",
    ])
  func secrets(url: String) throws {
    let error = #expect(throws: RecordError.self) { try FetchRun().fetch(url).get() }
    #expect(error?.kind == .blockedURL)
    #expect(error?.message.contains("secret") == false)
    #expect(error?.message.contains("pa/ss") == false)
  }

  @Test("A redirect in Latin-1") func latin() throws {
    let server = try ScriptedServer { head, _ in
      guard head.hasPrefix("GET /a ") else { return Self.answer(Self.pdf) }
      return [
        .send("HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: /M"), .sendBytes([0xFC]),
        .send("ller.pdf\r\n\r\n"),
      ]
    }
    let record = try FetchRun().fetch(server.url + "/a").get()
    #expect(record["fetch"]?["url"] == .string(server.url + "/M%FCller.pdf"))
  }
}
