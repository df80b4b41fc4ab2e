import Common
import Glibc
import PDF
import Processes
import Support
import Testing

@testable import optimize

@Suite("Comparing pages")
struct PixelTests {
  /// A page of 200 by 150 pixels.
  static func page(_ value: (Int, Int) -> UInt8) -> PageInk? {
    let pixels = (0..<150).flatMap { y in (0..<200).map { value($0, y) } }
    return PageInk(pgm: Array("P5\n200 150\n255\n".utf8) + pixels)
  }

  static let text = page { x, y in y / 4 % 3 == 0 && x % 3 != 0 ? 90 : 250 }
  static let word = page { x, y in (20..<34).contains(x) && (20..<22).contains(y) ? 60 : 255 }
  static let photograph = page { x, y in UInt8(x / 2 + y / 2) }

  static let cases: [(name: String, before: PageInk?, after: PageInk?, objection: String?)] = [
    ("the same", text, text, nil),
    ("a little lighter", text, page { x, y in y / 4 % 3 == 0 && x % 3 != 0 ? 98 : 255 }, nil),
    ("blank", text, page { _, _ in 250 }, "has lost ink"),
    ("one word lost", word, page { _, _ in 255 }, "has lost ink"),
    ("black", text, page { _, _ in 0 }, "has lost ink"),
    ("inverted", photograph, page { x, y in 255 - UInt8(x / 2 + y / 2) }, "looks different"),
    (
      "upside down", photograph, page { x, y in UInt8((199 - x) / 2 + (149 - y) / 2) },
      "looks different"
    ),
    (
      "a quarter lost", text,
      page { x, y in y < 110 && y / 4 % 3 == 0 && x % 3 != 0 ? 90 : 250 }, "looks different"
    ),
    ("blank before and after", page { _, _ in 255 }, page { _, _ in 254 }, nil),
    ("noise before", page { x, y in UInt8(248 + (x * y) % 7) }, page { _, _ in 251 }, nil),
  ]

  @Test("What passes for the same page", arguments: cases)
  func compare(_ given: (name: String, before: PageInk?, after: PageInk?, objection: String?))
    throws
  {
    let (before, after) = (try #require(given.before), try #require(given.after))
    #expect(after.objection(asDrawingOf: before) == given.objection, "\(given.name)")
  }

  @Test(
    "What is no drawing",
    arguments: [
      "", "P5", "P6\n1 1\n255\nxxx", "P5\n2 2\n255\nabc", "P5\n0 0\n255\n", "P5\n-1 1\n255\n",
    ])
  func noDrawing(_ text: String) {
    #expect(PageInk(pgm: Array(text.utf8)) == nil)
  }

  @Test("A sample is always the same, and as large as it is to be")
  func sample() {
    func sample(_ share: Double, bytes: Int = 7) -> [Int] {
      PixelCheck.sample(share, ofPages: 10_000, sourceBytes: bytes)
    }
    #expect(sample(0).isEmpty)
    #expect(sample(1).count == 10_000)
    #expect((400...600).contains(sample(0.05).count))
    #expect(sample(0.05) == sample(0.05))
    #expect(sample(0.05) != sample(0.05, bytes: 8))
    // Documents of one page have their turn as well.
    let single = (0..<10_000).filter {
      !PixelCheck.sample(0.05, ofPages: 1, sourceBytes: $0).isEmpty
    }
    #expect((400...600).contains(single.count))
  }

  @Test(
    "Parts as options name them",
    arguments: [
      ("5%", 0.05), ("0.5%", 0.005), ("100%", 1), ("0%", 0), ("5", nil), ("101%", nil),
      ("-1%", nil),
      ("%", nil), ("x%", nil),
    ] as [(String, Double?)])
  func share(_ text: String, share: Double?) { #expect(Share.parse(text) == share) }

  @Test("A page that came out blank is found, and one that cannot be drawn")
  func blanked() throws {
    let directory = try TemporaryDirectory()
    let job = Job(directory: directory.path, settings: ProtocolTests.settings)
    let limits = Limits(base: 60, pages: 2, sourceBytes: 1000)
    let check = PixelCheck(program: "/usr/bin/pdftoppm", share: 1, job: job)
    try directory.write(Fixture.pages(["", ""]), to: Job.source)
    func objection(_ result: [UInt8]) throws -> String? {
      try directory.write(result, to: Job.result)
      return try check.objection(to: Job.result, pages: 2, sourceBytes: 1000, limits: limits)
    }
    #expect(try objection(Fixture.pages(["", ""])) == nil)
    #expect(
      try objection(Fixture.pages(["", "/Contents[]"])) == "page 2 of the result has lost ink")
    #expect(try objection(Array("%PDF-".utf8)) == "page 1 of the result cannot be drawn")
    try directory.write([], to: Job.source)
    #expect(try objection(Fixture.pages(["", ""])) == "page 1 cannot be drawn to be compared")
  }

  @Test("Both engines' results pass", arguments: ["images", "ghostscript", "auto"])
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
