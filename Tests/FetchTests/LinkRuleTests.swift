import Common
import Testing
import HTTP

@testable import fetch

@Suite struct LinkRuleTests {
  private let rule = LinkRule(hosts: ["files.example.org", "cdn.example.org:8443"])

  @Test(arguments: [
    (
      "http://portal.example.org/a/page.php", "pdf-records.php?image=1",
      "http://portal.example.org/a/pdf-records.php?image=1"
    ),
    ("http://portal.example.org/a/page.php", "/x y.pdf", "http://portal.example.org/x%20y.pdf"),
    ("http://portal.example.org/a", "//files.example.org/x", "http://files.example.org/x"),
    ("http://portal.example.org/a", "https://portal.example.org/b", "https://portal.example.org/b"),
    (
      "http://portal.example.org/a", "HTTP://PORTAL.example.org/b#top",
      "http://portal.example.org/b"
    ),
    (
      "https://portal.example.org/a", "https://cdn.example.org:8443/b",
      "https://cdn.example.org:8443/b"
    ),
    ("http://127.0.0.1:8080/a", "b", "http://127.0.0.1:8080/b"),
  ])
  func follows(origin: String, link: String, url: String) throws {
    let origin = try #require(WebURL(origin))
    #expect(try rule.follow(link, from: origin).description == url)
  }

  @Test(arguments: [
    ("https://portal.example.org/a", "http://portal.example.org/b"),
    ("https://portal.example.org/a", "https://evil.example.org/b"),
    ("https://portal.example.org/a", "https://cdn.example.org/b"),
    ("https://portal.example.org/a", "https://files.example.org.evil.org/b"),
    ("https://portal.example.org/a", "https://portal.example.org:8080/b"),
    ("http://127.0.0.1:8080/a", "http://127.0.0.1:22/b"),
    ("http://portal.example.org/a", "file:///etc/passwd"),
    ("http://portal.example.org/a", "gopher://portal.example.org/"),
    ("http://portal.example.org/a", "javascript:alert(1)"),
    ("http://portal.example.org/a", "http://user:secret@portal.example.org/b"),
    ("http://portal.example.org/a", "http://[::ffff:a9fe:a9fe]/latest"),
    ("http://portal.example.org/a", "http://2852039166/latest"),
    ("http://portal.example.org/a", "http://169.254.169.254/latest"),
    ("http://portal.example.org/a", "http://"),
  ])
  func refuses(origin: String, link: String) throws {
    let origin = try #require(WebURL(origin))
    let error = #expect(throws: RecordError.self) { try rule.follow(link, from: origin) }
    #expect(error?.kind == .blockedURL)
    #expect(error?.message.contains("secret") == false)
  }

  /// Found by `Tests/Fuzz/targets/url.swift`: with a combining mark beside it, an @ or a slash is another
  /// character to Swift, and the password was told.
  @Test(arguments: [
    "http://me:secret@example.org/", "http://me:secret@\u{FC}\u{73D}example.org/",
    "http://\u{301}me:secret@example.org/a@b", "http://me:secret%40more@example.org:8080/?q=@",
    "https://secret@example.org/",
  ])
  func aPasswordIsHiddenWhateverStandsBesideIt(_ text: String) throws {
    let url = try #require(WebURL(text))
    #expect(url.hasCredentials)
    #expect(!url.redacted.utf8.contains("secret".utf8))
    #expect(url.redacted.utf8.starts(with: "\(url.scheme)://***@".utf8))
    #expect(WebURL(url.redacted)?.origin == url.origin)
  }

  @Test(arguments: [
    ("127.0.0.1", false), ("10.1.2.3", false), ("172.31.255.255", false), ("172.32.0.1", true),
    ("192.168.0.1", false), ("169.254.169.254", false), ("100.64.0.1", false), ("8.8.8.8", true),
    ("0.0.0.0", false), ("224.0.0.1", false), ("198.18.0.1", false), ("192.0.2.1", false),
  ])
  func knowsPublicAddresses(address: String, isPublic: Bool) {
    let bytes = address.split(separator: ".").compactMap { UInt8($0) }
    #expect(AddressRule.isPublic(bytes) == isPublic)
    let mapped = [UInt8](repeating: 0, count: 10) + [0xFF, 0xFF] + bytes
    #expect(AddressRule.isPublic(mapped) == isPublic)
    #expect(AddressRule.any.allows(bytes))
    #expect(AddressRule.publicOnly.allows(bytes) == isPublic)
  }

  @Test func knowsPublicIPv6() {
    func v6(_ start: [UInt8], _ end: UInt8 = 1) -> [UInt8] {
      start + [UInt8](repeating: 0, count: 15 - start.count) + [end]
    }
    #expect(AddressRule.isPublic(v6([0x26, 0x06, 0x47])))
    #expect(!AddressRule.isPublic(v6([])))
    #expect(!AddressRule.isPublic(v6([0xFE, 0x80])))
    #expect(!AddressRule.isPublic(v6([0xFD, 0])))
    #expect(!AddressRule.isPublic(v6([0x20, 0x02, 127, 0, 0, 1])))
    #expect(!AddressRule.isPublic([]))
  }
}
