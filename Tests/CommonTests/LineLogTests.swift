import Common
import Logging
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
