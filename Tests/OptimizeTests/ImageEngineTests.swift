import Common
import Glibc
import Images
import PDF
import Subprocesses
import Support
import Testing

@testable import optimize

/// Documents through the engine for images, and what is left of them.
@Suite("Images in place")
struct ImageEngineTests {
  /// 600 by 800 samples that change slowly.
  static let samples = (0..<600 * 800).map {
    UInt8(truncatingIfNeeded: 30 + ($0 % 600 + $0 / 600) / 8 + $0 % 7)
  }

  static func image(_ more: String = "/ColorSpace/DeviceGray") -> String {
    "/Type/XObject/Subtype/Image/Width 600/Height 800/BitsPerComponent 8\(more)"
  }

  /// A page of letter paper with these contents, resources and streams, which begin at object 5.
  static func page(
    _ contents: String, resources: String = "/XObject<</I 5 0 R>>", entries: String = "",
    catalog: String = "", streams: [([UInt8], String)]
  ) -> [UInt8] {
    var builder = PDFBuilder()
    builder.add("<</Type/Catalog/Pages 2 0 R\(catalog)>>")
    builder.add("<</Type/Pages/Count 1/Kids[3 0 R]>>")
    builder.add(
      "<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Resources<<\(resources)>>"
        + "\(entries)>>")
    builder.addStream(Array(contents.utf8))
    for (bytes, entries) in streams { builder.addStream(bytes, entries) }
    return builder.bytes()
  }

  static func settings(_ quality: Quality = .ebook) -> Settings {
    Settings(engine: .images, quality: quality, seconds: 60, memory: 2 << 30)
  }

  /// Whether its samples are there, with a predictor or without.
  private func isDeflated(_ image: ImageDescription) -> Bool {
    if case .flate = image.filters?.last { image.filters?.count == 1 } else { false }
  }

  /// The images of the result, the pages of which are as they were.
  private func images(
    _ source: [UInt8], _ quality: Quality = .ebook, isExcessive: Bool = false
  ) throws -> [ImageDescription] {
    let directory = try TemporaryDirectory()
    let path = try directory.write(source, to: "in.pdf")
    let outcome = try ImageEngine(Self.settings(quality)).run(
      path, to: "\(directory.path)/out.pdf")
    #expect(outcome.isExcessive == isExcessive)
    let before = try PDFDocument(path: path).pages()
    let document = try PDFDocument(path: "\(directory.path)/out.pdf")
    let pages = try document.pages()
    #expect(pages == before)
    let images = try document.images(pages).images
    #expect(document.complaint() == nil)
    return images
  }

  @Test(
    "The size at which a page draws it counts",
    arguments: [
      ("144 0 0 192 0 0 cm /I Do", 300), ("q 0 144 -192 0 192 0 cm /I Do Q", 300),
      // Twice, and the larger counts; too small to be brought down; and not drawn at all.
      ("q 72 0 0 96 0 0 cm /I Do Q 144 0 0 192 0 0 cm /I Do", 300),
      ("288 0 0 384 0 0 cm /I Do", 600), ("", 600), ("144 0 0 192 0 0 cm bad /I Do", 600),
    ])
  func drawn(_ contents: String, width: Int) throws {
    let samples = try #require(Flate.deflate(Self.samples))
    let source = Self.page(
      contents, streams: [(samples, Self.image() + "/Filter/FlateDecode")])
    let images = try images(source)
    #expect(images.map(\.width) == [width])
    // One that is as large as it has to be becomes a JPEG all the same.
    let isKnown = contents.hasPrefix("288") || width == 300
    #expect(isKnown ? images[0].filters == [.dct(transform: nil)] : isDeflated(images[0]))
  }

  @Test("Forms move what they draw, with their matrix and in their depth")
  func forms() throws {
    let form = "/Type/XObject/Subtype/Form/BBox[0 0 9 9]"
    let source = Self.page(
      "10 0 0 10 0 0 cm /I Do",
      streams: [
        (Array("/J Do".utf8), form + "/Matrix[2 0 0 2 0 0]/Resources<</XObject<</J 6 0 R>>>>"),
        (Array("7.2 0 0 9.6 0 0 cm /K Do".utf8), form + "/Resources<</XObject<</K 7 0 R>>>>"),
        (Self.samples, Self.image()),
      ])
    #expect(try images(source).map(\.width) == [300])
  }

  @Test(
    "What is drawn elsewhere too has no known size",
    arguments: [
      ("/Annots[<</Type/Annot/Subtype/Stamp/Rect[0 0 9 9]/AP<</N 6 0 R>>>>]", ""),
      ("", "/Pattern<</P 6 0 R>>"), ("", "/Font<</F 6 0 R>>"),
      ("", "/ExtGState<</G<</SMask<</G 6 0 R>>>>>>"),
    ])
  func elsewhere(_ entries: String, resources: String) throws {
    let form = "/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</J 5 0 R>>>>"
    let source = Self.page(
      "144 0 0 192 0 0 cm /I Do", resources: "/XObject<</I 5 0 R>>\(resources)", entries: entries,
      streams: [(Self.samples, Self.image()), (Array("/J Do".utf8), form)])
    let images = try images(source)
    #expect(images.map(\.width) == [600])
    #expect(images[0].drawn == nil)
  }

  @Test(
    "Where small differences are made much of, no sample changes",
    arguments: [
      ("/TR 7 0 R", 600), ("/TR2/Identity", 300), ("/TR2 7 0 R", 600), ("/BM/Difference", 600),
      ("/BM[/Foo/ColorBurn]", 600), ("/BM/Multiply", 300), ("/HT<</TransferFunction 7 0 R>>", 600),
    ])
  func magnified(_ state: String, width: Int) throws {
    let form = "/Type/XObject/Subtype/Form/BBox[0 0 612 792]/Resources<</XObject<</I 5 0 R>>>>"
    let source = Self.page(
      "/G gs /F Do", resources: "/XObject<</F 6 0 R>>/ExtGState<</G<<\(state)>>>>",
      streams: [
        (Self.samples, Self.image()), (Array("144 0 0 192 0 0 cm /I Do".utf8), form),
        (Array("{1 exch sub}".utf8), "/FunctionType 4/Domain[0 1]/Range[0 1]"),
      ])
    #expect(try images(source).map(\.width) == [width])
  }

  @Test(
    "Contents are read through every filter that codes bytes",
    arguments: [
      ("ASCIIHexDecode", Array("313434203020302031393220302030 20636D202F4920446F>".utf8)),
      ("ASCII85Decode", Array("0f1^00H`%l0f_!30H`%l@r3>A8K^E>~>".utf8)),
      ("RunLengthDecode", [23] + Array("144 0 0 192 0 0 cm /I Do".utf8) + [128]),
    ])
  func filters(_ name: String, coded: [UInt8]) throws {
    var builder = PDFBuilder()
    builder.add("<</Type/Catalog/Pages 2 0 R>>")
    builder.add("<</Type/Pages/Count 1/Kids[3 0 R]>>")
    builder.add(
      "<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R"
        + "/Resources<</XObject<</I 5 0 R>>>>>>")
    builder.addStream(coded, "/Filter/\(name)")
    builder.addStream(Self.samples, Self.image())
    #expect(try images(builder.bytes()).map(\.width) == [300])
  }

  @Test(
    "Masks stay as they are, and what depends on one; an image behind a mask does not",
    arguments: [
      ("/SMask 6 0 R", "", [300, 600]), ("/Mask 6 0 R", "", [300, 600]),
      ("/SMask 6 0 R", "/Matte[0]", [600, 600]), ("/Mask[0 1]", "", [600, 300]),
    ])
  func masks(_ entry: String, ofMask: String, widths: [Int]) throws {
    let source = Self.page(
      "144 0 0 192 0 0 cm /I Do /M Do", resources: "/XObject<</I 5 0 R/M 6 0 R>>",
      streams: [
        (Self.samples, Self.image("/ColorSpace/DeviceGray\(entry)")),
        (Self.samples, Self.image("/ColorSpace/DeviceGray\(ofMask)")),
      ])
    #expect(try images(source).map(\.width) == widths)
  }

  @Test("A mask that nothing draws is found")
  func hiddenMask() throws {
    let bits = [UInt8](repeating: 0xA5, count: 75 * 800)
    let source = Self.page(
      "144 0 0 192 0 0 cm /I Do",
      streams: [
        (Self.samples, Self.image("/ColorSpace/DeviceGray/Mask 6 0 R")),
        (bits, "/Type/XObject/Subtype/Image/Width 600/Height 800/ImageMask true"),
      ])
    let images = try images(source)
    #expect(images.map(\.width) == [300, 600])
    #expect(images[1].filters == [.jbig2(globals: nil)])
  }

  @Test("A stencil keeps its pixels, and other colours stay")
  func others() throws {
    let bits = [UInt8](repeating: 0xA5, count: 75 * 800)
    let source = Self.page(
      "144 0 0 192 0 0 cm /I Do /J Do /K Do /L Do",
      resources: "/XObject<</I 5 0 R/J 6 0 R/K 7 0 R/L 8 0 R>>",
      streams: [
        (bits, "/Type/XObject/Subtype/Image/Width 600/Height 800/ImageMask true/Decode[1 0]"),
        (Self.samples, Self.image("/ColorSpace/DeviceCMYK")),
        (Self.samples, Self.image("/ColorSpace[/Separation/X/DeviceGray 9 0 R]")),
        (Self.samples, Self.image("/ColorSpace/DeviceGray/Decode[1 0]")),
      ])
    let images = try images(source)
    #expect(images.map(\.width) == [600, 600, 600, 300])
    #expect(images.map(\.hasDecode) == [true, false, false, true])
    #expect(images[0].filters == [.jbig2(globals: nil)])
  }

  @Test("Lossless changes no sample", arguments: [Quality.lossless, .prepress])
  func lossless(_ quality: Quality) throws {
    let source = Self.page("144 0 0 192 0 0 cm /I Do", streams: [(Self.samples, Self.image())])
    #expect(try images(source, quality).map(isDeflated) == [true])
  }

  @Test("Two colours stay two, with the Decode that they had")
  func bilevel() throws {
    let bits = (0..<75 * 800).map { UInt8(truncatingIfNeeded: $0 * $0 / 300) }
    let source = Self.page(
      "144 0 0 192 0 0 cm /I Do",
      streams: [
        (
          bits,
          "/Type/XObject/Subtype/Image/Width 600/Height 800/BitsPerComponent 1"
            + "/ColorSpace/DeviceGray/Decode[1 0]"
        )
      ])
    let image = try #require(try images(source).first)
    #expect(image.bits == 1 && image.hasDecode && image.width == 600)
    #expect(image.filters == [.jbig2(globals: nil)])
  }

  @Test("A form and tags are still there")
  func structure() throws {
    let catalog = "/AcroForm<</Fields[<</T(a)/FT/Tx/V(b)>>]>>/StructTreeRoot<</K[]>>"
    let source = Self.page(
      "144 0 0 192 0 0 cm /I Do", catalog: catalog, streams: [(Self.samples, Self.image())])
    let directory = try TemporaryDirectory()
    let run = try ToolRun([try directory.write(source, to: "x.pdf")])
    #expect(run.wait() == .status(0))
    let member = try run.records()[0]["optimize"]
    #expect(member?["method"] == .string("images/ebook"))
    let result = try PDFDocument(path: member?["path"]?.string ?? "")
    #expect(try result.hasForm())
    #expect(try result.isTagged())
  }

  @Test("Bombs are not unpacked, and forms without end are not followed")
  func bombs() throws {
    let bomb = try #require(
      Flate.deflate([UInt8](repeating: 32, count: 100 << 20), effort: .quick))
    let deflated = "/Filter/FlateDecode"
    let contents = Self.page(
      "/I Do",
      streams: [(bomb, "/Type/XObject/Subtype/Form/BBox[0 0 9 9]\(deflated)")])
    #expect(try images(contents, isExcessive: true).isEmpty)
    let image = Self.page(
      "144 0 0 192 0 0 cm /I Do", streams: [(bomb, Self.image() + deflated)])
    #expect(try images(image).map(\.width) == [600])
    let twice = try #require(Flate.deflate(bomb))
    var page = PDFBuilder()
    page.add("<</Type/Catalog/Pages 2 0 R>>")
    page.add("<</Type/Pages/Count 1/Kids[3 0 R]>>")
    page.add("<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R>>")
    page.addStream(twice, "/Filter[/FlateDecode/FlateDecode]")
    #expect(try images(page.bytes(), isExcessive: true).isEmpty)
    let start = Time.monotonic()
    #expect(try images(Fixture.endless, isExcessive: true).isEmpty)
    #expect(Time.monotonic() - start < 10_000_000_000)
  }
}
