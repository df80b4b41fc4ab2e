import Common
import Crypto
import Foundation
import Support
import Testing

@Suite("Objects read back at the end of the pipeline")
struct ReadDataTests {
  private func settle(
    _ emulator: Emulator, _ options: [String], changing: (inout JSONObject) -> Void = { _ in }
  ) throws -> JSON {
    let folder = try TemporaryDirectory()
    try folder.write("%PDF-1.4 a document", to: "a.pdf")
    let uploaded = try run(
      "upload", ["--to", "\(emulator.kind)://test-bucket", "--from-list"], lines: ["a.pdf"],
      environment: emulator.environment, directory: folder.path)
    #expect(uploaded.code == 0, "\(uploaded)")
    var record = try #require(try uploaded.records.first?.object)
    var upload = try #require(record["upload"]?.object)
    changing(&upload)
    record["upload"] = .object(upload)
    let end = try run(
      "validate", options, lines: [JSON.object(record).description],
      environment: emulator.environment)
    return try #require(try end.records.first)
  }

  @Test("Right content is said to have been read", arguments: ["gs", "s3"])
  func right(_ kind: String) throws {
    let emulator = try Emulator(kind)
    let read = try settle(emulator, ["--read-data", "100%"])
    #expect(read["validate"]?["outcome"] == .string("checked"), "\(read)")
    #expect(read["validate"]?["read"] == .string("size+sha256"))
    let unread = try settle(emulator, ["--read-data", "0%"])
    #expect(unread["validate"]?["outcome"] == .string("checked"))
    #expect(unread["validate"]?["read"] == nil)
  }

  @Test("Content that is not what was uploaded is tried again", arguments: ["gs", "s3"])
  func wrong(_ kind: String) throws {
    let emulator = try Emulator(kind)
    let other = Digest.sha256("another document".utf8)
    // The store's own checksum agrees, and what upload noted beside the object does not.
    let noted = try settle(emulator, []) { $0["sha256"] = .string(other) }
    #expect(noted["error"]?["class"] == .string("store_rejected"), "\(noted)")
    #expect(noted["error"]?["retryable"] == .bool(true))
    #expect(noted["error"]?["message"]?.string?.contains("metadata") == true)
  }

  @Test("Only reading shows what a store's checksum hides", arguments: ["gs", "s3"])
  func hidden(_ kind: String) throws {
    let emulator = try Emulator(kind)
    try emulator.tamper(.add, "a.pdf")
    // The right MD5 and a wrong SHA-256 stand for a store that tells what it was told.
    let content = "somebody else's"
    let line: JSON = .object([
      "id": .string("1"),
      "upload": .object([
        "url": .string("\(kind)://test-bucket/a.pdf"), "bytes": .int(content.utf8.count),
        "md5": .string("86dc5d218dc9d037ad3d519de8b54c9b"),
        "sha256": .string(Digest.sha256("another document".utf8)),
      ]),
    ])
    func end(_ options: [String]) throws -> JSON {
      try #require(
        try run(
          "validate", options, lines: [line.description], environment: emulator.environment
        ).records.first)
    }
    #expect(try end([])["validate"]?["checked"] == .string("size+md5"))
    let read = try end(["--read-data=100%"])
    #expect(read["error"]?["class"] == .string("store_rejected"), "\(read)")
    #expect(read["error"]?["message"]?.string?.contains("SHA-256") == true)
  }
}
