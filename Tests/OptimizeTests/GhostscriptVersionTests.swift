import Common
import Glibc
import Subprocesses
import Support
import Testing

@testable import optimize

@Suite("Versions of Ghostscript")
struct GhostscriptVersionTests {
  @Test(
    "Those that are known to be bad",
    arguments: [
      ("9.55.0", false), ("10.00.0\n", true), ("10.02.0", true), ("10.02.1", false),
      ("10.05.1", false), ("10.06.0", true), ("10.07.0", false), ("11.0", false),
    ])
  func trouble(_ text: String, isBad: Bool) throws {
    let version = try #require(GhostscriptVersion(text))
    #expect((version.trouble != nil) == isBad)
  }

  @Test(
    "Packages that are known to be bad",
    arguments: [
      ("10.0.0~dfsg-11+deb12u1", true), ("10.0.0~dfsg-11+deb12u8+b1", true),
      ("10.0.0~dfsg-11+deb12u9", false), ("10.0.0~dfsg-11+deb12u12", false),
      ("10.0.0~dfsg-11", false), ("10.05.1~dfsg-1+deb13u2", true),
      ("10.05.1~dfsg-1+deb13u3", false),
      ("10.02.1~dfsg1-0ubuntu7.8", false), ("", false),
    ])
  func package(_ version: String, isBad: Bool) {
    #expect((GhostscriptVersion.trouble(ofPackage: version) != nil) == isBad)
  }

  @Test(
    "What is no version", arguments: ["", "10", "GPL Ghostscript", "10.x", "1.2.3.4.5", "10..0"])
  func none(_ text: String) { #expect(GhostscriptVersion(text) == nil) }

  @Test("The status names what is there and what is not")
  func status() {
    let version = GhostscriptVersion("10.06.0")
    #expect(
      GhostscriptStatus.lines(
        "/usr/bin/gs", version, "10.0.0~dfsg-11+deb12u7", nil, (isOffline: true, isConfined: false))
        == [
          "Ghostscript 10.06.0 at /usr/bin/gs",
          "warning: 10.06 truncates JPEGs (fixed in 10.07.0); only --engine ghostscript uses it",
          "package 10.0.0~dfsg-11+deb12u7",
          "warning: 10.0.0~dfsg-11+deb12u9 closes CVE-2026-101258, shell commands despite -dSAFER: "
            + "apt-get upgrade",
          "warning: pdftoppm or pdftotext is missing: results cannot be checked and are not used. "
            + "Install them with: apt-get install poppler-utils",
          "isolation: limits on time, memory and files, no new privileges, ends with its parent, "
            + "no network",
          "not available on this system: no changes outside its directory (Landlock)",
        ])
  }

  @Test("The tool tells it")
  func tell() throws {
    let run = try ToolRun(["status"])
    #expect(run.wait() == .status(0))
    #expect(GhostscriptVersion.ask("/usr/bin/gs") != nil)
    #expect(GhostscriptVersion.ask("/usr/bin/true") == nil)
    let missing = try ToolRun(["status", "--gs", "/nonexistent"])
    #expect(missing.wait() == .status(69))
  }

  /// A stand-in that says of itself that it is a bad one; it is never run on a document.
  @Test(
    "One that damages documents is used only where it is asked for",
    arguments: [("10.06.0", "10.06 truncates JPEGs"), ("10.00.0", "may damage text")])
  func damaging(_ version: String, words: String) throws {
    let directory = try TemporaryDirectory()
    let gs = try directory.write(Array("#!/bin/sh\necho \(version)\n".utf8), to: "gs")
    #expect(chmod(gs, 0o755) == 0)
    let source = try directory.write(Fixture.text, to: "x.pdf")
    let run = try ToolRun(["--gs", gs, source])
    #expect(run.wait() == .status(0))
    #expect(run.messages.contains(words))
    #expect(try run.records()[0]["optimize"]?["reason"]?.string?.contains("not smaller") == true)
  }
}
