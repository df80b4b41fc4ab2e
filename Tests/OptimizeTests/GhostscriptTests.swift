import Common
import Glibc
import Subprocesses
import Support
import Testing

@testable import optimize

/// One Ghostscript for many documents.
@Suite("Long-lived Ghostscript")
struct GhostscriptTests {
  /// Three pages, the first of which links to the last; with a comment that nobody needs, so that
  /// any result is smaller.
  static let linked = Fixture.pages(
    ["/Annots[<</Type/Annot/Subtype/Link/Rect[0 0 99 99]/Dest[8 0 R/Fit]>>]", "", ""],
    more: ["<</X(\(String(repeating: "x", count: 100_000)))>>"])

  /// A page that is a grey scan with so much noise that it becomes a JPEG.
  static let noisy: [UInt8] = {
    let samples = (0..<600 * 800).map { index in
      let noise =
        (index &* 2_654_435_761 & 0xFFFF_FFFF) ^ ((index &* index &* 40503 & 0xFFFF_FFFF) >> 7)
      return UInt8(truncatingIfNeeded: 40 + index % 600 / 6 + index / 4800 + noise % 29)
    }
    return ImageEngineTests.page(
      "144 0 0 192 0 0 cm /I Do", streams: [(samples, ImageEngineTests.image())])
  }()

  /// What libqpdf has nothing against, and Ghostscript stops at.
  static let odd: [UInt8] = {
    var builder = PDFBuilder()
    builder.add("<</Type/Catalog/Pages 2 0 R>>")
    builder.add("<</Type/Pages/Count 1/Kids[3 0 R]>>")
    builder.add("<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R/Resources<<>>>>")
    builder.addStream(Array("/F 12 Tf 1 0 0 cm (x) Tj /X Do (".utf8))
    return builder.bytes()
  }()

  private func members(_ arguments: [String]) throws -> [JSON] {
    let run = try ToolRun(["--engine", "ghostscript", "--unchecked", "--workers", "1"] + arguments)
    #expect(run.wait() == .status(0))
    return try run.records().compactMap { $0["optimize"] }
  }

  /// A device counts its pages from file to file, so that links led to pages that were not there;
  /// and a copied device took the settings of images with it, so that those of later documents came
  /// out in another quality.
  @Test("A document comes out the same, whatever came before it")
  func pagesAndSettings() throws {
    let directory = try TemporaryDirectory()
    let sources = [Self.noisy, Self.linked, Self.noisy, Self.odd, Self.linked, Self.noisy]
    let paths = try sources.enumerated().map { number, source in
      try directory.write(source, to: "\(number).pdf")
    }
    let members = try members(paths)
    #expect(members.count == 6)
    #expect(members[3]["reason"]?.string?.hasPrefix("Ghostscript reported") == true)
    let alone = try self.members(["--gs-isolation", "document"] + paths[0...1])
    for pages in [1, 3] {
      let results = (members + alone).filter {
        $0["pages"]?.int == pages && $0["method"]?.string == "ghostscript/ebook"
      }
      #expect(results.count == (pages == 1 ? 4 : 3))
      #expect(Set(results.map { $0["sha256"]?.string }).count == 1, "\(pages)")
    }
  }

  /// A keeper in this process, so that it can be looked at.
  private struct Kept {
    let directory: TemporaryDirectory
    let keeper = GhostscriptPool()
    var job: JobRequest

    init() throws {
      directory = try TemporaryDirectory()
      job = JobRequest(directory: directory.path, settings: ProtocolTests.settings)
    }

    /// What is said against a result, and the interpreter that waits for the next document.
    func take(_ document: [UInt8]) throws -> (rejection: Rejection?, pid: pid_t?) {
      let limits = Limits(base: 60, pages: 3, sourceBytes: document.count)
      try directory.write(document, to: JobRequest.source)
      let rejection = try keeper.run("/usr/bin/gs", job, limits: limits) {
        Acceptance.rejection(toRun: $0, limits: limits)
      }
      return (rejection, keeper.process)
    }
  }

  /// Whether this Ghostscript can copy devices; otherwise each document has an interpreter of its own.
  private static let copiesDevices =
    (try? Launch.output(limit: 100) { nowhere, words in
      Launch(
        path: "/usr/bin/gs",
        arguments: ["gs", "-q", "-dNODISPLAY", "-dBATCH", "-c", "systemdict /copydevice known =="],
        environment: ["PATH=/usr/bin:/bin"], input: nowhere, output: words, errors: nowhere)
    })?.bytes == Array("true\n".utf8)

  @Test("One interpreter takes many documents where it can, and a new one comes after an odd one")
  func kept() throws {
    var kept = try Kept()
    let first = try kept.take(Self.linked)
    #expect(first.rejection == nil)
    #expect(first.pid != nil)
    let second = try kept.take(Self.linked)
    #expect(second.rejection == nil)
    #expect((second.pid == first.pid) == Self.copiesDevices)
    let odd = try kept.take(Self.odd)
    #expect(odd.rejection?.reason == .ghostscriptError)
    #expect(odd.pid == nil)
    let next = try kept.take(Self.linked)
    #expect(next.rejection == nil && next.pid != first.pid)
    kept.job.settings.isolation = .document
    let last = try kept.take(Self.linked)
    #expect(last.rejection == nil && last.pid == nil)
  }

  @Test("An interpreter that was killed between documents costs none")
  func diedIdle() throws {
    let kept = try Kept()
    for _ in 1...2 {
      let (rejection, pid) = try kept.take(Self.linked)
      #expect(rejection == nil)
      kill(try #require(pid), SIGKILL)
    }
  }
}
