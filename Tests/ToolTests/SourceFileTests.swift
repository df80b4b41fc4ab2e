import Common
import Foundation
import Support
import Testing

/// A record may name any file. What is none on a disk, or not in the folder that was named, is refused;
/// the run goes on.
@Suite("Files that a record must not name")
struct SourceFileTests {
  private let folder: TemporaryDirectory
  private let good: String
  private let bad: [String]

  init() throws {
    folder = try TemporaryDirectory()
    let root = folder.path
    let portal = try SamplePortal(in: root, ["--documents", "2", "--document-size", "3000"])
    let one = try run(
      "fetch", ["--state", "state", "--rate-limit-delay", "0"],
      lines: [#"{"id":"1","url":"\#(portal.scan)"}"#], directory: root)
    good = "\(root)/\(try #require(try one.records.first?["fetch"]?["path"]?.string))"
    #expect(mkfifo("\(root)/fifo", 0o600) == 0)
    #expect(symlink("/proc/self/environ", "\(root)/link") == 0)
    #expect(symlink("/proc/self", "\(root)/self") == 0)
    let socket = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(socket) }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) {
      $0.copyBytes(from: Array("\(root)/socket".utf8))
    }
    let isBound = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(socket, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
      }
    }
    #expect(isBound)
    bad = [
      "/proc/self/environ", "/proc/self/mem", "/proc/self/maps", "/proc/meminfo", "/proc/version",
      "/proc/self/../self/status", "/sys/kernel/mm/transparent_hugepage/enabled", "/dev/zero",
      "/dev/null", "/dev/tty", "/dev/random", "\(root)/fifo", "\(root)/link",
      "\(root)/self/environ", "\(root)/socket", root, "/", "/proc",
    ].filter { access($0, F_OK) == 0 }
    #expect(bad.count > 12)
  }

  private func lines(_ paths: [String]) -> [String] {
    paths.enumerated().map { #"{"id":"\#($0.offset)","path":"\#($0.element)"}"# }
  }

  private func check(_ end: Finished, refused: Int) throws {
    #expect(end.code == ToolExit.documentsFailed.rawValue, "\(end)")
    #expect(try end.records.count == refused + 1, "\(end)")
    for record in try end.records {
      if record["path"] == .string(good) {
        #expect(record["error"] == nil, "\(end)")
      } else {
        #expect(record["error"]?["class"] == .string("invalid_record"), "\(record)")
      }
    }
    #expect(!end.text.contains("SECRET") && !end.errors.contains("SECRET"))
  }

  @Test("Optimize and upload refuse what is no file on a disk", arguments: ["optimize", "upload"])
  func refused(tool: String) throws {
    let options = tool == "upload" ? ["--to", "\(folder.path)/bucket"] : []
    let end = try run(
      tool, options, lines: lines(bad + [good]), environment: ["CONVEYOR_SECRET_THING": "SECRET"])
    try check(end, refused: bad.count)
    if tool == "upload" { #expect(Files.all(in: "\(folder.path)/bucket").count == 1) }
  }

  @Test(
    "With --root, nothing outside is used, wherever links lead", arguments: ["optimize", "upload"])
  func outsideOfRoot(tool: String) throws {
    let root = "\(folder.path)/state"
    let outside = try folder.write("%PDF-1.4 of somebody else", to: "other.pdf")
    let beside = "\(folder.path)/state-of-others"
    try FileManager.default.createDirectory(atPath: beside, withIntermediateDirectories: true)
    try FileManager.default.copyItem(atPath: outside, toPath: "\(beside)/other.pdf")
    #expect(symlink(outside, "\(root)/link.pdf") == 0)
    #expect(symlink(folder.path, "\(root)/up") == 0)
    let paths = [
      outside, "\(root)/link.pdf", "\(root)/up/other.pdf", "\(root)/../other.pdf",
      "\(beside)/other.pdf", "/etc/passwd", "/proc/self/environ", "/proc/self/root/etc/passwd",
    ]
    let options = tool == "upload" ? ["--to", "\(folder.path)/bucket"] : []
    let end = try run(tool, options + ["--root", root], lines: lines(paths + [good]))
    try check(end, refused: paths.count)
  }

  @Test("validate files calls them unreadable, and checks the others")
  func checked() throws {
    let end = try run(
      "validate", ["files", "-"], lines: bad + [good], environment: ["SECRET_THING": "SECRET"])
    #expect(end.code == ToolExit.documentsFailed.rawValue, "\(end)")
    #expect(try end.records.count == bad.count + 1)
    for record in try end.records {
      let isGood = record["path"] == .string(good)
      #expect(record["ok"] == .bool(isGood), "\(record)")
      if !isGood { #expect(record["state"] == .string("unreadable"), "\(record)") }
    }
    #expect(!end.text.contains("SECRET"))
  }
}
