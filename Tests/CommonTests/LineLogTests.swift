import Common
import Glibc
import Logging
import Support
import Testing

@Suite("Log lines for people and for grep")
struct LineLogTests {
  private let output = Ends()

  private func logger(_ layout: LineLog.Layout, level: Logger.Level = .info) -> Logger {
    let target = LineLog.Target(descriptor: output.writer, level: level)
    let handler = LineLog(tool: "fetch", targets: [target], layout: layout)
    return Logger(label: "fetch") { _ in handler }
  }

  @Test func timeLevelToolAndWorkerAreOnEachLine() throws {
    var logger = logger(.text)
    logger[metadataKey: "worker"] = "3"
    logger.error("184223: timeout: too\nslow", metadata: ["url": "http://x/\u{1B}"])
    logger.debug("not this one")
    output.closeWriter()
    let lines = output.receiveLines()
    #expect(lines.count == 1)
    let line = try #require(lines.first)
    let time = line.prefix(24).map { $0.isNumber ? "0" : String($0) }.joined()
    #expect(time == "0000-00-00T00:00:00.000Z")
    #expect(line.dropFirst(24).hasPrefix(" ERROR    fetch Worker 3: 184223: timeout: too"))
    #expect(line.hasSuffix("url=http://x/\u{FFFD}"))
  }

  @Test func asJSONEachLineIsAnObject() throws {
    logger(.json).warning("a \"b\"\n", metadata: ["n": "1"])
    output.closeWriter()
    let line = try JSON(parsing: try #require(output.receiveLines().first))
    #expect(line["level"] == .string("warning"))
    #expect(line["tool"] == .string("fetch"))
    #expect(line["n"] == .string("1"))
    #expect(line["worker"] == nil)
  }
}

@Suite("A log file that is rotated")
struct LogFileTests {
  @Test(
    "A file that was renamed, removed or emptied is left to whoever did it, and the name is written to"
  )
  func rotation() throws {
    let folder = try TemporaryDirectory()
    let path = "\(folder.path)/conveyor.log"
    let target = LineLog.Target(file: try LogFile(path: path), level: .info)
    let handler = LineLog(tool: "fetch", run: "r1", targets: [target])
    let logger = Logger(label: "fetch") { _ in handler }
    func lines(_ path: String) -> [String] {
      guard let file = fopen(path, "r") else { return [] }
      defer { fclose(file) }
      var bytes = [UInt8](repeating: 0, count: 10_000)
      let count = fread(&bytes, 1, bytes.count, file)
      return String(decoding: bytes[..<count], as: UTF8.self).split(separator: "\n").map(
        String.init)
    }
    logger.info("one")
    #expect(rename(path, "\(path).1") == 0)
    logger.info("two")
    logger.critical("three")
    #expect(lines("\(path).1").count == 1)
    #expect(lines(path).count == 2)
    // Of the run and the process; `grep -i error` finds what ends a run.
    #expect(lines(path).allSatisfy { $0.contains("pid=\(getpid()) run=r1") })
    #expect(lines(path).last?.lowercased().contains("error") == true)
    #expect(unlink(path) == 0)
    logger.info("four")
    #expect(lines(path).count == 1)
    #expect(truncate(path, 0) == 0)
    logger.info("five")
    #expect(lines(path).count == 1)
    // Its folder is gone: nothing to be done, and nobody is stopped.
    #expect(rename(path, "\(path).2") == 0)
    #expect(unlink("\(path).1") == 0 && unlink("\(path).2") == 0)
    #expect(rmdir(folder.path) == 0)
    logger.info("six")
  }
}
