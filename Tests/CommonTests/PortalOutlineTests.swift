import Common
import Config
import Support
import Testing

@Suite("What a portal's file says to an estimate")
struct PortalOutlineTests {
  private func outline(_ text: String, base: String? = nil) throws -> PortalOutline {
    let folder = try TemporaryDirectory()
    try folder.write(text, to: "p.yaml")
    return try PortalOutline(named: "p", in: folder.path, base: base)
  }

  @Test func oneStepAndTwo() throws {
    let one = try outline("books: 1-237\nbase: https://Example.org/a/\ndocument: '{book}.pdf'")
    #expect(one == PortalOutline(name: "p", books: 1...237, host: "example.org", requests: 1))
    let two = try outline(
      "rate-limit-delay: 2s\nlookup:\n  path: x\n  whatever: fetch says what is wrong with it\n")
    #expect(two == PortalOutline(name: "p", host: "p", delay: 2, requests: 2))
  }

  @Test(arguments: [
    ("http://127.0.0.1:8080/", "127.0.0.1:8080"), ("https://me:secret@portal.org/x", "portal.org"),
    ("https://me:se@cret@portal.org", "portal.org"), ("https://PORTAL.org?x", "portal.org"),
    ("nonsense", "p"), ("https:///x", "p"),
  ])
  func theHostWithoutSecrets(base: String, host: String) throws {
    #expect(try outline("document: x", base: base).host == host)
  }

  @Test func aBookGoesToTheFirstPortalThatHasIt() {
    let portals = [
      PortalOutline(name: "a", books: 1...237, host: "a", requests: 1),
      PortalOutline(name: "b", books: 200...300, host: "b", requests: 2),
      PortalOutline(name: "c", host: "c", requests: 2),
    ]
    let some = PortalOutline.division(of: [50...250, 290...400], among: portals)
    #expect(some.map(\.books) == [[50...237], [238...250, 290...300], [301...400]])
    let all = PortalOutline.division(of: [], among: portals)
    #expect(all.map(\.books) == [[1...237], [238...300], [0...0, 301...Int(Int32.max)]])
  }
}
