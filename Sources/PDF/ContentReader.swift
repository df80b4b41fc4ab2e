/// What a content stream draws. Pure.
package enum ContentReader {
  /// External objects with where they are drawn, and whether it paints anything besides.
  package struct Contents: Sendable, Equatable {
    package internal(set) var draws: [Draw] = []
    /// Whether lines, areas, shadings or inline images are painted.
    package internal(set) var paintsShapes = false
    /// Whether text is shown, be it of blanks.
    package internal(set) var showsText = false
  }

  /// One `Do`: the object's name, and how the unit square lies when it is drawn.
  package struct Draw: Sendable, Equatable {
    /// As the resources have it, with its slash.
    package let name: String
    /// From the object's space to that of the stream.
    package let matrix: Matrix

    package init(name: String, matrix: Matrix) { (self.name, self.matrix) = (name, matrix) }
  }

  /// Deeper `q` are not followed.
  private static let maximumDepth = 1000

  /// All of it; `nil` where the stream is not understood, so that a guess would be wrong: an operator
  /// that does not exist, or operands that are missing.
  package static func read(_ content: [UInt8]) -> Contents? {
    content.withUnsafeBufferPointer { read(ContentLexer($0)) }
  }

  private static func read(_ lexer: ContentLexer) -> Contents? {
    var lexer = lexer
    var contents = Contents()
    var matrix = Matrix.identity
    var saved: [Matrix] = []
    var numbers: [Double] = []
    var name: String?
    while let token = lexer.next() {
      switch token {
      case .number(let value): numbers.append(value)
      case .name(let text): name = text
      case .other: break
      case .word(let word):
        switch String(decoding: word, as: UTF8.self) {
        case "q":
          guard saved.count < maximumDepth else { return nil }
          saved.append(matrix)
        case "Q": matrix = saved.popLast() ?? matrix
        case "cm":
          guard let change = Matrix(numbers.suffix(6)) else { return nil }
          matrix = change.then(matrix)
        case "Do":
          guard let name else { return nil }
          contents.draws.append(Draw(name: name, matrix: matrix))
        case "ID":
          guard lexer.skipInlineImage() else { return nil }
          contents.paintsShapes = true
        case "true", "false", "null": continue
        case let word where shapes.contains(word): contents.paintsShapes = true
        case "Tj", "TJ", "'", "\"": contents.showsText = true
        case let word where operators.contains(word): break
        default: return nil
        }
        numbers.removeAll(keepingCapacity: true)
        name = nil
      }
    }
    return contents
  }

  private static let shapes = Set(
    "b B b* B* f F f* s S sh".split(separator: " ").map(String.init))

  /// ISO 32000-1, Annex A, but for those above. `EI` is part of the image.
  private static let operators = Set(
    """
    BDC BI BMC BT BX c cs CS d d0 d1 DP EMC ET EX G g gs h i j J K k l m M MP n re RG rg ri \
    sc SC scn SCN T* Tc Td TD Tf TL Tm Tr Ts Tw Tz v w W W* y
    """.split(separator: " ").map(String.init))
}
