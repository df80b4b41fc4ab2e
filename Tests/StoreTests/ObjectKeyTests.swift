import Common
import Store
import Testing

/// Keys that no store may ever see, and what each of them tries.
private let refused: [String] = [
  "", "/", "//", ".", "..", "./", "../", "/a", "a/", "a//b", "//a", "a///b", "a/./b", "a/../b",
  "./a", "../a", "a/.", "a/..", "../../etc/passwd", "/etc/passwd", "a/b/../../../c",
  "a\\b", "\\", "..\\..\\a", "C:\\a", "a/\\", "\\\\host\\share",
  "\0", "a\0b", "a\0.pdf", "\n", "a\nb", "a\rb", "a\r\nb", "a\tb", "\u{1}", "\u{1B}[31mred",
  "a\u{7F}b", "a\u{80}b", "a\u{85}b", "a\u{9F}", "a\u{2028}b", "a\u{2029}b", "\u{8}",
  "/../a", "a/../", "..//a", "a/..//b", ".//a", "/./a", "documents//0001-0001.pdf",
  "documents/./0001.pdf", "documents/deed/../../0001.pdf", "/documents/0001.pdf",
  "documents/0001.pdf/", "documents/\u{0}/0001.pdf", "documents/\\../0001.pdf",
  "file:///etc/passwd", "gs://bucket/a", "https://host/a", "a/\u{301}/../b",
  String(repeating: "a", count: 1025), String(repeating: "é", count: 513),
  String(repeating: "a/", count: 512) + "ab", String(repeating: "/", count: 1024),
  String(repeating: "e\u{301}", count: 600),
]

private let accepted: [String] = [
  "a", "a.pdf", ".a", "..a", "a..", "...", "a/.../b", ".hidden/file", "a b", " ", "a/ /b", "-a",
  "--help", "*", "?", "a?b#c", "%2e%2e", "%2F", "a:b", "~", "~root", "$HOME", "`id`", "$(id)", "|a",
  "%pipe%a", "a\"b", "a'b", "é", "日本語", "🗂/🗄", "\u{202E}fdp.a", "\u{FEFF}a", "a\u{200D}b",
  "documents/mid-early/deed/0285-0055.pdf", "documents/historical/unknown/0001-12345.pdf",
  String(repeating: "a", count: 1024), String(repeating: "é", count: 512), "CON", "nul.pdf",
]

@Suite("Keys of objects")
struct ObjectKeyTests {
  @Test(arguments: refused)
  func refuses(_ text: String) {
    let error = #expect(throws: RecordError.self) { _ = try ObjectKey(text) }
    #expect(error?.kind == .storeRejected)
    #expect(error?.isRetryable == false)
  }

  @Test(arguments: accepted)
  func accepts(_ text: String) throws {
    #expect(Array(try ObjectKey(text).text.utf8) == Array(text.utf8))
  }

  @Test func twoSpellingsOfANameAreOneKey() throws {
    let composed = try ObjectKey("se\u{F1}or/\u{1E69}")
    let decomposed = try ObjectKey("sen\u{303}or/s\u{307}\u{323}")
    #expect(Array(composed.text.utf8) == Array(decomposed.text.utf8))
  }

  @Test func aCombiningMarkBehindASlashDoesNotHideIt() throws {
    #expect(try ObjectKey("a/\u{301}b").segments.count == 2)
  }

  /// Whatever a field holds, it stays within its part of the key.
  @Test(arguments: [
    ("../../etc/passwd", "x/..-..-etc-passwd.pdf"), ("/", "x/-.pdf"), ("a/b", "x/a-b.pdf"),
    ("a\\b", "x/a-b.pdf"), ("a\0b", "x/a-b.pdf"), ("a\nb", "x/a-b.pdf"), ("..", "x/...pdf"),
    ("\u{2028}", "x/-.pdf"), ("/absolute", "x/-absolute.pdf"), ("a/../b", "x/a-..-b.pdf"),
    ("é", "x/é.pdf"), (" ", "x/ .pdf"), ("{id}", "x/{id}.pdf"), ("\u{1B}[2J", "x/-[2J.pdf"),
  ])
  func fieldsAddNoParts(_ value: String, _ expected: String) throws {
    let key = try ObjectKey(filling: try Template("x/{id}.pdf"), for: "1") { _ in value }
    #expect(key.text == expected)
  }

  @Test(arguments: [".", ".."])
  func aPartMadeOfDotsIsRefused(_ value: String) throws {
    let template = try Template("x/{id}/y")
    #expect(throws: RecordError.self) {
      _ = try ObjectKey(filling: template, for: "1") { _ in value }
    }
  }

  @Test func aMissingFieldIsNamedWithItsDocument() throws {
    let template = try Template("{book}/{page}.pdf")
    let error = #expect(throws: RecordError.self) {
      _ = try ObjectKey(filling: template, for: "184223") { $0 == "book" ? "285" : nil }
    }
    #expect(error?.kind == .storeRejected)
    #expect(error?.message.contains("page") == true)
    #expect(error?.message.contains("184223") == true)
  }

  @Test(arguments: [
    (238, 3, "DEED OF  TRUST", "documents/deed-of-trust/0238-0003.pdf"),
    (12345, 4710, "", "documents/unknown/12345-4710.pdf"),
    (1, 1, "AFFIDAVIT \"T\"", "documents/affidavit-t/0001-0001.pdf"),
    (1, 1, "../..", "documents/unknown/0001-0001.pdf"),
  ])
  func theKeyOfTheUsers(_ book: Int, _ page: Int, _ type: String, _ expected: String) throws {
    let template = try Template(
      "documents/{document_type|slug|or:unknown}/{book|pad:4}-{page|pad:4}.pdf")
    let fields = ["book": "\(book)", "page": "\(page)", "document_type": type]
    #expect(try ObjectKey(filling: template, for: "1") { fields[$0] }.text == expected)
  }
}
