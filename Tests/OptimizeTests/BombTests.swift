import Files
import Common
import Glibc
import Subprocesses
import Support
import Testing

@testable import optimize

/// A document that asks for too much costs itself its result, and nothing else.
@Suite("Bombs")
struct BombTests {
  @Test(
    "Memory and time hold, the original stays, and the next document is optimized",
    arguments: Bomb.all)
  func bomb(_ bomb: Bomb) throws {
    let directory = try TemporaryDirectory()
    let bytes = bomb.bytes()
    let paths = [
      try directory.write(bytes, to: "bomb.pdf"), try directory.write(Fixture.scan, to: "scan.pdf"),
    ]
    let pipe = try Launch.makePipe()
    defer { close(pipe.output) }
    let run = try ToolRun(
      [
        "--workers", "1", "--timeout", "20s", "--engine", "images", "--verify-pixels", "0%",
        "--memory-limit", bomb.isForLibqpdf ? "256M" : "2G",
      ], standardInput: pipe.output)
    for (number, path) in paths.enumerated() {
      let record: JSON = .object(["id": .string("\(number)"), "path": .string(path)])
      #expect(writeAll(record.serialized() + [UInt8(ascii: "\n")], to: pipe.input) == 0)
      let isOut = eventually { (try? run.records().count) == number + 1 }
      try #require(isOut, "record \(number) did not come out")
      for pid in Processes.below(run.pid) + [run.pid] {
        let peak = Processes.peak(of: pid)
        #expect(peak < (bomb.isForLibqpdf ? 256 : 200) << 20, "\(peak >> 20) MiB")
      }
    }
    close(pipe.input)
    #expect(run.wait() == .status(0))
    let members = try run.records().map { $0["optimize"] }
    #expect(members[1]?["method"] == .string("images/ebook"))
    #expect(TemporaryDirectory.read(paths[0]) == bytes)
    guard let reason = members[0]?["reason"]?.string else { return }
    #expect(RejectionReason(rawValue: reason) != nil, "\(reason)")
    #expect(members[0]?["bytes"]?.int == bytes.count)
    #expect(members[0]?["detail"]?.string?.contains(directory.path) != true)
  }

  /// Without memory, libqpdf takes an object for null and warns: no repair brings it back.
  @Test("An object that libqpdf could not read is not taken for nothing")
  func lostObject() throws {
    let directory = try TemporaryDirectory()
    let dictionaries = Array("[\(String(repeating: "<<>>", count: 1_000_000))]".utf8)
    let deep = Array((String(repeating: "[", count: 600) + String(repeating: "]", count: 600)).utf8)
    let paths = [
      try directory.write(Bomb.objectStream(dictionaries), to: "memory.pdf"),
      try directory.write(Bomb.objectStream(deep), to: "depth.pdf"),
    ]
    let run = try ToolRun(
      ["--engine", "images", "--workers", "1", "--memory-limit", "256M"] + paths)
    #expect(run.wait() == .status(0))
    for record in try run.records() {
      let member = record["optimize"]
      #expect(member?["method"] == .string("original"), "\(member ?? .null)")
    }
    #expect(directory.names == ["depth.pdf", "memory.pdf"])
  }
}
