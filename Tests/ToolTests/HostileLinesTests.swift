import Common
import Foundation
import Support
import Testing

@Suite("One line out for each line in, whatever comes in")
struct HostileLinesTests {
  private static let pipeline = ["fetch", "optimize", "upload", "validate"]

  @Test("Malformed lines cost only themselves", arguments: pipeline)
  func malformed(_ tool: String) throws {
    let folder = try TemporaryDirectory()
    // A line that is a record, and failed before, so that the input is not all nonsense.
    let failed = #"{"id":"ok","error":{"class":"absent","message":"m"},"n":1.00}"#
    let lines = Hostile.malformed + [Array(failed.utf8)]
    let end = try run(
      tool, Hostile.arguments(tool, in: folder.path), input: Array(lines.joined(separator: [0x0A])),
      directory: folder.path)
    #expect(end.code == ToolExit.documentsFailed.rawValue, "\(end.errors)")
    let records = try end.records
    #expect(records.count == lines.count)
    #expect(end.lines.contains(failed))
    for record in records where record["id"] != .string("ok") {
      #expect(record["id"] == .null)
      #expect(record["error"]?["class"] == .string("invalid_record"), "\(record)")
      #expect(record["error"]?["tool"] == .string(tool))
    }
    // Each line is named once.
    let numbers = records.compactMap { $0["line"]?.int }
    #expect(numbers.sorted() == Array(1..<lines.count))
    let ours = end.lines.filter { $0 != failed }.map { $0 + "\n" }.joined()
    #expect(try schemaErrors(Array(ours.utf8)) == "")
  }

  @Test("What an earlier tool refused passes through all others", arguments: pipeline)
  func refusedBefore(_ tool: String) throws {
    let folder = try TemporaryDirectory()
    let arguments = Hostile.arguments("optimize", in: folder.path)
    let first = try run("optimize", arguments, lines: ["nonsense", #"{"id":7}"#])
    let second = try run(
      tool, Hostile.arguments(tool, in: folder.path), input: first.output, directory: folder.path)
    #expect(second.lines.sorted() == first.lines.sorted())
    #expect(second.code == ToolExit.documentsFailed.rawValue)
  }

  @Test("Records that mean ill write nothing outside their folder", arguments: pipeline)
  func meaningIll(_ tool: String) throws {
    let folder = try TemporaryDirectory()
    // Deep enough that a few `..` still end up where this test looks.
    let place = "\(folder.path)/a/b/c/d"
    let marker = "\(folder.path)/outside"
    for path in [place, marker] {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }
    let portal = try SamplePortal(in: folder.path, ["--documents", "3", "--document-size", "2000"])
    let lines = Hostile.records(for: tool, marker: marker, scan: portal.scan)
    let end = try run(
      tool, Hostile.arguments(tool, in: place), lines: lines, directory: place)
    let records = try end.records
    #expect(records.count == lines.count)
    #expect([0, ToolExit.documentsFailed.rawValue].contains(end.code), "\(end)")
    for record in records {
      // An id goes out as it came in, unless the line was refused.
      let isRefused = record["error"]?["class"] == .string("invalid_record")
      #expect(record["id"]?.string != nil || isRefused, "\(record)")
    }
    let kept = ["a/b/c/d/state/", "a/b/c/d/spool/", "a/b/c/d/bucket/", "portal."]
    let strays = Files.all(in: folder.path).filter { path in
      !kept.contains { path.hasPrefix($0) }
    }
    #expect(strays == [])
    #expect(try FileManager.default.contentsOfDirectory(atPath: marker) == [])
    #expect(!end.text.contains("root:x:0"))
    let failed = try end.lines.filter { try JSON(parsing: $0)["error"] != nil }
    for line in failed {
      let error = try #require(try JSON(parsing: line)["error"])
      #expect(ErrorClass(rawValue: error["class"]?.string ?? "") != nil, "\(line)")
      #expect(error["class"] != .string("internal"), "\(line)")
    }
  }

  @Test("A password in a URL is not repeated in errors and logs")
  func secrets() throws {
    let folder = try TemporaryDirectory()
    let end = try run(
      "fetch",
      Hostile.arguments("fetch", in: folder.path) + ["--log-file", "\(folder.path)/log", "-v"],
      lines: [#"{"id":"1","url":"http://user:hush-hush@127.0.0.1:1/a.pdf"}"#])
    let record = try #require(end.records.first)
    #expect(record["error"]?["message"]?.string?.contains("hush-hush") == false, "\(record)")
    #expect(!end.errors.contains("hush-hush"), "\(end.errors)")
    #expect(!Files.lines("\(folder.path)/log").joined().contains("hush-hush"))
  }
}
