import Crypto
import Testing

@Suite("Base64 and signatures")
struct SigningTests {
  /// RFC 4648, section 10.
  @Test(arguments: [
    ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="),
    ("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy"),
  ])
  func base64(_ text: String, _ expected: String) {
    #expect(Base64.encode(Array(text.utf8)) == expected)
    #expect(Base64.decode(expected) == Array(text.utf8))
  }

  @Test(arguments: ["Zg", "Zg=", "Z===", "Zm9v\n", "Zm 9", "Zm9_", "é==="])
  func noBase64(_ text: String) { #expect(Base64.decode(text) == nil) }

  @Test func base64ForURLs() { #expect(Base64.encodeForURL([0xFB, 0xFF, 0xFE, 0]) == "-__-AA") }

  /// RFC 4231, test case 2.
  @Test func hmac() {
    let code = Signing.hmacSHA256(
      Array("what do ya want for nothing?".utf8), key: Array("Jefe".utf8))
    #expect(
      Digest.hex(code) == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
  }

  @Test func hexadecimalDigits() {
    #expect(Digest.bytes(hex: "00ff7A") == [0, 255, 122])
    for text in ["0", "0g", "é0"] { #expect(Digest.bytes(hex: text) == nil) }
  }

  @Test(arguments: ["", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
  func whatIsNoKeySignsNothing(_ pem: String) {
    #expect(Signing.rs256([1], privateKey: Array(pem.utf8)) == nil)
  }
}
