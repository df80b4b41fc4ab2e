import Files
import Common
import Glibc
import PDF
import Subprocesses
import Support
import Testing

@testable import optimize

/// Files that were made to hurt, or that are only odd: each comes out with its pages, in time, and
/// within the memory of a small machine.
@Suite("Horrors")
struct HorrorsTests {
  struct Horror: Sendable {
    let name: String
    let bytes: [UInt8]
    let pages: Int
    /// Whether it becomes smaller; `nil` where either will do.
    var isSmaller: Bool? = nil
  }

  /// What is drawn on one page, at 300 dots an inch.
  static func drawn(_ streams: [([UInt8], String)], more: String = "") -> [UInt8] {
    ImageEngineTests.page("144 0 0 192 0 0 cm /I Do\(more)", streams: streams)
  }

  static let bits = (0..<75 * 800).map { $0 / 75 / 40 % 2 == 0 ? 0xFF : 0x0F as UInt8 }
  static let palette = "[/Indexed/DeviceRGB 255 <\(String(repeating: "10F080", count: 256))>]"

  static func bilevel(_ more: String) -> String {
    "/Type/XObject/Subtype/Image/Width 600/Height 800\(more)"
  }

  static func horrors() throws -> [Horror] {
    let samples = ImageEngineTests.samples
    let image = ImageEngineTests.image
    let bomb = try #require(Flate.deflate([UInt8](repeating: 0, count: 256 << 20), effort: .quick))
    let flate = "/Filter/FlateDecode"
    let fax = "/Filter/CCITTFaxDecode/DecodeParms<</K -1/Columns 30000/Rows 30000>>"
    return [
      Horror(
        name: "bomb of contents",
        bytes: drawn([(bomb, "/Type/XObject/Subtype/Form/BBox[0 0 9 9]\(flate)")]), pages: 1,
        isSmaller: false),
      Horror(
        name: "bomb of samples", bytes: drawn([(bomb, image("/ColorSpace/DeviceGray\(flate)"))]),
        pages: 1),
      Horror(
        name: "30,000 by 30,000",
        bytes: drawn([
          (
            [0, 0x10, 1, 0, 0x10, 1],
            "/Type/XObject/Subtype/Image/Width 30000/Height 30000/BitsPerComponent 1"
              + "/ColorSpace/DeviceGray\(fax)"
          )
        ]), pages: 1),
      Horror(
        name: "half of its rows",
        bytes: drawn([(Array(samples.prefix(600 * 400)), image("/ColorSpace/DeviceGray"))]),
        pages: 1),
      Horror(
        name: "a%d-%s-%n", bytes: drawn([(samples, image("/ColorSpace/DeviceGray"))]), pages: 1,
        isSmaller: true),
      Horror(
        name: "inverted samples",
        bytes: drawn([(samples, image("/ColorSpace/DeviceGray/Decode[1 0]"))]), pages: 1,
        isSmaller: true),
      Horror(
        name: "inverted bits",
        bytes: drawn([(bits, bilevel("/BitsPerComponent 1/ColorSpace/DeviceGray/Decode[1 0]"))]),
        pages: 1, isSmaller: true),
      Horror(
        name: "stencil", bytes: drawn([(bits, bilevel("/ImageMask true"))]), pages: 1,
        isSmaller: true),
      Horror(
        name: "inverted stencil", bytes: drawn([(bits, bilevel("/ImageMask true/Decode[1 0]"))]),
        pages: 1, isSmaller: true),
      Horror(
        name: "behind a mask",
        bytes: drawn([
          (samples, image("/ColorSpace/DeviceGray/Mask 6 0 R")),
          (bits, bilevel("/ImageMask true")),
        ]), pages: 1, isSmaller: true),
      Horror(
        name: "two colours of a palette",
        bytes: drawn([
          (bits, bilevel("/BitsPerComponent 1/ColorSpace[/Indexed/DeviceRGB 1 <10F080FFFFFF>]"))
        ]), pages: 1, isSmaller: true),
      Horror(
        name: "palette", bytes: drawn([(samples, image("/ColorSpace\(palette)"))]), pages: 1,
        isSmaller: true),
      Horror(
        name: "CMYK",
        bytes: drawn([(samples + samples + samples + samples, image("/ColorSpace/DeviceCMYK"))]),
        pages: 1, isSmaller: true),
    ]
  }

  @Test("None loses a page, its ink, or the machine's memory")
  func horrors() throws {
    // Each page is drawn before and after: one that was inverted would keep its original.
    try process(try Self.horrors(), ["--verify-pixels", "100%"])
  }

  @Test("10,000 pages are as many afterwards")
  func manyPages() throws {
    let pages = Fixture.pages([String](repeating: "", count: 10_000))
    try process(
      [Horror(name: "10,000 pages", bytes: pages, pages: 10_000, isSmaller: true)],
      ["--engine", "images"])
  }

  private func process(_ horrors: [Horror], _ arguments: [String]) throws {
    let directory = try TemporaryDirectory()
    let pipe = try Launch.makePipe()
    defer { close(pipe.output) }
    let run = try ToolRun(
      ["--workers", "1", "--timeout", "20s"] + arguments, standardInput: pipe.output)
    for (number, horror) in horrors.enumerated() {
      let path = try directory.write(horror.bytes, to: "\(horror.name).pdf")
      let record: JSON = .object(["id": .string("\(number)"), "path": .string(path)])
      #expect(writeAll(record.serialized() + [UInt8(ascii: "\n")], to: pipe.input) == 0)
      let isOut = eventually { (try? run.records().count) == number + 1 }
      try #require(isOut, "\(horror.name) did not come out")
      try check(horror, try run.records()[number]["optimize"])
      for pid in Processes.below(run.pid) + [run.pid] {
        let peak = Processes.peak(of: pid)
        #expect(peak < 200 << 20, "\(horror.name): \(peak >> 20) MiB")
      }
    }
    let processes = Processes.below(run.pid)
    close(pipe.input)
    #expect(run.wait() == .status(0))
    #expect(eventually { processes.allSatisfy { !Processes.isAlive($0) } })
    let others = directory.names.filter { !$0.hasSuffix(".pdf") }
    #expect(others.isEmpty, "\(others)")
  }

  private func check(_ horror: Horror, _ member: JSON?) throws {
    let said = "\(horror.name): \(member?["reason"]?.string ?? "")"
    #expect(member?["pages"]?.int == horror.pages, "\(said)")
    if let isSmaller = horror.isSmaller {
      #expect((member?["reason"] == nil) == isSmaller, "\(said)")
    }
    let result = try PDFDocument(path: member?["path"]?.string ?? "")
    #expect(try result.pageCount() == horror.pages, "\(said)")
  }
}
