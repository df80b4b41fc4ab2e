import Files
import Common
import Crypto
import Glibc
import PDF
import Subprocesses
import Support
import Testing

@testable import optimize

/// The built program with the real Ghostscript.
@Suite("Verdicts")
struct VerdictTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    let bytes: [UInt8]
    let pages: Int?
    /// How the reason begins; `nil` where the result is accepted.
    let reason: String?
    var arguments: [String] = []
    var testDescription: String { name }
  }

  static let cases = [
    Case(name: "scan", bytes: Fixture.scan, pages: 1, reason: nil),
    Case(name: "text", bytes: Fixture.text, pages: 1, reason: "the result is not smaller"),
    Case(name: "empty", bytes: [], pages: nil, reason: "the file is empty"),
    Case(
      name: "page of a web site", bytes: Array("<html>PDF</html>".utf8), pages: nil,
      reason: "the file does not begin with %PDF-"),
    Case(
      name: "a warning before it", bytes: Array("Warning: x\n".utf8) + Fixture.scan, pages: 1,
      reason: nil),
    Case(
      name: "a warning before it, for Ghostscript",
      bytes: Array("Warning: x\n".utf8) + Fixture.scan, pages: 1,
      reason: "Ghostscript needs %PDF- at the first byte", arguments: ["--engine", "ghostscript"]),
    Case(
      name: "PostScript", bytes: Array("%!PS\n%PDF-1.4\nshowpage\n".utf8), pages: nil,
      reason: "the file does not begin with %PDF-"),
    Case(
      name: "only a beginning", bytes: Array("%PDF-1.4\nshowpage\n".utf8), pages: nil,
      reason: "the file is damaged"),
    Case(
      name: "truncated", bytes: Array(Fixture.scan.prefix(200_000)), pages: nil,
      reason: "the file is damaged"),
    Case(
      name: "signed", bytes: Fixture.form(value: "/V<</Type/Sig>>"), pages: 1,
      reason: "the file is signed"),
    Case(
      name: "loop of pages", bytes: Fixture.pageLoop, pages: nil,
      reason: "the file is damaged"),
    Case(
      name: "no pages", bytes: Fixture.pages([]), pages: nil, reason: "the file has no pages"),
    Case(
      name: "wrong count", bytes: Fixture.pages([""], count: 1_000_000_000), pages: 1,
      reason: "part of the file is missing"),
    Case(
      name: "form",
      bytes: Fixture.pages([""], catalog: "/AcroForm<</Fields[6 0 R]>>", more: ["<</T(a)>>"]),
      pages: 1, reason: "Ghostscript would flatten the form",
      arguments: ["--engine", "ghostscript"]),
    Case(
      name: "tags", bytes: Fixture.pages([""], catalog: "/StructTreeRoot<</K[]>>"), pages: 1,
      reason: "Ghostscript would drop the tags", arguments: ["--engine", "ghostscript"]),
    Case(
      name: "no size", bytes: Fixture.pages([""], inherited: ""), pages: nil,
      reason: "the file is damaged"),
  ]

  @Test("Each document goes on, and its original stays as it is", arguments: cases)
  func verdict(_ given: Case) throws {
    let directory = try TemporaryDirectory()
    let path = try directory.write(given.bytes, to: "x.pdf")
    let record: JSON = .object(["id": .string("7"), "book": .int(1), "path": .string(path)])
    let run = try ToolRun(["--workers", "1"] + given.arguments, input: record.description)
    #expect(run.wait() == .status(0), "\(run.messages)")
    let records = try run.records()
    let output = try #require(records.first?["optimize"])
    #expect(records.count == 1)
    #expect(records[0]["book"] == .int(1))
    #expect(output["pages"]?.int == given.pages)
    #expect(output["original_bytes"]?.int == given.bytes.count)
    let kept = output["path"]?.string ?? ""
    let bytes = TemporaryDirectory.read(kept)
    #expect(output["bytes"]?.int == bytes.count)
    #expect(output["sha256"]?.string == Digest.sha256(bytes))
    #expect(TemporaryDirectory.read(path) == given.bytes)
    if let reason = given.reason {
      #expect(output["method"] == .string("original"))
      #expect(kept == path)
      #expect(output["reason"]?.string?.hasPrefix(reason) == true, "\(output)")
      #expect(directory.names == ["x.pdf"])
    } else {
      #expect(output["method"] == .string("images/ebook"))
      #expect(output["reason"] == nil)
      #expect(bytes.count < given.bytes.count)
      #expect(directory.names == ["x.optimized.pdf", "x.pdf"])
    }
  }

  /// Writes `bytes` anew with qpdf and these arguments.
  private func qpdf(
    _ bytes: [UInt8], _ arguments: [String], in directory: TemporaryDirectory
  ) throws -> String {
    let plain = try directory.write(bytes, to: "plain.pdf")
    let path = "\(directory.path)/x.pdf"
    let nowhere = open("/dev/null", O_RDWR | O_CLOEXEC)
    defer { close(nowhere) }
    let qpdf = try Launch(
      path: "/usr/bin/qpdf",
      arguments: ["qpdf", "--stream-data=preserve"] + arguments + [plain, path],
      environment: [], input: nowhere, output: nowhere, errors: nowhere
    ).start()
    #expect(Launch.wait(for: qpdf) == .status(0))
    return path
  }

  @Test("A file that opens only with a password keeps its original")
  func locked() throws {
    let directory = try TemporaryDirectory()
    let path = try qpdf(
      Fixture.scan, ["--encrypt", "secret", "owner", "256", "--"], in: directory)
    let run = try ToolRun([path])
    #expect(run.wait() == .status(0))
    let member = try run.records()[0]["optimize"]
    #expect(member?["reason"] == .string("the file opens only with a password"))
  }

  static let methods = [
    ["256", "--print=none"], ["128", "--use-aes=y", "--modify=none"],
    ["128", "--use-aes=n", "--allow-weak-crypto"], ["40", "--extract=n", "--allow-weak-crypto"],
  ]

  @Test(
    "A file that opens without a password stays as encrypted as it was, with the same bytes each time",
    arguments: methods)
  func encrypted(_ method: [String]) throws {
    let directory = try TemporaryDirectory()
    let weak = method.filter { $0 == "--allow-weak-crypto" }
    let path = try qpdf(
      Fixture.scan,
      weak + ["--encrypt", "", "owner"] + method.filter { !weak.contains($0) } + ["--"],
      in: directory)
    var results: [[UInt8]] = []
    for folder in ["a", "b"] {
      let run = try ToolRun([
        path, "--verify-pixels", "100%", "-o", "\(directory.path)/\(folder)",
      ])
      #expect(run.wait() == .status(0))
      let member = try run.records()[0]["optimize"]
      #expect(member?["method"] == .string("images/ebook"), "\(member?["reason"]?.string ?? "")")
      results.append(TemporaryDirectory.read(member?["path"]?.string ?? ""))
    }
    #expect(results[0] == results[1])
    let before = try PDFDocument(path: path)
    let after = try PDFDocument(bytes: results[0])
    let (old, new, isEncrypted) = (before.encryption(), after.encryption(), after.isEncrypted)
    #expect(isEncrypted)
    #expect(new == old)
    #expect(old.allSatisfy { !$0.isEmpty })
  }

  /// A scan with something that readers put up with.
  static let damages: [(name: String, change: @Sendable (String) -> String)] = [
    ("a wrong /Size", { $0.replacing("/Size ", with: "/Size 9") }),
    ("no table", { $0.replacing("startxref\n", with: "startxref\n7") }),
    ("a table that lies", { $0.replacing("0000000105 ", with: "0000000109 ") }),
    ("a stream of another length", { $0.replacing("/Length 24>>", with: "/Length 19>>") }),
  ]

  @Test("What can be repaired is, and said", arguments: damages)
  func repaired(_ damage: (name: String, change: @Sendable (String) -> String)) throws {
    let directory = try TemporaryDirectory()
    let text = String(decoding: Fixture.scan.map { UInt16($0) }, as: UTF16.self)
    let changed = damage.change(text).utf16.map { UInt8($0) }
    let isChanged = changed != Fixture.scan
    try #require(isChanged, "\(damage.name)")
    let run = try ToolRun([try directory.write(changed, to: "x.pdf")])
    #expect(run.wait() == .status(0))
    let member = try run.records()[0]["optimize"]
    #expect(
      member?["method"] == .string("images/ebook"),
      "\(damage.name): \(member?["reason"]?.string ?? "") \(member?["detail"]?.string ?? "")")
    if damage.name != "a wrong /Size" { #expect(member?["repaired"] == .bool(true)) }
    let result = try PDFDocument(path: member?["path"]?.string ?? "")
    #expect(try result.pageCount() == 1)
    #expect(result.complaint() == nil)
  }

  @Test("What a page refers to and the file does not have is not written away")
  func missing() throws {
    let directory = try TemporaryDirectory()
    let text = String(decoding: Fixture.scan.map { UInt16($0) }, as: UTF16.self)
    let changed = text.replacing("/Contents 4 0 R", with: "/Contents 9 0 R").utf16.map { UInt8($0) }
    let run = try ToolRun([try directory.write(changed, to: "x.pdf")])
    #expect(run.wait() == .status(0))
    let member = try run.records()[0]["optimize"]
    #expect(member?["reason"] == .string("part of the file is missing"))
  }

  @Test("Rotated, moved, cropped and scaled pages come out as they were shown")
  func boxes() throws {
    let directory = try TemporaryDirectory()
    // A comment that nobody needs makes the source larger than any result.
    let comment = "<</X(\(String(repeating: "x", count: 100_000)))>>"
    let bytes = Fixture.pages(
      [
        "/Rotate 90", "/MediaBox[10 20 622 812]", "/CropBox[50 60 500 700]/Rotate 270",
        "/MediaBox[0 0 595.276 841.89]",
      ], more: [comment])
    let run = try ToolRun(
      ["--engine", "ghostscript", try directory.write(bytes, to: "x.pdf")])
    #expect(run.wait() == .status(0))
    let output = try run.records()[0]["optimize"]
    #expect(output?["pages"] == .int(4))
    #expect(output?["method"] == .string("ghostscript/ebook"), "\(output?["reason"]?.string ?? "")")
  }

  @Test(
    "A page in larger units stays, as Ghostscript would leave readers without them another size")
  func userUnit() throws {
    let directory = try TemporaryDirectory()
    let comment = "<</X(\(String(repeating: "x", count: 100_000)))>>"
    let bytes = Fixture.pages(["", "/UserUnit 2"], more: [comment])
    let run = try ToolRun(
      ["--engine", "ghostscript", try directory.write(bytes, to: "x.pdf")])
    #expect(run.wait() == .status(0))
    let output = try run.records()[0]["optimize"]
    #expect(output?["rejected"]?["engine"] == .string("ghostscript"), "\(output ?? .null)")
    #expect(output?["detail"]?.string?.contains("page 2") == true, "\(output ?? .null)")
  }

  @Test("What a rejected result would have saved is recorded")
  func rejected() throws {
    let directory = try TemporaryDirectory()
    let comment = "<</X(\(String(repeating: "x", count: 100_000)))>>"
    let script = "/Names<</JavaScript<</Names[(a)<</S/JavaScript/JS(1)>>]>>>>"
    let bytes = Fixture.pages([""], catalog: script, more: [comment])
    let run = try ToolRun(
      ["--engine", "ghostscript", try directory.write(bytes, to: "x.pdf")])
    #expect(run.wait() == .status(0))
    let output = try run.records()[0]["optimize"]
    let reason = JSON.string("the result lacks something that the file has")
    #expect(output?["reason"] == reason && output?["bytes"]?.int == bytes.count)
    let rejected = output?["rejected"]
    #expect(rejected?["engine"] == .string("ghostscript") && rejected?["reason"] == reason)
    let size = try #require(rejected?["bytes"]?.int)
    #expect((1..<bytes.count).contains(size))
    for step in ["source", "ghostscript", "inventory"] {
      #expect(output?["times"]?[step]?.double != nil, "\(step)")
    }
    #expect(output?["times"]?["drawing"] == nil)
  }

  @Test("The same source gives the same bytes")
  func deterministic() throws {
    let directory = try TemporaryDirectory()
    var digests: Set<String> = []
    for name in ["a.pdf", "b.pdf"] {
      let began = time(nil)
      let run = try ToolRun([try directory.write(Fixture.scan, to: name)])
      #expect(run.wait() == .status(0))
      digests.insert(try run.records()[0]["optimize"]?["sha256"]?.string ?? "")
      // Dates in a PDF count in seconds.
      #expect(eventually { time(nil) > began })
    }
    #expect(digests.count == 1)
  }

  @Test(
    "A record that names no file that can be read fails",
    arguments: [
      #"{"id":"1"}"#, #"{"id":"1","path":"/nonexistent/x.pdf"}"#, #"{"id":"1","path":"/tmp"}"#,
      #"{"id":"1","path":""}"#, #"{"id":"1","path":"/etc/passwd\u0000.pdf"}"#,
      #"{"id":"1","path":7}"#,
    ])
  func noFile(_ line: String) throws {
    let run = try ToolRun([], input: line + "\n")
    #expect(run.wait() == .status(3))
    let record = try #require(try run.records().first)
    #expect(record["optimize"] == nil)
    #expect(record["error"]?["class"] == .string("invalid_record"))
    #expect(record["error"]?["tool"] == .string("optimize"))
  }

  @Test("A folder that cannot be written to keeps its documents as they are")
  func noPlace() throws {
    let directory = try TemporaryDirectory()
    let descriptor = open(try directory.write(Fixture.scan, to: "x.pdf"), O_RDONLY | O_CLOEXEC)
    defer { close(descriptor) }
    // Nobody can make a directory there, root neither.
    let path = "/proc/\(getpid())/fd/\(descriptor)"
    let run = try ToolRun([path, try directory.write(Fixture.scan, to: "y.pdf")])
    #expect(run.wait() == .status(0))
    let members = try run.records().compactMap { $0["optimize"] }.sorted {
      ($0["path"]?.string ?? "") < ($1["path"]?.string ?? "")
    }
    #expect(members.map { $0["method"] } == [.string("original"), .string("images/ebook")])
    let reason = members.first?["reason"]?.string ?? ""
    #expect(reason == "the folder of the file is not writable")
  }

  @Test("What fetch wrote comes before a path of the record")
  func fetched() throws {
    let directory = try TemporaryDirectory()
    let path = try directory.write(Fixture.scan, to: "x.pdf")
    let output = "\(directory.path)/o"
    let run = try ToolRun(
      ["-o", output, "--engine", "ghostscript", "--quality", "screen"],
      input: #"{"id":"1","path":"/nonexistent","fetch":{"path":"\#(path)"}}"# + "\n")
    #expect(run.wait() == .status(0))
    let member = try run.records()[0]["optimize"]
    #expect(member?["path"] == .string("\(output)/x.optimized.pdf"))
    #expect(member?["method"] == .string("ghostscript/screen"))
    #expect(FileTree.names(in: output) == ["x.optimized.pdf"])
  }

  @Test("A dry run passes records on, and needs no Ghostscript")
  func dryRun() throws {
    let line = #"{"id":"1","path":"/nonexistent","n":9007199254740993}"#
    let run = try ToolRun(["--dry-run", "--gs", "/nonexistent"], input: line + "\n")
    #expect(run.wait() == .status(0))
    #expect(try run.records().map(\.description) == [line])
  }

  @Test("Without Ghostscript the run ends with 69, before any record is read")
  func withoutGhostscript() throws {
    let run = try ToolRun(["--gs", "/nonexistent"], input: #"{"id":"1"}"# + "\n")
    #expect(run.wait() == .status(69))
    #expect(run.messages.contains("apt-get install ghostscript"))
    #expect(try run.records().isEmpty)
  }
}
