import Common
import Glibc
import PDF
import Subprocesses
import Support
import Testing

@testable import optimize

@Suite("Comparing pages")
struct PageCheckTests {
  typealias Colour = @Sendable (Int, Int) -> (UInt8, UInt8, UInt8)

  /// A page of 203 by 150 pixels: its last cells are cut.
  static func page(_ colour: Colour) -> PageDrawing? {
    var bytes = Array("P6\n203 150\n255\n".utf8)
    for y in 0..<150 {
      for x in 0..<203 {
        let (red, green, blue) = colour(x, y)
        bytes += [red, green, blue]
      }
    }
    return PageDrawing(ppm: bytes)
  }

  static func grey(_ value: @escaping @Sendable (Int, Int) -> UInt8) -> Colour {
    { x, y in
      let value = value(x, y)
      return (value, value, value)
    }
  }

  static let text = grey { x, y in y / 4 % 3 == 0 && x % 3 != 0 ? 90 : 250 }
  static let bar: Colour = { x, y in
    (20..<200).contains(x) && (20..<22).contains(y) ? (0, 0, 0) : (255, 255, 255)
  }
  static let dot: Colour = { x, y in
    (30..<35).contains(x) && (41..<46).contains(y) ? (0, 0, 0) : (255, 255, 255)
  }
  static let corner: Colour = { x, y in x > 196 && y > 143 ? (0, 0, 0) : (255, 255, 255) }
  static let white: Colour = { _, _ in (255, 255, 255) }
  static let photograph = grey { x, y in UInt8(x / 2 + y / 2) }
  /// Two colours of one brightness.
  static let red: Colour = { _, _ in (200, 0, 0) }
  static let green: Colour = { _, _ in (0, 102, 0) }

  static let cases: [(name: String, before: Colour, after: Colour, differs: Bool)] = [
    ("the same", text, text, false),
    ("a little lighter", text, grey { x, y in y / 4 % 3 == 0 && x % 3 != 0 ? 98 : 255 }, false),
    ("blank", text, white, true),
    ("black", text, grey { _, _ in 0 }, true),
    ("a bar lost", bar, white, true),
    ("a dot lost", dot, white, true),
    ("a dot added", white, dot, true),
    ("the last corner lost", corner, white, true),
    ("a bar moved", bar, { x, y in bar(x, y - 12) }, true),
    ("inverted", photograph, grey { x, y in 255 - UInt8(x / 2 + y / 2) }, true),
    ("turned", photograph, grey { x, y in UInt8((202 - x) / 2 + (149 - y) / 2) }, true),
    ("another colour", red, green, true),
    ("noise", grey { x, y in UInt8(240 + (x * y) % 15) }, grey { _, _ in 247 }, false),
  ]

  @Test("What passes for the same page", arguments: cases)
  func compare(_ given: (name: String, before: Colour, after: Colour, differs: Bool)) throws {
    let (before, after) = (
      try #require(Self.page(given.before)), try #require(Self.page(given.after))
    )
    let rejection = after.rejection(asDrawingOf: before, .strict)
    #expect((rejection != nil) == given.differs, "\(given.name): \(rejection ?? "")")
  }

  @Test("It says where to look, and what has another shape")
  func places() throws {
    let (before, after) = (try #require(Self.page(Self.dot)), try #require(Self.page(Self.white)))
    #expect(
      after.rejection(asDrawingOf: before, .strict)
        == "at 13 % from the left, 23 % from the top")
    let small = try #require(PageDrawing(ppm: Array("P6\n1 1\n255\nabc".utf8)))
    #expect(small.rejection(asDrawingOf: before, .strict) == "has a different shape")
    #expect(small.rejection(asDrawingOf: small, .strict) == nil)
  }

  @Test(
    "What is no drawing",
    arguments: [
      "", "P6", "P5\n1 1\n255\nx", "P6\n2 2\n255\nabc", "P6\n0 0\n255\n", "P6\n-1 1\n255\n",
    ])
  func noDrawing(_ text: String) {
    #expect(PageDrawing(ppm: Array(text.utf8)) == nil)
  }

  @Test("A sample is always the same, and as large as it is to be")
  func sample() {
    func sample(_ share: Double, bytes: Int = 7) -> [Int] {
      PageCheck.sample(share, ofPages: 10_000, sourceBytes: bytes)
    }
    #expect(sample(0).isEmpty)
    #expect(sample(1).count == 10_000)
    #expect((400...600).contains(sample(0.05).count))
    #expect(sample(0.05) == sample(0.05))
    #expect(sample(0.05) != sample(0.05, bytes: 8))
    // Documents of one page have their turn as well.
    let single = (0..<10_000).filter {
      !PageCheck.sample(0.05, ofPages: 1, sourceBytes: $0).isEmpty
    }
    #expect((400...600).contains(single.count))
  }

  /// A page with a line of text and a small filled square.
  static func document(_ text: String, square: String = "") -> [UInt8] {
    var builder = PDFBuilder()
    builder.add("<</Type/Catalog/Pages 2 0 R>>")
    builder.add("<</Type/Pages/Count 1/Kids[3 0 R]/MediaBox[0 0 612 792]>>")
    builder.add("<</Type/Page/Parent 2 0 R/Resources<</Font<</F 4 0 R>>>>/Contents 5 0 R>>")
    builder.add("<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>")
    builder.addStream(Array("BT /F 9 Tf 72 72 Td (\(text)) Tj ET \(square)".utf8))
    return builder.bytes()
  }

  static let changes: [(before: [UInt8], after: [UInt8], rejection: String?)] = [
    (document("one two"), document("one two"), nil),
    (document("it\\222s"), document("it9s"), "a page of the result has different text: page 1"),
    (document("affluent"), document("afluent"), "a page of the result has different text: page 1"),
    (
      document("a", square: "300 300 5 5 re f"), document("a"),
      "a page of the result looks different: page 1 at 48 % from the left, 61 % from the top"
    ),
    (
      document("a", square: "1 0 0 rg 300 300 5 5 re f"),
      document("a", square: "0 0 1 rg 300 300 5 5 re f"),
      "a page of the result looks different: page 1 at 48 % from the left, 61 % from the top"
    ),
    (
      document("a"), Array(document("a").prefix(300)),
      "the text of the result cannot be read"
    ),
    (document("a"), document("a", square: "/X Do"), "the renderer reports errors in the result"),
    (
      document("a", square: "/X Do"), document("a"),
      "the renderer reports errors in the file"
    ),
  ]

  @Test("A whole result is compared word by word and window by window", arguments: changes)
  func whole(_ given: (before: [UInt8], after: [UInt8], rejection: String?)) throws {
    let directory = try TemporaryDirectory()
    try directory.write(given.before, to: JobRequest.source)
    try directory.write(given.after, to: JobRequest.result)
    let check = Self.check(directory, given.before.count)
    #expect(try check.rejection(toAllOf: JobRequest.result)?.description == given.rejection)
  }

  static func check(_ directory: TemporaryDirectory, _ bytes: Int) -> PageCheck {
    PageCheck(
      renderer: Renderer(
        programs: ProtocolTests.renderer,
        job: JobRequest(directory: directory.path, settings: ProtocolTests.settings),
        limits: Limits(base: 60, pages: 1, sourceBytes: 1000)),
      pages: 1, sourceBytes: bytes)
  }

  static let greyImage = ImageEngineTests.image()
  static let flat = [UInt8](repeating: 180, count: 600 * 800)
  /// JBIG2 segments of a page and of a dictionary of symbols that is cut off: other readers make of it what they
  /// can, poppler nothing.
  static let symbols: [UInt8] =
    [0, 0, 0, 0, 0x30, 0, 1, 0, 0, 0, 19]
    + [0, 0, 2, 88, 0, 0, 3, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    + [0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 12] + [UInt8](repeating: 0xFF, count: 12)

  /// Contents, streams and resources of a page of letter paper, and what is to be said where it comes out as it was.
  typealias Empty = (
    name: String, contents: String, resources: String, streams: [([UInt8], String)],
    rejection: String?
  )
  static let empties: [Empty] = [
    ("nothing at all", "q Q", "", [], nil),
    ("an image", "612 0 0 792 0 0 cm /I Do", image, [(ImageEngineTests.samples, greyImage)], nil),
    ("paper", "612 0 0 792 0 0 cm /I Do", image, [(flat, greyImage)], nil),
    (
      "an image that is covered", "q 612 0 0 792 0 0 cm /I Do Q 1 g 0 0 612 792 re f", image,
      [(ImageEngineTests.samples, greyImage)], pageIsEmpty
    ),
    (
      "a part that is covered",
      "q 300 0 0 200 100 400 cm /I Do Q 1 g 90 390 320 220 re f 0 g 9 9 50 50 re f", image,
      [(ImageEngineTests.samples, greyImage)], imageIsEmpty
    ),
    (
      "paper with a stamp",
      "q 300 0 0 200 100 400 cm /I Do Q 0 g 9 9 50 50 re f", image, [(flat, greyImage)], nil
    ),
    (
      "a form of which a part is missing",
      "/F Do 0 g 9 9 50 50 re f", "/XObject<</F 6 0 R>>",
      [
        (ImageEngineTests.samples, greyImage),
        (
          Array("q 150 0 0 100 50 200 cm /I Do Q 1 g 45 195 160 110 re f".utf8),
          "/Type/XObject/Subtype/Form/BBox[0 0 999 999]/Matrix[2 0 0 2 0 0]"
            + "/Resources<<\(image)>>"
        ),
      ], imageIsEmpty
    ),
    ("white on white", "1 g 50 50 200 200 re f", "", [], pageIsEmpty),
    (
      "words that are not drawn", "BT 3 Tr /F 12 Tf 50 50 Td (Deed) Tj ET",
      "/Font<</F<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>", [], pageIsEmpty
    ),
    (
      "blanks", "BT /F 12 Tf 50 50 Td (   ) Tj ET",
      "/Font<</F<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>", [], nil
    ),
    (
      "what only others can read", "612 0 0 792 0 0 cm /I Do", image,
      [
        (
          symbols,
          "/Type/XObject/Subtype/Image/Width 600/Height 800/BitsPerComponent 1"
            + "/ColorSpace/DeviceGray/Filter/JBIG2Decode"
        )
      ], "the renderer reports errors in the file: page 1"
    ),
  ]
  static let image = "/XObject<</I 5 0 R>>"
  static let pageIsEmpty =
    "the renderer draws nothing where something is: page 1"
  static let imageIsEmpty =
    "the renderer draws nothing where something is: an image on page 1"

  @Test("What the renderer does not draw is no proof that it was kept", arguments: empties)
  func proof(_ given: Empty) throws {
    let directory = try TemporaryDirectory()
    let document = ImageEngineTests.page(
      given.contents, resources: given.resources, streams: given.streams)
    try directory.write(document, to: JobRequest.source)
    try directory.write(document, to: JobRequest.result)
    let check = Self.check(directory, document.count)
    #expect(
      try check.rejection(toAllOf: JobRequest.result)?.description == given.rejection,
      "\(given.name)")
    // A repair is looked at in the same way, but that its words are not read.
    let ofRepair = try check.rejection(toRepairOf: JobRequest.result, share: 0)?.description
    switch given.name {
    case "blanks": #expect(ofRepair == Self.pageIsEmpty)
    case "what only others can read": #expect(ofRepair != nil)
    default: #expect(ofRepair == given.rejection, "\(given.name)")
    }
    #expect(
      try check.rejection(toSampleOf: JobRequest.result, share: 1) == nil,
      "\(given.name): its images")
  }

  @Test("Where nothing can be seen in a drawing")
  func oneColour() throws {
    let white = try #require(Self.page(Self.white))
    let dot = try #require(Self.page(Self.dot))
    let last = try #require(Self.page(Self.corner))
    let all = Rectangle(0, 0, 1, 1)
    #expect(white.isOneColour && white.isOneColour(in: all) == true)
    #expect(!dot.isOneColour && dot.isOneColour(in: all) == false)
    #expect(!last.isOneColour)
    // The dot is at 15 % to 17 % from the left, and 27 % to 31 % from the top.
    #expect(dot.isOneColour(in: Rectangle(0, 0, 1, 0.6)) == true)
    #expect(dot.isOneColour(in: Rectangle(0.2, 0, 1, 1)) == true)
    #expect(dot.isOneColour(in: Rectangle(0.1, 0.65, 0.2, 0.75)) == false)
    #expect(white.isOneColour(in: Rectangle(0.1, 0.1, 0.101, 0.101)) == nil)
    #expect(white.isOneColour(in: Rectangle(-3, -3, -2, -2)) == nil)
  }

  /// What a bare machine showed: the renderer wrote a list of fonts, ended by its limit on files, and the page
  /// "cannot be drawn".
  @Test(
    "A limit that ends the renderer is told as that, and not as the document's fault",
    arguments: [
      ("kill -XCPU $$", ": the renderer exceeded its limit of 61 s of processor time"),
      ("kill -XFSZ $$", ": the renderer exceeded its file size limit of 32.0 MiB"),
      ("kill -SEGV $$", ": the renderer was ended by signal 11"),
      ("exec cat /dev/zero", ": the renderer wrote more than 64.0 MiB"), ("exit 3", ""),
    ])
  func limits(_ script: String, _ words: String) throws {
    let directory = try TemporaryDirectory()
    let program = try directory.write("#!/bin/sh\n\(script)\n", to: "renderer")
    chmod(program, 0o700)
    let renderer = Renderer(
      programs: .init(drawing: program, text: program),
      job: JobRequest(directory: directory.path, settings: ProtocolTests.settings),
      limits: Limits(base: 60, pages: 1, sourceBytes: 1000))
    let check = PageCheck(renderer: renderer, pages: 1, sourceBytes: 1000)
    #expect(
      try check.rejection(toAllOf: JobRequest.result)?.description
        == "the text of the file cannot be read\(words)")
    // A drawing has a limit of its own.
    guard !script.hasPrefix("exec") else { return }
    #expect(
      try check.rejection(toSampleOf: JobRequest.result, share: 1)?.description
        == "a page cannot be drawn: page 1\(words)")
  }

  @Test(
    "Standard fonts that are not drawn are noticed",
    arguments: [
      ("printf 'P6 1 1 255\\n\\0\\0\\0'", "cannot draw the standard fonts. Documents"),
      ("kill -XFSZ $$", "standard fonts: the renderer exceeded its file size limit"),
    ])
  func fonts(_ script: String, _ words: String) throws {
    let directory = try TemporaryDirectory()
    let program = try directory.write("#!/bin/sh\n\(script)\n", to: "renderer")
    chmod(program, 0o700)
    let warning = FontCheck.warning(
      .init(drawing: program, text: program), in: directory.path)
    #expect(warning?.contains(words) == true, "\(warning ?? "nothing")")
    #expect(FontCheck.warning(ProtocolTests.renderer, in: directory.path) == nil)
    #expect(directory.names == ["renderer"])
  }

  @Test("Results of the engine for images pass", arguments: ["images", "auto"])
  func passes(_ engine: String) throws {
    let directory = try TemporaryDirectory()
    let run = try ToolRun(
      [
        "--engine", engine, "--verify-pixels", "100%",
        try directory.write(Fixture.scan, to: "x.pdf"),
      ])
    #expect(run.wait() == .status(0))
    let member = try run.records()[0]["optimize"]
    #expect(member?["reason"] == nil)
    #expect(directory.names == ["x.optimized.pdf", "x.pdf"])
  }
}
