import Common
import Files
import Testing

/// The typed views of a record against docs/record.schema.json, which is what plugins go by.
@Suite("What the tools add to a record")
struct ToolResultTests {
  private static let schema: JSON? = {
    let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
    return try? JSON(parsing: TextFile.lines("/\(root)/docs/record.schema.json").joined())
  }()

  /// A result with every member that its type can write.
  private static func full() -> [any ToolResult] {
    var fetch = FetchResult(dryRun: ["http://p/1"])
    fetch.path = "spool/1.pdf"
    fetch.bytes = 1
    fetch.sha256 = String(repeating: "a", count: 64)
    fetch.url = "http://p/1"
    fetch.httpStatus = 200
    fetch.portal = "county"
    fetch.images = 1
    fetch.pages = 1
    fetch.isPageCountMismatch = false
    fetch.isEncrypted = true
    fetch.actualBook = 1
    fetch.actualPage = 2
    fetch.isMismatch = true
    fetch.etag = "x"
    fetch.lastModified = "y"
    fetch.fetchedAt = "2026-11-26T00:00:00Z"
    fetch.seconds = 0.5
    fetch.isResumed = false
    var optimize = OptimizeResult(members: JSONObject())
    optimize.path = "spool/1.pdf"
    optimize.bytes = 1
    optimize.sha256 = "a"
    optimize.pages = 1
    optimize.method = OptimizeResult.original
    optimize.originalBytes = 2
    optimize.reason = "too_small"
    optimize.detail = "d"
    optimize.isRepaired = true
    optimize.rejected = .object(["engine": .string("images"), "reason": .string("r")])
    optimize.times = .object([:])
    optimize.seconds = 1
    var upload = UploadResult(dryRun: "gs://b/1.pdf")
    upload.bytes = 1
    upload.sha256 = "a"
    upload.md5 = "b"
    upload.crc32c = "c"
    upload.generation = "7"
    upload.isSkipped = true
    upload.seconds = 1
    var validate = ValidateResult()
    validate.outcome = "completed"
    validate.checked = "size+md5"
    validate.read = "size+md5"
    validate.retryIn = 60
    return [fetch, optimize, upload, validate]
  }

  @Test func everyMemberThatIsWrittenIsInTheSchema() throws {
    let definitions = try #require(Self.schema?["$defs"])
    for result in Self.full() {
      let name = type(of: result).name
      let known = try #require(definitions[name]?["properties"]?.object)
      let unknown = result.members.members.map(\.name).filter { known[$0] == nil }
      #expect(unknown.isEmpty, "\(name)")
      // `content_type` is allowed to programs of others.
      let unwritten = Set(known.members.map(\.name)).subtracting(result.members.members.map(\.name))
      #expect(unwritten.subtracting(["content_type", "dry_run"]).isEmpty, "\(name)")
    }
  }

  @Test func whatAToolDoesNotKnowStays() throws {
    let line = #"{"id":"1","fetch":{"path":"a","mine":[1.10,{"x":null}],"bytes":"many"}}"#
    var record = try DocumentRecord(try JSON(parsing: Array(line.utf8)))
    var fetch = try #require(record.fetch)
    #expect(fetch.path == "a")
    #expect(fetch.bytes == nil)
    fetch.bytes = 7
    record.fetch = fetch
    #expect(
      JSON.object(record.fields).description
        == #"{"id":"1","fetch":{"path":"a","mine":[1.10,{"x":null}],"bytes":7}}"#)
  }

  @Test(
    arguments: [
      (#"{"id":"1"}"#, nil),
      (#"{"id":"1","path":"p"}"#, "p"),
      (#"{"id":"1","path":"p","fetch":{"path":"f"}}"#, "f"),
      (#"{"id":"1","path":"p","fetch":{"path":null}}"#, "p"),
      (#"{"id":"1","fetch":{"path":"f"},"optimize":{"path":"o"}}"#, "o"),
      (#"{"id":"1","fetch":{"path":"f"},"optimize":{"reason":"r"}}"#, "f"),
    ] as [(String, String?)])
  func theNewestFileCounts(line: String, path: String?) throws {
    let record = try DocumentRecord(try JSON(parsing: Array(line.utf8)))
    #expect(try record.currentFile()?.path == path)
  }

  @Test(arguments: [
    #"{"id":"1","path":7}"#, #"{"id":"1","path":""}"#, #"{"id":"1","path":"a\u0000b"}"#,
    #"{"id":"1","path":"p","fetch":{"path":["f"]}}"#,
    #"{"id":"1","path":"p","optimize":{"path":false}}"#,
  ])
  func whatIsNoPathIsAnInvalidRecord(line: String) throws {
    let record = try DocumentRecord(try JSON(parsing: Array(line.utf8)))
    let error = #expect(throws: RecordError.self) { try record.currentFile() }
    #expect(error?.kind == .invalidRecord)
  }

  @Test func aStatusOfOthersKeepsItsWord() {
    for status in DocumentStatus.all { #expect(DocumentStatus(status.word) == status) }
    #expect(DocumentStatus("Pending ") == .other("Pending "))
    #expect(DocumentStatus("Pending ").word == "Pending ")
  }
}
