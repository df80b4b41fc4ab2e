/// Lines that come from nobody's friend (docs/promises.md, "Lines").
enum Hostile {
  /// Arguments with which a tool of the pipeline reads lines and keeps to `folder`.
  static func arguments(_ tool: String, in folder: String) -> [String] {
    switch tool {
    case "fetch":
      [
        "--state", "\(folder)/state", "--spool", "\(folder)/spool", "--retries", "0",
        "--rate-limit-delay", "0", "--connect-timeout", "1", "--timeout", "2", "--workers", "8",
      ]
    case "upload": ["--to", "\(folder)/bucket"]
    case "validate": ["--to", "\(folder)/bucket"]
    default: []
    }
  }

  /// Lines that are not JSON, or not as a record may be.
  static let malformed: [[UInt8]] =
    [
      [], [0x00], [0xFF, 0xFE, 0x00], [0x20, 0x09], [0xEF, 0xBB, 0xBF] + text(#"{"id":"1"}"#),
      text(#"{"id":""#) + [0xC0, 0xAF] + text(#""}"#),
      text(#"{"id":""#) + [0xED, 0xA0, 0x80] + text(#""}"#),
      text(#"{"id":"a"#) + [0x00] + text(#"b"}"#),
      text("hello"), text("<html><body>Log in</body></html>"), text("null"), text("[]"),
      text("42"), text(#""1""#), text("{}"), text("{"), text(#"{"id""#), text(#"{"id":"1""#),
      text(#"{"id":"1"}}"#), text(#"{"id":"1"}{"id":"2"}"#), text(#"{"id":"1",}"#),
      text(#"{'id':'1'}"#), text("id,url"), text(#"{"id":"1","id":"2"}"#),
      text(#"{"id":"1","x":{"a":1,"a":2}}"#), text(#"{"id":"\ud800"}"#), text(#"{"id":"\u0000"}"#),
      text(#"{"id":"a\nb"}"#), text(#"{"id":1}"#), text(#"{"id":null}"#), text(#"{"id":""}"#),
      text(#"{"id":true}"#), text(#"{"id":{"id":"1"}}"#), text(#"{"ID":"1"}"#),
      text(#"{"id":"\#(String(repeating: "9", count: 300))"}"#),
      text(#"{"id":"1","book":"285"}"#), text(#"{"id":"1","page":1.5}"#),
      text(#"{"id":"1","book":1e100}"#), text(#"{"id":"1","attempt":-1e400}"#),
      text(#"{"id":"1","fetch":"spool/1.pdf"}"#), text(#"{"id":"1","upload":[]}"#),
      text(#"{"id":"1" "x":2}"#), text(#"{"id":"1","x":01}"#), text(#"{"id":"1","x":.5}"#),
      text(#"{"id":"1","x":1.}"#), text(#"{"id":"1","x":+1}"#), text(#"{"id":"1","x":NaN}"#),
      text(#"{"id":"1","x":Infinity}"#), text(#"{"id":"1","x":"\x"}"#), text("{\"id\":\"1\t\"}"),
      text(#"{"id":"1","x":tru}"#), text(#"["id","1"]"#), text(#"{"id":"1","x":[1,]}"#),
      text(#"{1:"id"}"#), text(#"{"id":"1"}//c"#), text(#"/*c*/{"id":"1"}"#),
      text(#"{"id":["1"]}"#), text(#"{"id":"1","x":"\ud800\u0041"}"#),
      text(#"{"id":"1","x":"\u12"}"#),
      text(#"{"id":"1","optimize":7}"#), text(#"{"id":"1","lease":"x"}"#),
      text(#"{"id":"1","x":"# + String(repeating: "[", count: 100_000)),
      text(#"{"id":"1","x":"# + String(repeating: #"{"a":"#, count: 300)),
      text(#"{"id":"1","x":""# + String(repeating: "x", count: 2 << 20) + #""}"#),
      [UInt8](repeating: UInt8(ascii: "["), count: 3 << 20),
    ]

  /// Names that would lead somewhere else if they were taken for part of a path.
  static let names = [
    "../../../../outside/evil", "../outside/evil", "/etc/passwd", "..", ".", "a/../../b", "a/b",
    #"..\\..\\evil"#, "%2e%2e%2fevil", "..%00", "-rf", "|touch evil", "%pipe%touch evil",
    "$(touch evil)", "`touch evil`", ";touch evil", "~", "a b", "CON", "\u{202E}fdp.live",
    "%d.pdf", "e\u{301}", String(repeating: "n", count: 256), String(repeating: "é", count: 128),
    "evil\u{2028}", "*",
  ]

  /// Addresses that nobody should be sent to, or that are none.
  static let urls = [
    "file:///etc/passwd", "gopher://127.0.0.1:1/_x", "ftp://127.0.0.1:1/a.pdf",
    "dict://127.0.0.1:1/", "javascript:alert(1)", "data:application/pdf,%25PDF-",
    "jar:http://127.0.0.1:1!/", "ldap://[::1]:1",
    "http://", "http:///a", "https://:443/", "//127.0.0.1:1/a", "/etc/passwd", "..", "",
    #"http://127.0.0.1:1\\@example.org/"#, "http://127.0.0.1:1/\\r\\nX-Evil: 1",
    "http://127.0.0.1:99999/", "http://127.0.0.1:-1/", "http://127.0.0.1:1/", "http://[::1]:1/",
    "http://[::ffff:7f00:1]:1/", "http://2130706433:1/", "http://0x7f.1:1/",
    "http://user:secret@127.0.0.1:1/", "http://127.0.0.1:1/%00", "hTTp://127.0.0.1:1/",
  ]

  /// Records that are well formed and mean ill, for `tool`. `marker` is a folder that nobody may write
  /// to, `scan` the address of a PDF.
  static func records(for tool: String, marker: String, scan: String) -> [String] {
    let names = names + ["\(marker)/evil", "../../../../../../../../..\(marker)/evil"]
    switch tool {
    case "fetch":
      return names.map { #"{"id":\#(quoted($0)),"url":"\#(scan)"}"# }
        + urls.map { #"{"id":"1","url":"\#($0)"}"# }
        + names.map { #"{"id":"2","book":300,"page":1,"document_type":\#(quoted($0))}"# }
        + [#"{"id":"3","url":5}"#, #"{"id":"3"}"#, #"{"id":"3","fetch":{"path":"../x"}}"#]
    case "optimize":
      return (names + ["/dev/zero", "", "/"]).map {
        #"{"id":\#(quoted($0)),"fetch":{"path":\#(quoted($0)),"bytes":1}}"#
      } + [#"{"id":"1","fetch":{"path":5}}"#, #"{"id":"1","fetch":{}}"#, #"{"id":"1","path":[]}"#]
    case "upload":
      return names.map {
        #"{"id":\#(quoted($0)),"document_type":\#(quoted($0)),"path":"/dev/null"}"#
      }
        + ["/dev/zero", "/proc/self/mem", "", "/", "\(marker)/none"].map {
          #"{"id":"1","optimize":{"path":\#(quoted($0)),"sha256":"x","bytes":-1}}"#
        } + [#"{"id":"1","fetch":{"path":5}}"#, #"{"id":"1"}"#]
    default:
      return (names + urls).filter { !$0.contains(#"\"#) }.map {
        #"{"id":"1","upload":{"url":\#(quoted($0)),"bytes":1,"sha256":"x","md5":"y"}}"#
      } + [
        #"{"id":"1","upload":{}}"#, #"{"id":"1","upload":{"url":5}}"#, #"{"id":"1"}"#,
        #"{"id":"1","upload":{"url":"file:///etc/passwd","bytes":-1}}"#,
      ]
    }
  }

  private static func text(_ text: String) -> [UInt8] { Array(text.utf8) }

  /// A text as JSON, unless it has escapes already.
  private static func quoted(_ text: String) -> String {
    text.contains(#"\"#) ? #""\#(text)""# : "\"\(text)\""
  }
}
