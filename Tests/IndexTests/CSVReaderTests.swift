import Common
import Glibc
import Index
import Support
import Testing

@Suite struct CSVReaderTests {
  typealias Row = CSVReader.Row

  private func rows(_ text: [UInt8], delimiter: Character = ",") throws -> [Row] {
    let directory = try TemporaryDirectory()
    try directory.write(text, to: "rows")
    let file = open("\(directory.path)/rows", O_RDONLY)
    defer { close(file) }
    var reader = try CSVReader(descriptor: file, delimiter: try #require(delimiter.asciiValue))
    var rows: [Row] = []
    while let row = try reader.next() { rows.append(row) }
    return rows
  }

  struct Case: Sendable, CustomTestStringConvertible {
    let text: String
    var delimiter: Character = ","
    let rows: [Row]
    var testDescription: String { text.debugDescription }

    init(_ text: String, delimiter: Character = ",", _ rows: [Row]) {
      self.text = text
      self.delimiter = delimiter
      self.rows = rows
    }

    /// Rows without line ends inside, on lines from 1.
    init(_ text: String, _ rows: [[String]]) {
      self.init(text, rows.enumerated().map { .fields($0.element, line: $0.offset + 1) })
    }
  }

  static let cases: [Case] = [
    Case("", [[String]]()),
    Case("a,b\n1,2\n", [["a", "b"], ["1", "2"]]),
    Case("a,b\r\n1,2\r\n", [["a", "b"], ["1", "2"]]),
    Case("a,b\n1,2", [["a", "b"], ["1", "2"]]),
    Case("a,b\n1,2\r", [["a", "b"], ["1", "2"]]),
    Case("a,\n,\n", [["a", ""], ["", ""]]),
    Case("a,", [["a", ""]]),
    Case("\u{FEFF}a,b\n", [["a", "b"]]),
    Case("\u{FEFF}\"a\",b\n", [["a", "b"]]),
    Case("\"a\",\"b,c\"\n", [["a", "b,c"]]),
    Case("\"say \"\"so\"\"\",\"\"\n", [["say \"so\"", ""]]),
    Case("\"\"\"\"\n", [["\""]]),
    Case("AFFIDAVIT \"T\",x\n", [["AFFIDAVIT \"T\"", "x"]]),
    Case("  a  b ,c\n", [["  a  b ", "c"]]),
    Case("\"a\"\r\n\"b\"\r\n", [["a"], ["b"]]),
    Case("\"a\"", [["a"]]),
    Case("\"\"\n", [[""]]),
    Case("a\r,b\n", [["a\r", "b"]]),
    Case("Ä,日本\n", [["Ä", "日本"]]),
    Case("\n\r\na\n\n\nb\n", [.fields(["a"], line: 3), .fields(["b"], line: 6)]),
    Case(
      "\"a\nb\r\nc\",1\nd,2\n",
      [.fields(["a\nb\r\nc", "1"], line: 1), .fields(["d", "2"], line: 4)]
    ),
    Case(
      "\"a\"b,1\nc,2\n",
      [
        .refused(line: 1, reason: "text after the closing quote of field 1"),
        .fields(["c", "2"], line: 2),
      ]),
    Case(
      "\"a\"\rb\nc\n",
      [
        .refused(line: 1, reason: "text after the closing quote of field 1"),
        .fields(["c"], line: 2),
      ]),
    Case(
      "a\n\"b,c\nd\n",
      [
        .fields(["a"], line: 1), .refused(line: 2, reason: "unclosed quote"),
        .fields(["d"], line: 3),
      ]),
    Case(
      "a\tb,c\n\"x\ty\"\tz\n", delimiter: "\t",
      [
        .fields(["a", "b,c"], line: 1), .fields(["x\ty", "z"], line: 2),
      ]),
  ]

  @Test(arguments: cases)
  func reads(_ row: Case) throws {
    #expect(try rows(Array(row.text.utf8), delimiter: row.delimiter) == row.rows)
  }

  @Test func bytesThatAreNoTextCostTheirRow() throws {
    #expect(
      try rows([0x61, 0x2C, 0xC3, 0x28, 0x0A, 0x62, 0x0A])
        == [.refused(line: 1, reason: "field 2 is not UTF-8"), .fields(["b"], line: 2)])
  }

  @Test(arguments: [true, false])
  func aRowIsBounded(isQuoted: Bool) throws {
    let long = [UInt8](repeating: UInt8(ascii: "x"), count: CSVReader.maximumRow + 1)
    let text = Array((isQuoted ? "a\n\"" : "a\n").utf8) + long + Array("\nb\n".utf8)
    #expect(
      try rows(text) == [
        .fields(["a"], line: 1),
        .refused(line: 2, reason: "longer than 1.00 MiB, or an unclosed quote"),
        .fields(["b"], line: 3),
      ])
  }

  /// Chunks end anywhere: rows of many lengths against a buffer of 64 KiB.
  @Test func rowsThatCrossTheBufferStayWhole() throws {
    var text = ""
    var expected: [Row] = []
    var line = 1
    for number in 0..<5000 {
      let fields = [String(number), String(repeating: "a\"\n", count: number % 7), "é"]
      text += "\(number),\"\(fields[1].replacing("\"", with: "\"\""))\",é\r\n"
      expected.append(.fields(fields, line: line))
      line += number % 7 + 1
    }
    #expect(try rows(Array(text.utf8)) == expected)
  }
}
