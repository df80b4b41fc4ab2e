import Common
import Testing

@Suite("Templates")
struct TemplateTests {
  private let fields = [
    "book": "285", "page": "55", "long": "123456", "type": "ASSIGN OIL GAS  MIN",
    "quoted": #"AFFIDAVIT "T""#, "dashed": "- [DEED 90W]", "empty": "", "signs": "--", "a.b": "x/y",
    "umlaut": "ÄÖ ß",
  ]

  @Test(
    "Filled from a record",
    arguments: [
      ("plain", "plain"), ("", ""), ("{book}", "285"),
      ("{book|pad:4}-{page|pad:4}.pdf", "0285-0055.pdf"), ("{long|pad:4}", "123456"),
      ("{type|slug}", "assign-oil-gas-min"), ("{quoted|slug}", "affidavit-t"),
      ("{dashed|slug}", "deed-90w"), ("{umlaut|slug}", "äö-ß"),
      ("{missing|or:unknown}", "unknown"), ("{empty|or:unknown}", "unknown"),
      ("{signs|slug|or:unknown}", "unknown"), ("{missing|pad:4|or:none}", "none"),
      ("{missing|or:7|pad:4}", "0007"), ("{{{book}}}", "{285}"), ("a{{b}}c", "a{b}c"),
      ("{a.b}", "x/y"),
    ])
  func filled(_ source: String, _ expected: String) throws {
    #expect(try Template(source).fill { fields[$0] } == expected)
  }

  @Test(
    "Refused",
    arguments: [
      "{", "{book", "}", "a}b", "{}", "{|pad:4}", "{book|}", "{book|pad}", "{book|pad:}",
      "{book|pad:0}", "{book|pad:65}", "{book|pad:x}", "{book|upper}", "{bo ok}", "{book/page}",
      "{ book }",
    ])
  func refused(_ source: String) {
    #expect(throws: Template.SyntaxError.self) { try Template(source) }
  }

  @Test func whatIsMissingIsNamed() throws {
    let template = try Template("{book}/{missing}/{other|or:x}")
    #expect(template.requiredFields == ["book", "missing"])
    let table = [("{book}/{missing}/{other|or:x}", "missing"), ("{empty}", "empty")]
    for (source, name) in table {
      let template = try Template(source)
      do throws(Template.MissingField) {
        _ = try template.fill { fields[$0] }
        Issue.record("\(source) was filled")
      } catch {
        #expect(error.name == name)
      }
    }
  }

  @Test func textsAreEncodedWhereTheyGoAndLiteralsAreNot() throws {
    let template = try Template("?a={a.b}&b={type}")
    let filled = try template.fill(encode: Format.percentEncoded) { fields[$0] }
    #expect(filled == "?a=x%2Fy&b=ASSIGN%20OIL%20GAS%20%20MIN")
  }

  @Test(
    "Percent-encoded",
    arguments: [
      ("az09AZ-._~", "az09AZ-._~"), ("a b+c", "a%20b%2Bc"), ("é/%", "%C3%A9%2F%25"),
      ("\n\u{0}", "%0A%00"), ("..", ".."),
    ])
  func percentEncoded(_ source: String, _ expected: String) {
    #expect(Format.percentEncoded(source) == expected)
  }
}
