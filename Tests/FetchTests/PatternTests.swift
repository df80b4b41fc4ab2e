import Common
import Testing

@testable import fetch

@Suite struct PatternTests {
  @Test(
    arguments: [
      (#"Book:\s*(\d+)"#, "Book:\u{A0} 285 x", "285"), (#"\d+"#, "a 12 b", "12"),
      ("(a)|b", "b", "b"), (#"(?<=No\. )\d+"#, "No. 7", "7"), ("ü+", "xüü", "üü"), ("x", "y", nil),
      (#"(?<n>\d)\k<n>"#, "1233", "3"), ("^$", "", ""),
    ] as [(String, String, String?)])
  func findsTheFirstGroup(pattern: String, text: String, expected: String?) throws {
    let pattern = try #require(Pattern(pattern))
    #expect(try pattern.firstMatch(in: Array(text.utf8)) == expected)
  }

  @Test func ignoresCaseWhereAsked() throws {
    let text = Array("ZUGRIFF VERWEIGERT, ÜBERLASTET".utf8)
    #expect(try Pattern("überlastet", ignoresCase: true)?.firstMatch(in: text) != nil)
    #expect(try Pattern("überlastet")?.firstMatch(in: text) == nil)
  }

  @Test(arguments: ["(a", "[", "*a", "a{2,1}"]) func refuses(pattern: String) {
    #expect(Pattern(pattern) == nil)
  }

  @Test(
    "A pattern with more ways than there is time is stopped",
    arguments: [
      "(a+)+$", "(a|aa)+$", "(a|a?)+!!", "(.*a)*!!", "^(([a-z])+.)+[A-Z]([a-z])+$",
    ])
  func stops(pattern: String) throws {
    let text = [UInt8](repeating: UInt8(ascii: "a"), count: 50_000) + [UInt8(ascii: "!")]
    let began = Time.monotonic()
    let compiled = try #require(Pattern(pattern))
    let error = #expect(throws: Pattern.TooSlow.self) { try compiled.firstMatch(in: text) }
    #expect(error?.pattern == pattern)
    #expect(Double(Time.monotonic() - began) / 1e9 < 5)
  }

  @Test func aStopIsLookedFor() throws {
    let text = [UInt8](repeating: UInt8(ascii: "a"), count: 50_000) + [UInt8(ascii: "!")]
    let pattern = try #require(Pattern("(a+)+$"))
    var asked = 0
    #expect(throws: Pattern.TooSlow.self) {
      try pattern.firstMatch(in: text) {
        asked += 1
        return true
      }
    }
    #expect(asked == 1)
  }
}
