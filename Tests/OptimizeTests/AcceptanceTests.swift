import Glibc
import PDF
import Subprocesses
import Testing

@testable import optimize

@Suite("The acceptance rule")
struct AcceptanceTests {
  static let page = PageGeometry(mediaBox: Rectangle(0, 0, 612, 792))
  static let whole = PDFSummary(pageCount: 2, pages: [page, page])

  @Test(
    "Only a file that begins as a PDF is looked into",
    arguments: [
      ("%PDF-1.4\n", nil), ("", "the file is empty"),
      ("%!PS\n%PDF-1.4", "the file does not begin with %PDF-"),
      (" %PDF-1.4", nil), ("\u{4}%PDF-1.4", nil),
      ("PK\u{3}\u{4}%PDF-1.4", "the file does not begin with %PDF-"),
      ("<html>", "the file does not begin with %PDF-"),
      ("%PDF", "the file does not begin with %PDF-"),
    ] as [(String, String?)])
  func beginning(_ text: String, rejection: String?) {
    #expect(Acceptance.rejection(toBeginning: Array(text.utf8))?.description == rejection)
  }

  @Test(
    "Sources that keep their original",
    arguments: [
      (whole, nil),
      (PDFSummary(pageCount: 1, pages: [page], encryption: ["4"]), nil),
      (PDFSummary(pageCount: 1, pages: [page], repair: "xref not found"), nil),
      (
        PDFSummary(pageCount: 1, pages: [page], missing: "page 1 lacks a part"),
        "part of the file is missing: page 1 lacks a part"
      ),
      (PDFSummary(pageCount: 1, pages: [page], isSigned: true), "the file is signed"),
      (
        PDFSummary(pageCount: 1, pages: [page], complaint: "xref not found"),
        "the file is damaged: xref not found"
      ),
      (PDFSummary(pageCount: 0), "the file has no pages"),
      (PDFSummary(pageCount: 100_001), "the file has too many pages: more than 100,000"),
    ] as [(PDFSummary, String?)])
  func source(_ inspection: PDFSummary, rejection: String?) {
    #expect(Acceptance.rejection(toSource: inspection)?.description == rejection)
  }

  @Test(
    "Ends of Ghostscript",
    arguments: [
      (.status(0), nil, nil),
      (.status(0), "\"**** Error\"", "Ghostscript reported an error: \"**** Error\""),
      (.status(1), nil, "Ghostscript failed: it ended with exit status 1"),
      (
        .status(255), "\"VMerror\"",
        "Ghostscript failed: it ended with exit status 255 and reported \"VMerror\""
      ),
      (.signal(SIGXCPU), nil, "Ghostscript took too long: more than 62 s of processor time"),
      (.signal(SIGXFSZ), nil, "Ghostscript wrote too much: more than 64.0 MiB"),
      (.signal(SIGSEGV), nil, "Ghostscript failed: it was ended by signal 11"),
      (.signal(SIGKILL), nil, "Ghostscript failed: it was ended by signal 9"),
    ] as [(Launch.End, String?, String?)])
  func run(_ end: Launch.End, report: String?, rejection: String?) {
    let limits = Limits(base: 60, pages: 2, sourceBytes: 1000)
    let outcome = Ghostscript.Outcome(end: end, report: report)
    #expect(Acceptance.rejection(toRun: outcome, limits: limits)?.description == rejection)
  }

  @Test("The result has the pages of the source")
  func result() {
    let small = PageGeometry(mediaBox: Rectangle(0, 0, 612, 791))
    func rejection(_ result: PDFSummary) -> String? {
      Acceptance.rejection(toResult: result, of: Self.whole)?.description
    }
    #expect(rejection(Self.whole) == nil)
    #expect(
      rejection(PDFSummary(pageCount: 1, pages: [Self.page]))
        == "the result has a different number of pages: 1 instead of 2")
    #expect(
      rejection(PDFSummary(pageCount: 2, pages: [Self.page, small]))
        == "a page of the result has a different size: page 2")
    #expect(
      rejection(PDFSummary(pageCount: 2, pages: [], complaint: "x")) == "the result is damaged: x")
    #expect(
      rejection(PDFSummary(pageCount: 2, pages: [Self.page, Self.page], encryption: ["4"]))
        == "the result is encrypted differently")
  }

  @Test("The result is smaller")
  func size() {
    #expect(Acceptance.rejection(toSize: 999, of: 1000) == nil)
    #expect(
      Acceptance.rejection(toSize: 1000, of: 1000)?.description
        == "the result is not smaller: 1,000 of 1,000 bytes")
  }

  @Test(
    "What Ghostscript prints",
    arguments: [
      ("GPL Ghostscript 10.00.0 (2022-09-21)\nProcessing pages 1 through 1.\nPage 1\n", nil),
      ("Loading font Helvetica (or substitute) from /usr/share/x\n", nil),
      (
        "Page 1\n   **** Error: stream Length incorrect.\n",
        "\"   **** Error: stream Length incorrect.\""
      ),
      (
        "   **** Warning: xref entry 0 is not free\r\n",
        "\"   **** Warning: xref entry 0 is not free\""
      ),
      ("Error: /syntaxerror in --runpdf--", "\"Error: /syntaxerror in --runpdf--\""),
      ("Unrecoverable error, exit code 1\nError: x\n", "\"Unrecoverable error, exit code 1\""),
      ("a\u{7}error\n", "\"a\u{FFFD}error\""),
    ] as [(String, String?)])
  func output(_ text: String, report: String?) {
    var whole = ErrorScan(until: "xyz")
    whole.add(Array(text.utf8))
    whole.finish()
    #expect(whole.report == report)
    var chunks = ErrorScan(until: "xyz")
    for byte in text.utf8 { chunks.add([byte]) }
    chunks.finish()
    #expect(chunks.report == report)
  }

  @Test("A megabyte of one line takes four kilobytes")
  func longLine() {
    var scan = ErrorScan(until: "xyz")
    scan.add([UInt8](repeating: UInt8(ascii: "x"), count: 1 << 20))
    scan.add(Array("error\nerror 2\n".utf8))
    #expect(scan.report == "\"error 2\"")
  }

  @Test(
    "Limits grow with the pages and the size",
    arguments: [
      (60, 1, 0, 61, 122, 64 << 20), (60, 1000, 0, 1060, 2120, 64 << 20),
      (60, 10_000, 0, 1800, 3600, 64 << 20),
      (7200, 10, 0, 7200, 14_400, 64 << 20),
      (1, 2_000_000, 40 << 20, 1800, 3600, 80 << 20),
    ] as [(Int, Int, Int, Int, Int, Int)])
  func limits(base: Int, pages: Int, bytes: Int, processor: Int, wall: Int, file: Int) {
    let limits = Limits(base: base, pages: pages, sourceBytes: bytes)
    #expect(limits.processorSeconds == processor)
    #expect(limits.wallSeconds == wall)
    #expect(limits.fileSize == file)
  }
}
