import Common
import Support
import Testing

@testable import Store

/// S3 when things go wrong: whatever happens, there is one right object or none.
@Suite("S3, with faults")
struct AmazonFaultTests {
  private static let part = 200_000
  private let files: Files
  private let small = Array("a small document".utf8)
  private let large: [UInt8]

  init() throws {
    files = try Files()
    large = (0..<(Self.part * 2 + 30_000)).map { UInt8(truncatingIfNeeded: $0 / 7) }
  }

  private func put(
    _ file: SourceFile, _ fake: FakeAmazon, overwrite: Bool = false
  ) throws -> StoredObject {
    let environment = [
      "AWS_ENDPOINT_URL": fake.url, "AWS_ACCESS_KEY_ID": "AKID",
      "AWS_SECRET_ACCESS_KEY": "canary-secret", "AWS_SESSION_TOKEN": "canary-token",
    ]
    var settings = StoreSettings()
    settings.retry = RetryPolicy(retries: 3, base: 0)
    settings.environment = { environment[$0] }
    let service = try AmazonService(try BucketURL("s3://bucket", scheme: "s3"), settings)
    let store = AmazonStore(service, part: Self.part)
    do {
      return try store.put(
        file, at: try ObjectKey("key"), metadata: ["book": "1"], overwrite: overwrite)
    } catch {
      var text = "\(error)"
      dump(store, to: &text)
      #expect(!text.contains("canary"), "\(text)")
      throw error
    }
  }

  private func put(
    _ bytes: [UInt8], _ fake: FakeAmazon, overwrite: Bool = false
  ) throws -> StoredObject {
    try put(try files.document(bytes: bytes), fake, overwrite: overwrite)
  }

  private func error(_ body: () throws -> StoredObject) -> RecordError? {
    #expect(throws: RecordError.self) { _ = try body() }
  }

  @Test(arguments: AmazonFault.allCases.filter { $0 != .forbidden && $0 != .wrongETag })
  func oneFaultAtAnyRequestLeavesTheRightObject(_ fault: AmazonFault) throws {
    for content in [small, large] {
      for number in 1...(content == small ? 2 : 6) {
        let fake = try FakeAmazon(.init(fault: { $0 == number ? fault : nil }))
        _ = try put(content, fake)
        #expect(
          fake.with { $0.objects["/bucket/key"]?.content } == content, "\(fault) at \(number)")
        #expect(fake.with { $0.writes } == 1)
        // A lost answer to the beginning leaves an upload that nobody knows of.
        if fault != .lostReply { #expect(fake.with { $0.uploads.isEmpty }) }
      }
    }
  }

  @Test(arguments: [AmazonFault.unavailable, .resetBeforeBody, .resetAfterBody])
  func anOutageIsNotTheDocumentsFault(_ fault: AmazonFault) throws {
    for first in 1...5 {
      let fake = try FakeAmazon(.init(fault: { $0 >= first ? fault : nil }))
      let error = error { try put(large, fake) }
      #expect(error?.kind == .storeUnavailable)
      #expect(error?.counts == false)
      #expect(fake.with { $0.objects.isEmpty })
    }
  }

  @Test func anUploadIsBegunAgainTwiceAndNoMore() throws {
    let fake = try FakeAmazon(.init(fault: { _ in .uploadGone }))
    #expect(error { try put(large, fake) }?.kind == .storeUnavailable)
    #expect(fake.with { $0.begun } == 3)
  }

  @Test func whatWeMayNotEndsTheRunWithoutShowingTheToken() throws {
    let fake = try FakeAmazon(.init(fault: { _ in .forbidden }))
    let error = #expect(throws: Fatal.self) { _ = try put(small, fake) }
    #expect(error?.code == .permission)
    #expect(error?.message.contains("s3:PutObject") == true)
  }

  @Test func overwritingNamesWhatItSaw() throws {
    let fake = try FakeAmazon()
    fake.with { $0.objects["/bucket/key"] = ([1], "55a54008ad1ba589aa210d2629c1df41") }
    #expect(error { try put(large, fake) }?.kind == .storeConflict)
    #expect(try !put(large, fake, overwrite: true).isSkipped)
    #expect(
      fake.with { $0.received.last?.headers["if-match"] } == "\"55a54008ad1ba589aa210d2629c1df41\"")
    #expect(try put(large, fake).isSkipped)
  }
}
