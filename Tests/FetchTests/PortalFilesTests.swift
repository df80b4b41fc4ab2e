import Common
import Config
import Foundation
import Support
import Testing

@testable import fetch

/// The portal files that are delivered, against the answers saved beside them.
@Suite("Delivered portal files") struct PortalFilesTests {
  private static let tree: String = {
    let parts = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3)
    return parts.joined(separator: "/")
  }()

  @Test("Each has tests, and passes them", arguments: ["portals", "examples/portals"])
  func pass(folder: String) throws {
    let directory = "\(Self.tree)/\(folder)"
    for name in SearchPath(directory).names {
      let outcome = try PortalTest(name, in: directory).run(
        ShutdownSignal(), inspector: FetchRun.program)
      #expect(outcome.isGood, "\(outcome.lines.joined(separator: "\n"))")
      #expect(outcome.tests > 0, "\(name) has no tests")
    }
    #expect(folder != "portals" || SearchPath(directory).names == ["historical", "mid"])
  }

  @Test("A test that fails says what differs, and the steps in words") func failures() throws {
    let directory = try TemporaryDirectory()
    let source = "\(Self.tree)/portals/mid"
    try FileManager.default.copyItem(atPath: source + ".tests", toPath: directory.path + "/p.tests")
    let file = try String(contentsOfFile: source + ".yaml", encoding: .utf8)
    // The parameter that names the instrument is another one, and so is the link.
    try directory.write(
      file.replacing("image=", with: "imag3=").replacing("do_search", with: "search"), to: "p.yaml")
    let outcome = try PortalTest("p", in: directory.path).run(
      ShutdownSignal(), inspector: FetchRun.program)
    #expect(!outcome.isGood)
    let text = outcome.lines.joined(separator: "\n")
    #expect(text.contains("has no answer to GET"))
    try directory.write(file.replacing("image=", with: "imag3="), to: "p.yaml")
    let second = try PortalTest("p", in: directory.path).run(
      ShutdownSignal(), inspector: FetchRun.program)
    let words = second.lines.joined(separator: "\n")
    #expect(
      words.contains("the document was not fetched") || words.contains("error is"), "\(words)")
    #expect(words.contains("near it is 'pdf-records.php?image="), "\(words)")
  }

  @Test("A file without tests is named, with how to make one") func none() throws {
    let directory = try TemporaryDirectory()
    try directory.write("document: '{book}.pdf'\n", to: "p.yaml")
    let outcome = try PortalTest("p", in: directory.path).run(ShutdownSignal())
    #expect(outcome.isGood && outcome.tests == 0)
    #expect(outcome.lines.first?.contains("has no tests") == true)
    #expect(outcome.lines.first?.contains("fetch explain") == true)
  }
}
