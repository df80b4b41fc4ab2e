import Testing
@testable import HTTP

/// Cases after the rules of the URL Standard, in the words of this project; the public table of the WHATWG
/// (490 of its cases that concern http and https) was tried beside them.
@Suite("URLs as browsers read them") struct URLTests {
  private static let page = "http://portal.example.org/a/b/page.php?x=1"

  @Test(
    "A link on a page",
    arguments: [
      ("scan.pdf", "/a/b/scan.pdf"), ("./scan.pdf", "/a/b/scan.pdf"),
      ("../scan.pdf", "/a/scan.pdf"),
      ("../../scan.pdf", "/scan.pdf"), ("../../../../scan.pdf", "/scan.pdf"),
      ("/scan.pdf", "/scan.pdf"),
      ("//portal.example.org/s", "/s"), ("?y=2", "/a/b/page.php?y=2"), ("?", "/a/b/page.php?"),
      ("", "/a/b/page.php?x=1"), ("#top", "/a/b/page.php?x=1"), ("s#top", "/a/b/s"),
      ("s?a#b?c", "/a/b/s?a"), ("s?a?b/../c", "/a/b/s?a?b/../c"), (".", "/a/b/"), ("..", "/a/"),
      ("c/.", "/a/b/c/"), ("c/..", "/a/b/"), ("c/./d/../e", "/a/b/c/e"), ("c//d", "/a/b/c//d"),
      ("%2e%2E/s", "/a/s"), (".%2e/s", "/a/s"), ("%2e/s", "/a/b/s"), ("...", "/a/b/..."),
      ("c/%2e%2e", "/a/b/"), ("..%2fs", "/a/b/..%2fs"),
      // As people and programs write them.
      ("  s.pdf  ", "/a/b/s.pdf"), ("\ts.pdf\n", "/a/b/s.pdf"), ("s\n.p\tdf\r", "/a/b/s.pdf"),
      ("Deed Book 12.pdf", "/a/b/Deed%20Book%2012.pdf"),
      ("scans\\12\\1.pdf", "/a/b/scans/12/1.pdf"),
      ("\\scans\\1.pdf", "/scans/1.pdf"), ("\\\\portal.example.org\\s", "/s"),
      ("/\\portal.example.org/s", "/s"), ("s?file=c:\\scans\\1", "/a/b/s?file=c:\\scans\\1"),
      ("..\\s", "/a/s"), ("s?a b\"c<d>e'f", "/a/b/s?a%20b%22c%3Cd%3Ee%27f"),
      ("a\"<>`{}^|b", "/a/b/a%22%3C%3E%60%7B%7D%5E|b"), ("100%.pdf", "/a/b/100%.pdf"),
      ("%zz%4", "/a/b/%zz%4"), ("%41%2F", "/a/b/%41%2F"), ("a:b", nil),
      ("Müller.pdf", "/a/b/M%C3%BCller.pdf"), ("s?n=Müller", "/a/b/s?n=M%C3%BCller"),
      ("\u{1F4C4}", "/a/b/%F0%9F%93%84"), ("a;b=c,d", "/a/b/a;b=c,d"),
      ("~u/(1)!*'", "/a/b/~u/(1)!*'"),
      ("http:s.pdf", "/a/b/s.pdf"), ("http:/s.pdf", "/s.pdf"), ("http:", "/a/b/page.php?x=1"),
      ("HTTP:?q", "/a/b/page.php?q"), ("http:////portal.example.org/s", "/s"),
      ("HtTp://PORTAL.Example.ORG/S", "/S"), ("http://portal.example.org:80/s", "/s"),
      ("http://portal.example.org:/s", "/s"), ("http://portal.example.org:0080/s", "/s"),
      ("http://%70ortal.example.org/s", "/s"), ("http:\\\\portal.example.org\\s", "/s"),
      ("javascript:void(0)", nil), ("mailto:a@b.c", nil), ("data:,x", nil),
      ("file:///etc/passwd", nil),
      ("about:blank", nil), ("ftp://portal.example.org/s", nil), ("http://", nil), ("//", nil),
      ("http:///", nil), ("http://portal.example.org:x/", nil), ("http://a:65536/", nil),
      ("http://a b/", nil), ("http://a%zz/", nil), ("http://[::1/", nil), ("http://a<b/", nil),
      ("http://@/s", nil), ("http://a:b@/s", nil), ("http://a:-1/", nil), ("http://a:8 0/", nil),
      ("http://a\u{0}b/", nil), ("http://a%00b/", nil),
    ] as [(String, String?)])
  func link(text: String, expected: String?) {
    let url = WebURL(text, relativeTo: WebURL(Self.page))
    #expect(url?.description == expected.map { "http://portal.example.org" + $0 })
  }

  @Test(
    "A host",
    arguments: [
      ("127.0.0.1", "127.0.0.1"), ("0x7f.1", "127.0.0.1"), ("0x7f000001", "127.0.0.1"),
      ("017700000001", "127.0.0.1"), ("2130706433", "127.0.0.1"), ("127.1", "127.0.0.1"),
      ("127.0.1", "127.0.0.1"), ("0177.0.0.01", "127.0.0.1"), ("0X7F.0.0.0x1", "127.0.0.1"),
      ("127.0.0.1.", "127.0.0.1"), ("%31%32%37.0.0.1", "127.0.0.1"), ("１２７.０.０.１", "127.0.0.1"),
      ("127。0。0。1", "127.0.0.1"), ("2852039166", "169.254.169.254"),
      ("0xA9FEA9FE", "169.254.169.254"),
      ("0", "0.0.0.0"), ("0x", "0.0.0.0"), ("10.0.258", "10.0.1.2"),
      ("4294967295", "255.255.255.255"),
      ("4294967296", nil), ("256.0.0.1", nil), ("1.2.3.256", nil), ("1.2.3.4.5", nil),
      ("09.0.0.1", nil), ("0x7g.1", nil), ("1.2.3.08", nil), ("foo.0x4", nil), ("1..1", nil),
      ("a.1", nil), ("1.a", "1.a"), ("1e3", "1e3"), ("99999999999999999999", nil),
      ("[::1]", "[::1]"), ("[0:0:0:0:0:0:0:1]", "[::1]"), ("[::127.0.0.1]", "[::7f00:1]"),
      ("[::FFFF:169.254.169.254]", "[::ffff:a9fe:a9fe]"), ("[1:0:0:2:0:0:0:3]", "[1:0:0:2::3]"),
      ("[1::2:0:0:3:4]", "[1::2:0:0:3:4]"), ("[::1%25eth0]", nil), ("[1::2::3]", nil), ("[]", nil),
      ("[1:2:3:4:5:6:7:8]", "[1:2:3:4:5:6:7:8]"), ("[1:0:3:4:5:6:7:8]", "[1:0:3:4:5:6:7:8]"),
      ("[2001:DB8::]", "[2001:db8::]"), ("[::1]x", nil),
      ("Bücher.example", "xn--bcher-kva.example"), ("BÜCHER.EXAMPLE", "xn--bcher-kva.example"),
      ("faß.example", "xn--fa-hia.example"), ("xn--bcher-kva.example", "xn--bcher-kva.example"),
      ("b%C3%BCcher.example", "xn--bcher-kva.example"), ("例え.テスト", "xn--r8jz45g.xn--zckzah"),
      ("ex\u{AD}ample.org", "example.org"), ("Ｇｏ.com", "go.com"), ("example.org.", "example.org."),
      ("a_b.example", "a_b.example"), ("a--b.example", "a--b.example"), ("%ff.example", nil),
      ("\u{FFFD}.example", nil), ("xn--\u{0}", nil), ("a^b", nil), ("a|b", nil),
    ] as [(String, String?)])
  func host(text: String, expected: String?) {
    #expect(WebURL("http://\(text)/x")?.host == expected)
  }

  @Test(
    "User, password and port",
    arguments: [
      ("http://u:p@h/", "http://u:p@h/", "http://***@h/"),
      ("http://u@h/", "http://u@h/", "http://***@h/"),
      ("http://:p@h/", "http://:p@h/", "http://***@h/"), ("http://@h/", "http://h/", "http://h/"),
      ("http://:@h/", "http://h/", "http://h/"),
      ("http://a@b@h/", "http://a%40b@h/", "http://***@h/"),
      ("http://u:p:q/@h/", nil, nil), ("http://u:p#q@h/", nil, nil),
      ("http://u:a b@h/", "http://u:a%20b@h/", "http://***@h/"),
      ("https://h:443/", "https://h/", "https://h/"),
      ("http://h:443/", "http://h:443/", "http://h:443/"),
      ("https://h:80/", "https://h:80/", "https://h:80/"),
      ("http://h:65535", "http://h:65535/", "http://h:65535/"),
    ] as [(String, String?, String?)])
  func authority(text: String, description: String?, redacted: String?) {
    let url = WebURL(text)
    #expect(url?.description == description)
    #expect(url?.redacted == redacted)
  }

  @Test(
    "A URL that is read again is the same",
    arguments: [
      "http://h/a b?c d#e", "http://H:80/%2e%2e/x", "http://ü/ü?ü", "http://h\\a\\b",
      "http://h/?'\"",
      "http://[1:0::2]/", "http://0x7f.1/", "http://u:p@h/",
    ])
  func stable(text: String) throws {
    let url = try #require(WebURL(text))
    #expect(WebURL(url.description) == url)
  }

  @Test(
    "A query is in the page's charset, a path never",
    arguments: [
      ("windows-1252", "/%C3%BC?n=%FC%80"), ("iso-8859-1", "/%C3%BC?n=%FC%80"),
      ("iso-8859-15", "/%C3%BC?n=%FC%A4"), ("koi8-r", "/%C3%BC?n=%26%23252%3B%26%238364%3B"),
      ("utf-8", "/%C3%BC?n=%C3%BC%E2%82%AC"), ("utf-16", "/%C3%BC?n=%C3%BC%E2%82%AC"),
    ])
  func charset(label: String, expected: String) throws {
    let charset = try #require(Charset(label: label))
    let url = WebURL("/ü?n=ü€", relativeTo: WebURL("http://h/"), charset: charset)
    #expect(url?.description == "http://h" + expected)
  }

  @Test(
    "Who is told where one came from",
    arguments: [
      ("http://u:p@h/a?b", "http://h/c", "http://h/a?b"), ("http://h/a", "http://i/c", "http://h/"),
      ("http://h/a", "https://h/c", "http://h/"), ("https://h/a", "http://h/c", nil),
      ("https://h:8443/a", "https://h/c", "https://h:8443/"),
    ] as [(String, String, String?)])
  func referer(from: String, to: String, expected: String?) throws {
    let target = try #require(WebURL(to))
    #expect(try #require(WebURL(from)).referer(to: target) == expected)
  }

  @Test(
    "A redirect in bytes that are no UTF-8",
    arguments: [
      (
        Array("Location: /M\u{FC}ller?a=\u{E9}".unicodeScalars.map { UInt8($0.value) }),
        "/M%FCller?a=%E9"
      ),
      (Array("Location: /Müller".utf8), "/Müller"), (Array("Location:   /a  ".utf8), "/a"),
    ])
  func location(line: [UInt8], expected: String) {
    var head = ResponseHead(status: 302)
    line.withUnsafeBytes { head.add(line: $0) }
    #expect(head.location == expected)
  }
}
