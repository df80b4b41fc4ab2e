import Files
import Glibc
import Support
import Testing

@testable import optimize

@Suite("Where results go")
struct DestinationTests {
  @Test(
    "Beside the source",
    arguments: [
      ("a.pdf", "a.optimized.pdf"), ("a.PDF", "a.optimized.pdf"), ("a", "a.optimized.pdf"),
      (".pdf", ".optimized.pdf"), ("a.b.pdf", "a.b.optimized.pdf"),
    ])
  func beside(_ source: String, name: String) throws {
    let directory = try TemporaryDirectory()
    let destination = try Destination(directory: nil)
    let result = try directory.write([1], to: "out.pdf")
    let path = try destination.publish(result, of: "\(directory.path)/\(source)")
    #expect(path == "\(directory.path)/\(name)")
    #expect(directory.names == [name])
  }

  @Test("Sources of one name from several directories do not overwrite each other")
  func sameName() throws {
    let directory = try TemporaryDirectory()
    let output = try directory.makeDirectory("o")
    let earlier = changeTime(try directory.write([0], to: "o/x.optimized.pdf"))
    // The file of an earlier run has to be older than this one by the file system's clock.
    #expect(
      try eventually { changeTime(try directory.write([0], to: "clock")) > earlier })
    let destination = try Destination(directory: output + "/")
    var paths: [String] = []
    for number in 1...3 {
      let result = try directory.write([UInt8(number)], to: "out.pdf")
      paths.append(try destination.publish(result, of: "d\(number)/x.pdf"))
    }
    #expect(
      paths
        == ["x.optimized.pdf", "x-2.optimized.pdf", "x-3.optimized.pdf"].map { "\(output)/\($0)" })
    #expect(paths.map { TemporaryDirectory.read($0) } == [[1], [2], [3]])
  }

  /// Found by `Tests/Torture/secrecy.py`: results in the spool were for all to read.
  @Test("A result is as private as its source", arguments: [0o600, 0o640, 0o644] as [mode_t])
  func permissions(_ mode: mode_t) throws {
    let directory = try TemporaryDirectory()
    let source = try directory.write([0], to: "a.pdf")
    chmod(source, mode)
    let result = try directory.write([1], to: "out.pdf")
    let path = try Destination(directory: nil).publish(result, of: source)
    var status = stat()
    #expect(stat(path, &status) == 0)
    #expect(status.st_mode & 0o777 == mode)
  }

  @Test("The directory is made")
  func made() throws {
    let directory = try TemporaryDirectory()
    let destination = try Destination(directory: "\(directory.path)/a/b")
    #expect(destination.directory(for: "x/y.pdf") == "\(directory.path)/a/b")
    #expect(FileTree.names(in: "\(directory.path)/a/b").isEmpty)
  }

  @Test("A private directory goes with its value, and those of the dead go too")
  func workspace() throws {
    let directory = try TemporaryDirectory()
    let stale = try directory.makeDirectory(".optimize-stale1")
    try directory.write([1], to: ".optimize-stale1/out.pdf")
    #expect(mkdir("\(stale)/cache", 0o700) == 0)
    try directory.write([1], to: ".optimize-stale1/cache/x")
    do {
      let first = try Workspace(in: directory.path)
      let second = try Workspace(in: directory.path)
      var status = stat()
      #expect(stat(first.path, &status) == 0)
      #expect(status.st_mode & 0o777 == 0o700)
      #expect(directory.names.count == 2, "the living keep theirs")
      #expect(first.path != second.path)
    }
    #expect(directory.names.isEmpty)
  }

  /// Nanoseconds of the file system's clock.
  private func changeTime(_ path: String) -> Int {
    var status = stat()
    return lstat(path, &status) == 0
      ? status.st_ctim.tv_sec * 1_000_000_000 + status.st_ctim.tv_nsec : 0
  }
}
