import Support
import PDF
import Testing

@testable import optimize

@Suite("What a document has besides its pages")
struct InventoryTests {
  static func inventory(_ bytes: [UInt8]) throws -> Inventory {
    let document = try PDFDocument(bytes: bytes)
    let pages = try document.pages()
    return try document.inventory(pages: pages.count, images: try document.images(pages).images)
  }

  /// A document with these in its catalog and its page; object 6 and those after it are `more`.
  static func document(_ catalog: String, page: String = "", more: [String] = []) -> [UInt8] {
    Fixture.pages([page], catalog: catalog, more: more)
  }

  static let cases: [(bytes: [UInt8], kind: Inventory.Kind, count: Int)] = [
    (
      document(
        "/Outlines 6 0 R",
        more: [
          "<</First 7 0 R/Last 8 0 R/Count 2>>",
          "<</Title(a)/Parent 6 0 R/Next 8 0 R/First 9 0 R>>",
          "<</Title(b)/Parent 6 0 R/Next 7 0 R>>", "<</Title(c)/Parent 7 0 R>>",
        ]), .outline, 3
    ),
    (document("/Dests<</a[3 0 R/Fit]/b[3 0 R/Fit]>>"), .destinations, 2),
    (
      document(
        "/Names<</Dests 6 0 R>>",
        more: [
          "<</Kids[7 0 R 8 0 R 6 0 R]>>", "<</Names[(a)[4 0 R/Fit](b)[4 0 R/Fit]]>>",
          "<</Names[(c)[4 0 R/Fit]]>>",
        ]), .destinations, 3
    ),
    (document("/Names<</EmbeddedFiles<</Names[(a)<<>>]>>>>"), .attachments, 1),
    (document("/Names<</JavaScript<</Names[(a)<<>>]>>>>"), .scripts, 1),
    (document("/OCProperties<</OCGs[<<>><<>>]>>"), .layers, 2),
    (document("/PageLabels<</Nums[0<</S/r>>]>>"), .labels, 1),
    (document("/StructTreeRoot<</K[]>>"), .tags, 1),
    (document("/OutputIntents[<<>>]"), .outputIntents, 1),
    (document("", page: "/Annots[<</Subtype/Link>><</Subtype/Link>>]"), .links, 2),
    (document("", page: "/Annots[<</Subtype/Stamp>>]"), .annotations, 1),
    (document("", page: "/Annots[<</Subtype/FileAttachment>>]"), .attachments, 1),
    (document("", page: "/Annots[<</Contents(a)>>null]"), .annotations, 1),
  ]

  @Test("All is counted, and a loss of one of them is told", arguments: cases)
  func counts(_ given: (bytes: [UInt8], kind: Inventory.Kind, count: Int)) throws {
    let inventory = try Self.inventory(given.bytes)
    #expect(inventory.counts[given.kind] == given.count)
    let plain = try Self.inventory(Fixture.text)
    #expect(plain.counts.isEmpty)
    #expect(inventory.loss(from: inventory) == nil)
    #expect(inventory.loss(from: plain) == nil)
    #expect(plain.loss(from: inventory)?.hasSuffix("are missing") == true)
  }

  /// Two of each that lead to two of the next: 2^40 ways, all through lists that have a number.
  private static let doubling = (0..<40).map { "[<</Kids \($0 + 7) 0 R>><</Kids \($0 + 7) 0 R>>]" }

  @Test(
    "A tree whose nodes are only parts of lists has an end, wherever the lists lead",
    .timeLimit(.minutes(1)),
    arguments: [
      ["[<</Kids 6 0 R>><</Names[(a)[4 0 R/Fit]]/Nums[0<<>>]>>]"],
      ["[<</Kids 7 0 R>><</Names[(a)[4 0 R/Fit]]/Nums[0<<>>]>>]", "[<</Kids 6 0 R>>]"],
      doubling + ["[<</Names[(a)[4 0 R/Fit]]/Nums[0<<>>]>>]"],
    ])
  func endlessTrees(_ more: [String]) throws {
    let names = try Self.inventory(Self.document("/Names<</Dests<</Kids 6 0 R>>>>", more: more))
    #expect(names.counts[.destinations] == 1)
    let labels = try Self.inventory(Self.document("/PageLabels<</Kids 6 0 R>>", more: more))
    #expect(labels.counts[.labels] == 1)
  }

  @Test("What patterns of patterns draw is found, and has an end", .timeLimit(.minutes(1)))
  func endlessPatterns() throws {
    let many = (0..<10).map { "/P\($0)<</Resources 6 0 R>>" }.joined()
    let alone = (0..<10).map { "/P\($0)<</Resources<</Pattern 7 0 R/XObject 8 0 R>>>>" }.joined()
    let page = "/Resources<</Pattern<</A<</Resources 6 0 R>>>>>>"
    let image = "<</Subtype/Image/Width 9/Height 9/Length 0>>stream\n\nendstream"
    for more in [
      ["<</Pattern<<\(many)>>/XObject<</I 7 0 R>>>>", image],
      ["<</Pattern 7 0 R>>", "<<\(alone)>>", "<</I 9 0 R>>", image],
    ] {
      let document = try PDFDocument(bytes: Fixture.pages([page], more: more))
      let found = try document.images(try document.pages()).images
      #expect(found.count == 1 && found.first?.drawn == nil)
    }
  }

  /// What draws it in a pattern is found, although the page has drawn it, and its list was read, before.
  @Test("A dictionary may be a list of objects and of patterns at once")
  func oneListForTwo() throws {
    let pattern =
      "<</PatternType 1/Resources<</XObject<</I 8 0 R>>>>/Length 0>>stream\n\nendstream"
    let image = "<</Subtype/Image/Width 9/Height 9/Length 0>>stream\n\nendstream"
    for isShared in [false, true] {
      let list = "/XObject 6 0 R" + (isShared ? "/Pattern 6 0 R" : "")
      let bytes = Fixture.pages(
        ["/Resources<<\(list)>>/Contents 9 0 R"],
        more: [
          "<</I 8 0 R/P 7 0 R>>", pattern, image,
          "<</Length 26>>stream\n90 0 0 90 0 0 cm /I Do    \nendstream",
        ])
      let document = try PDFDocument(bytes: bytes)
      let found = try document.images(try document.pages()).images
      #expect(found.count == 1 && (found.first?.drawn == nil) == isShared)
    }
  }

  @Test("A claim to be PDF/A is known by its namespace")
  func claim() throws {
    let metadata = """
      <</Type/Metadata/Subtype/XML/Length 33>>stream
      http://www.aiim.org/pdfa/ns/id/ 1
      endstream
      """
    let inventory = try Self.inventory(Self.document("/Metadata 6 0 R", more: [metadata]))
    #expect(inventory.claim == "PDF/A")
    #expect(
      try Self.inventory(Fixture.text).loss(from: inventory)
        == "the claim to be PDF/A is missing")
  }

  @Test("Pixels in black and white may not become fewer")
  func bilevel() throws {
    func scan(_ width: Int, bits: Int) throws -> Inventory {
      var builder = PDFBuilder()
      builder.add("<</Type/Catalog/Pages 2 0 R>>")
      builder.add("<</Type/Pages/Count 1/Kids[3 0 R]/MediaBox[0 0 9 9]>>")
      builder.add(
        "<</Type/Page/Parent 2 0 R/Contents 4 0 R/Resources<</XObject<</I 5 0 R>>>>>>")
      builder.addStream(Array("9 0 0 9 0 0 cm /I Do".utf8))
      builder.addStream(
        [UInt8](repeating: 0, count: width * 8),
        "/Subtype/Image/Width \(width)/Height 8/ColorSpace/DeviceGray/BitsPerComponent \(bits)")
      return try Self.inventory(builder.bytes())
    }
    let before = try scan(64, bits: 1)
    #expect(try scan(64, bits: 1).loss(from: before) == nil)
    #expect(try scan(32, bits: 1).loss(from: before) != nil)
    #expect(try scan(64, bits: 8).loss(from: before) != nil)
  }

  @Test("An image that has too few pixels already may lose none")
  func scarcePixels() throws {
    let before = try Self.page(width: 512, height: 4000)
    #expect(try Self.page(width: 512, height: 4000).loss(from: before) == nil)
    #expect(try Self.page(width: 256, height: 2000).loss(from: before) != nil)
  }

  /// A page that draws an image of so many pixels over all of it, and has these fonts.
  static func page(width: Int = 8, height: Int = 8, fonts: String = "", inForm: String = "") throws
    -> Inventory
  {
    var builder = PDFBuilder()
    builder.add("<</Type/Catalog/Pages 2 0 R>>")
    builder.add("<</Type/Pages/Count 1/Kids[3 0 R]/MediaBox[0 0 612 792]>>")
    builder.add(
      "<</Type/Page/Parent 2 0 R/Contents 4 0 R"
        + "/Resources<</XObject<</I 5 0 R/F 6 0 R>>/Font<<\(fonts)>>>>>>")
    builder.addStream(Array("612 0 0 792 0 0 cm /I Do".utf8))
    builder.addStream(
      [UInt8](repeating: 0, count: width * height),
      "/Subtype/Image/Width \(width)/Height \(height)/ColorSpace/DeviceGray/BitsPerComponent 8")
    builder.addStream([], "/Subtype/Form/Resources<</XObject<</F 6 0 R>>/Font<<\(inForm)>>>>")
    builder.addStream(Array("1 beginbfchar endbfchar".utf8))
    return try inventory(builder.bytes())
  }

  @Test(
    "A font may not lose what says which characters it shows",
    arguments: [
      "/Type/Font/Subtype/TrueType/BaseFont/A/Encoding/WinAnsiEncoding",
      "/Type/Font/Subtype/Type1/BaseFont/A/Encoding<</Differences[1/A]>>",
      "/Type/Font/Subtype/Type0/BaseFont/A/Encoding/Identity-H/ToUnicode 7 0 R",
      "/Type/Font/Subtype/TrueType/BaseFont/A/ToUnicode 7 0 R",
    ])
  func fonts(_ font: String) throws {
    let before = try Self.page(fonts: "/A<<\(font)>>")
    let lost = "<</Type/Font/Subtype/TrueType/BaseFont/A/FontDescriptor<</Flags 4>>>>"
    let (after, inForm) = (try Self.page(fonts: "/A\(lost)"), try Self.page(inForm: "/A\(lost)"))
    #expect(before.loss(from: before) == nil)
    #expect(after.loss(from: after) == nil)
    #expect(before.loss(from: after) == nil)
    #expect(
      after.loss(from: before)
        == "1 fonts do not say which characters they show, and there were 0")
    #expect(inForm.loss(from: before) != nil)
  }

  @Test("An image that fills its page may not fall below what can be read")
  func legible() throws {
    let before = try Self.page(width: 2550, height: 3300)
    #expect(try Self.page(width: 1276, height: 1652).loss(from: before) == nil)
    #expect(try Self.page(width: 1240, height: 1754).loss(from: before) != nil)
    #expect(try Self.page(width: 638, height: 825).loss(from: before) != nil)
    let small = try Self.page(width: 600, height: 800)
    #expect(small.loss(from: small) == nil)
  }
}
