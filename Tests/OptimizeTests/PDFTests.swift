import PDF
import Testing

@Suite("PDFs as libqpdf reads them")
struct PDFTests {
  @Test("Pages are counted, not believed")
  func count() throws {
    #expect(try PDFDocument(bytes: Fixture.text).pageCount() == 1)
    #expect(try PDFDocument(bytes: Fixture.pages(["", "", ""])).pageCount() == 3)
    #expect(
      try PDFDocument(bytes: Fixture.pages([""], count: 1_000_000_000)).pageCount() == 1)
  }

  @Test("A loop of pages is an error, not a hang")
  func loop() throws {
    let document = try PDFDocument(bytes: Fixture.pageLoop)
    let error = #expect(throws: PDFError.self) { try document.pageCount() }
    #expect(error?.kind == .damaged)
    #expect(error?.message.contains("Loop detected") == true)
  }

  @Test("Nothing is repaired")
  func damaged() {
    let cut = Array(Fixture.text.dropLast(40))
    #expect(throws: PDFError.self) { _ = try PDFDocument(bytes: cut) }
    #expect(throws: PDFError.self) { _ = try PDFDocument(bytes: [UInt8]()) }
    #expect(throws: PDFError.self) { _ = try PDFDocument(bytes: Array("<html>".utf8)) }
  }

  @Test("A file that is not there is the system's trouble")
  func missing() {
    let error = #expect(throws: PDFError.self) {
      _ = try PDFDocument(path: "/nonexistent/x.pdf")
    }
    #expect(error?.kind == .system(nil))
    #expect(error?.doing == "open")
  }

  @Test("A page that is no object is complained of")
  func complaint() throws {
    let whole = try PDFDocument(bytes: Fixture.text)
    _ = try whole.pages()
    #expect(whole.complaint() == nil)
    let text = String(decoding: Fixture.pages(["", ""]), as: UTF8.self)
    let broken = try PDFDocument(bytes: Array(text.replacing("\n6 0 obj", with: "\n9 0 obj").utf8))
    _ = try? broken.pages()
    #expect(broken.complaint() != nil)
  }

  @Test(
    "Signatures",
    arguments: [
      (Fixture.text, false), (Fixture.form(value: ""), false),
      (Fixture.form(value: "/V<</Type/Sig>>"), true), (Fixture.form(value: "", flags: 1), true),
      (Fixture.form(value: "", flags: 2), false),
      (Fixture.pages([""], catalog: "/Perms<</UR3<<>>>>"), true),
      (
        Fixture.pages([""], catalog: "/AcroForm<</Fields[6 0 R]>>", more: ["<</Kids[6 0 R]>>"]),
        false
      ),
    ])
  func signed(_ bytes: [UInt8], isSigned: Bool) throws {
    #expect(try PDFDocument(bytes: bytes).isSigned() == isSigned)
  }

  @Test("A page inherits its boxes, and its own come first")
  func inherited() throws {
    let bytes = Fixture.pages(
      ["", "/Rotate -90/CropBox[500 700 50 60]", "/MediaBox[10 20 110 220]/UserUnit 2"],
      inherited: "/MediaBox[0 0 612 792]/Rotate 180")
    let pages = try PDFDocument(bytes: bytes).pages()
    let letter = Rectangle(0, 0, 612, 792)
    #expect(
      pages == [
        PageGeometry(mediaBox: letter, rotation: 180),
        PageGeometry(mediaBox: letter, cropBox: Rectangle(50, 60, 500, 700), rotation: 270),
        PageGeometry(mediaBox: Rectangle(10, 20, 110, 220), rotation: 180, userUnit: 2),
      ])
  }

  @Test(
    "Pages without sensible boxes",
    arguments: [
      "/MediaBox[0 0 612]", "/MediaBox[0 0 0 792]", "/MediaBox[0 0 (a) 792]", "/MediaBox 5",
      "/CropBox[1 2 3]", "/Rotate 45", "/Rotate(x)", "/UserUnit 0", "/UserUnit -1",
    ])
  func senseless(_ entries: String) throws {
    let document = try PDFDocument(bytes: Fixture.pages([entries]))
    #expect(throws: PDFError.self) { try document.pages() }
  }

  /// The left sides are pages, the right sides what Ghostscript 10.00 made of them.
  @Test(
    "Pages that are shown alike",
    arguments: [
      (("0 0 612 792", nil, 90, 1.0), ("0 0 792 612", nil)),
      (("0 0 595.276 841.89", nil, 0, 1), ("0 0 595.28 841.89", nil)),
      (("10 20 622 812", nil, 0, 1), ("0 0 612 792", nil)),
      (("10 20 622 812", "50 60 500 700", 270, 1), ("0 0 792 612", "112 40 752 490")),
      (("0 0 612 792", "-50 -60 700 900", 0, 1), ("0 0 612 792", nil)),
      (("0 0 612.12345 792.98765", nil, -90, 1), ("0 0 792.99 612.12", nil)),
      (
        ("-100 -100 500 500", "-50.5 -50.25 300 300", 180, 1),
        ("0 0 600 600", "200 200 550.5 550.25")
      ),
    ] as [((String, String?, Int, Double), (String, String?))])
  func alike(source: (String, String?, Int, Double), result: (String, String?)) {
    let before = PageGeometry(
      mediaBox: Self.box(source.0), cropBox: source.1.map(Self.box), rotation: source.2,
      userUnit: source.3)
    let after = PageGeometry(mediaBox: Self.box(result.0), cropBox: result.1.map(Self.box))
    #expect(after.isShown(like: before))
    #expect(before.isShown(like: after))
  }

  @Test(
    "A page is of a size that is a number",
    arguments: [
      "/MediaBox[-1ZERO 0 1ZERO 792]", "/MediaBox[0 0 612 792]/UserUnit 1ZERO",
      "/MediaBox[0 0 612 792]/CropBox[0 -1ZERO 612 1ZERO]",
    ])
  func hugePages(_ entries: String) throws {
    let zeros = String(repeating: "0", count: 308) + ".0"
    let bytes = Fixture.pages([entries.replacing("ZERO", with: zeros)], inherited: "")
    let document = try PDFDocument(bytes: bytes)
    let error = #expect(throws: PDFError.self) { try document.pages() }
    #expect(error?.kind == .damaged && error?.message.contains("makes no sense") == true)
  }

  @Test("Pages that are not")
  func different() {
    let page = PageGeometry(mediaBox: Self.box("0 0 612 792"))
    for other in [
      PageGeometry(mediaBox: Self.box("0 0 612 792.1")),
      PageGeometry(mediaBox: Self.box("0 0 612 792"), rotation: 90),
      PageGeometry(mediaBox: Self.box("0 0 612 792"), cropBox: Self.box("0 0 612 791")),
      PageGeometry(mediaBox: Self.box("0 0 612 792"), userUnit: 1.01),
      PageGeometry(mediaBox: Self.box("0 0 306 396"), userUnit: 2),
    ] {
      #expect(!page.isShown(like: other))
    }
  }

  private static func box(_ text: String) -> Rectangle {
    let numbers = text.split(separator: " ").compactMap { Double($0) }
    return Rectangle(numbers[0], numbers[1], numbers[2], numbers[3])
  }
}
