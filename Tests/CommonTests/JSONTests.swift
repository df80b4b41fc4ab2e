import Common
import Support
import Testing

@Suite("JSON comes out as it went in")
struct JSONTests {
  @Test(
    "Texts that are written as they were read",
    arguments: [
      "null", "true", "false", "[]", "{}", #""""#,
      "0", "-0", "1", "-1", "0.10", "1e400", "1E+2", "-1.5e-7",
      "9007199254740993", "-9007199254740993", "12345678901234567890.10",
      "[1,[2,[3,[]]],{}]",
      #"{"z":1,"a":{"y":[null,true,"x"],"b":1.0}}"#,
      #"{"":0," ":1,"a b":2}"#,
      #"["\"\\\n\r\t"]"#,
      #"["\u0000\u0001\u001f\u007f"]"#,
      #"["é","e\#u{301}","漢字","\#u{1F4DC}","\#u{2028}"]"#,
    ])
  func roundTrip(_ source: String) throws {
    #expect(try JSON(parsing: source).description == source)
  }

  @Test(
    "Other spellings of the same value",
    arguments: [
      (" \t\r\n [ 1 , 2 ] \n", "[1,2]"),
      (#"{ "a" : 1 }"#, #"{"a":1}"#),
      (#""\u0041\/\b\f""#, #""A/\u0008\u000c""#),
      (#""\u00e9\u6f22""#, #""é漢""#),
      (#""\uD83D\uDCDC""#, "\"\u{1F4DC}\""),
      (#""\ud83d\udcdc""#, "\"\u{1F4DC}\""),
      (#""\uFFFF\uDBFF\uDFFF""#, "\"\u{FFFF}\u{10FFFF}\""),
    ])
  func spellings(_ source: String, _ expected: String) throws {
    #expect(try JSON(parsing: source).description == expected)
  }

  @Test(
    "Texts that are not JSON",
    arguments: [
      "", " ", "nul", "nulll", "True", "NaN", "Infinity", "undefined", "'a'",
      "01", "-", "+1", ".5", "1.", "1.e3", "1e", "1e+", "0x10", "1_000", "--1",
      "[", "[1", "[1,", "[1,]", "[,1]", "[1 2]", "]",
      "{", #"{"a"}"#, #"{"a":}"#, #"{"a":1,}"#, "{a:1}", #"{"a":1 "b":2}"#, "{1:2}",
      #"""#, #""a"#, #""\"#, #""\x""#, #""\u12""#, #""\u12G4""#, "\"a\nb\"", "\"\u{0}\"",
      #""\ud800""#, #""\udc00""#, #""\ud800\u0041""#, #""\ud800\ud800""#, #""\ud800x""#,
      #"{"a":1,"a":1}"#, #"{"a":1,"\u0061":2}"#, #"[{"x":{"b":1,"c":2,"b":3}}]"#,
      "{} {}", "[]]", "1 2", "null,", "/* */ 1", "1 // one", "\u{FEFF}1",
    ])
  func refused(_ source: String) {
    #expect(throws: JSONError.self) { try JSON(parsing: source) }
  }

  @Test(
    "Bytes that are not UTF-8",
    arguments: [
      [0x22, 0xFF, 0x22], [0x22, 0xC3, 0x22], [0x22, 0xC0, 0xAF, 0x22],
      [0x22, 0xED, 0xA0, 0x80, 0x22], [0x22, 0xF4, 0x90, 0x80, 0x80, 0x22],
      [0x22, 0x5C, 0x6E, 0xE2, 0x82, 0x22], [0x22, 0x80, 0x22], [0xFF, 0xFE], [0x00],
    ] as [[UInt8]])
  func notUTF8(_ source: [UInt8]) {
    #expect(throws: JSONError.self) { try JSON(parsing: source) }
  }

  @Test("A name that repeats is found among many as well")
  func duplicateAmongMany() throws {
    let names = (0..<40).map { "\"name\($0)\":\($0)" }
    let source = "{\(names.joined(separator: ","))}"
    #expect(try JSON(parsing: source).description == source)
    for repeated in [0, 15, 16, 17, 39] {
      let twice = "{\(names.joined(separator: ",")),\"name\(repeated)\":0}"
      #expect(throws: JSONError.self) { try JSON(parsing: twice) }
    }
  }

  @Test("Names are compared by their code points, not by what they look like (RFC 8259, 8.3)")
  func namesThatLookAlike() throws {
    let source = "{\"caf\u{E9}\":1,\"cafe\u{301}\":2}"
    var object = try #require(JSON(parsing: source).object)
    #expect(JSON.object(object).description == source)
    #expect(object["cafe\u{301}"] == .int(2))
    object["cafe\u{301}"] = nil
    #expect(JSON.object(object).description == "{\"caf\u{E9}\":1}")
  }

  @Test("Depth is limited, and the limit itself is still read")
  func depth() throws {
    func nested(_ depth: Int) -> String {
      String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    }
    let deepest = nested(JSON.maximumDepth)
    #expect(try JSON(parsing: deepest).description == deepest)
    #expect(throws: JSONError.self) { try JSON(parsing: nested(JSON.maximumDepth + 1)) }
    #expect(throws: JSONError.self) {
      try JSON(parsing: String(repeating: #"{"a":["#, count: 100_000))
    }
  }

  @Test("An error says where")
  func place() {
    do {
      _ = try JSON(parsing: #"{"a":tru}"#)
      Issue.record("it was read")
    } catch {
      #expect(error.description == "not a JSON value at byte 9")
    }
  }

  @Test("Random values survive", arguments: [1, 2, 3] as [UInt64])
  func randomValues(seed: UInt64) throws {
    var random = SeededRandom(seed: seed)
    for _ in 0..<300 {
      let value = Self.value(depth: 0, &random)
      let written = value.serialized()
      #expect(try JSON(parsing: written) == value, "seed \(seed): \(text(written))")
      #expect(!written.contains(0x0A))
    }
  }

  private static func value(depth: Int, _ random: inout SeededRandom) -> JSON {
    switch Int.random(in: 0..<(depth < 5 ? 7 : 5), using: &random) {
    case 0: return .null
    case 1: return .bool(.random(using: &random))
    case 2: return .int(.random(in: .min ... .max, using: &random))
    case 3: return .decimal(.random(in: -1e6...1e6, using: &random))
    case 4: return .string(word(&random))
    case 5:
      let count = Int.random(in: 0..<5, using: &random)
      return .array((0..<count).map { _ in value(depth: depth + 1, &random) })
    default:
      var object = JSONObject()
      for _ in 0..<Int.random(in: 0..<20, using: &random) {
        object[word(&random)] = value(depth: depth + 1, &random)
      }
      return .object(object)
    }
  }

  private static func word(_ random: inout SeededRandom) -> String {
    var scalars = String.UnicodeScalarView()
    for _ in 0..<Int.random(in: 0..<12, using: &random) {
      let limit: UInt32 = [0x20, 0x80, 0x800, 0x11_0000].randomElement(using: &random) ?? 0x80
      scalars.append(Unicode.Scalar(.random(in: 0..<limit, using: &random)) ?? "x")
    }
    return String(scalars)
  }

  @Test("Members: read, replaced in their place, appended, removed")
  func members() throws {
    var object = try #require(JSON(parsing: #"{"a":1,"b":2,"c":3}"#).object)
    object["b"] = .string("two")
    object["d"] = .bool(true)
    object["a"] = nil
    object["none"] = nil
    #expect(JSON.object(object).description == #"{"b":"two","c":3,"d":true}"#)
    let literal: JSONObject = ["x": .int(1), "left out": nil, "y": .null]
    #expect(JSON.object(literal).description == #"{"x":1,"y":null}"#)
  }

  @Test("Numbers as Swift's types")
  func numbers() throws {
    #expect(try JSON(parsing: "9223372036854775807").int == .max)
    #expect(try JSON(parsing: "9223372036854775808").int == nil)
    #expect(try JSON(parsing: "1.0").int == nil)
    #expect(try JSON(parsing: "0.5").double == 0.5)
    #expect(try JSON(parsing: "12345678901234567890.10").text == "12345678901234567890.10")
    #expect(JSON.decimal(.nan) == .null)
    #expect(JSON.decimal(.infinity) == .null)
    #expect(JSON.decimal(0.1 + 0.2).description == "0.3")
    #expect(JSON.decimal(-0.0001).description == "0")
  }
}
