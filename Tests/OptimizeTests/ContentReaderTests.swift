import PDF
import Testing

@Suite("Where contents draw")
struct ContentReaderTests {
  typealias Draw = ContentReader.Draw

  static let scaled = Matrix(2, 0, 0, 3, 0, 0)

  static let contents: [(String, [Draw]?)] = [
    ("", []),
    ("/I Do", [Draw(name: "/I", matrix: .identity)]),
    (
      "q 2 0 0 3 0 0 cm /I Do Q /J Do",
      [
        Draw(name: "/I", matrix: scaled), Draw(name: "/J", matrix: .identity),
      ]
    ),
    // The last change is the first to be applied.
    (
      "10 0 0 10 5 6 cm 1 0 0 1 2 3 cm/I Do",
      [
        Draw(name: "/I", matrix: Matrix(10, 0, 0, 10, 25, 36))
      ]
    ),
    ("0 1 -1 0 7. .5 cm /I Do", [Draw(name: "/I", matrix: Matrix(0, 1, -1, 0, 7, 0.5))]),
    (
      "% /X Do\n(/Y Do \\) (q) cm) Tj <2F> Tj [(a)-20(b)] TJ /I#20x Do",
      [
        Draw(name: "/I x", matrix: .identity)
      ]
    ),
    ("/OC /M BDC <</A<</B[1 2]>>/C(x)>> gs EMC /I Do", [Draw(name: "/I", matrix: .identity)]),
    (
      "BI /W 2 /H 1 /IM true ID \u{1}Q EI\u{2} q Q EI\nQ /I Do",
      [
        Draw(name: "/I", matrix: .identity)
      ]
    ),
    ("Q Q /I Do", [Draw(name: "/I", matrix: .identity)]),
    ("1 0 0 1 cm /I Do", nil),
    ("Do", nil),
    ("BI /W 2 ID abc", nil),
    ("/I Do 1.2.3 x", nil),
    ("/I Do \u{1}\u{2}", nil),
  ]

  @Test("Contents and their draws", arguments: contents)
  func draws(_ text: String, draws: [Draw]?) {
    #expect(ContentReader.read(Array(text.utf8))?.draws == draws)
  }

  @Test("Deep nesting is not followed")
  func deep() {
    #expect(ContentReader.read(Array(String(repeating: "q ", count: 2000).utf8)) == nil)
    let brackets = String(repeating: "[<<(", count: 100_000)
    #expect(ContentReader.read(Array(brackets.utf8))?.draws == [])
  }

  @Test("Contents cut off anywhere do no harm")
  func cut() {
    let whole = Array("q 1 0 0 1 0 0 cm BI /W 1 ID x EI Q (a\\)) Tj <61> Tj /I#41 Do % x".utf8)
    for end in whole.indices { _ = ContentReader.read(Array(whole[..<end])) }
  }

  @Test("The size of what is drawn is that of the turned unit square")
  func size() {
    #expect(Matrix(0, 300, -200, 0, 9, 9).unitSquare == DrawnSize(width: 300, height: 200))
    #expect(Matrix(3, 4, -8, 6, 0, 0).unitSquare == DrawnSize(width: 5, height: 10))
  }

  @Test("Flate stops at its limit")
  func flate() throws {
    let zeros = [UInt8](repeating: 0, count: 100_000)
    let small = try #require(Flate.deflate(zeros))
    #expect(small.count < 200)
    #expect(Flate.inflate(small, limit: 100_000) == zeros)
    #expect(Flate.inflate(small, limit: 99_999) == nil)
    #expect(Flate.inflate(Array(small.dropLast(9)), limit: 100_000) == nil)
    #expect(Flate.inflate([], limit: 100) == nil)
    #expect(Flate.inflate(try #require(Flate.deflate([])), limit: 0) == [])
  }
}
