import Common
import Crypto
import Glibc
import Support
import Testing

@testable import Store

/// Google's service when things go wrong: whatever happens, there is one right object or none.
@Suite("Google Cloud Storage, with faults")
struct GoogleFaultTests {
  private static let chunk = 256 << 10
  private static let losesTrack: [Fault] = [
    .unavailable, .tooMany, .resetBeforeBody, .resetAfterBody, .lostReply,
  ]
  private let files: Files
  private let small: [UInt8]
  private let large: [UInt8]

  init() throws {
    files = try Files()
    small = Array("a small document\r\n\r\n".utf8)
    large = (0..<(Self.chunk * 2 + 30_000)).map { UInt8(truncatingIfNeeded: $0 / 7) }
  }

  private func store(_ fake: FakeGoogle, _ change: (inout StoreSettings) -> Void = { _ in }) throws
    -> any ObjectStore
  {
    var settings = StoreSettings()
    settings.retry = RetryPolicy(retries: 3, base: 0)
    let url = fake.url
    settings.environment = { $0 == "STORAGE_EMULATOR_HOST" ? url : nil }
    change(&settings)
    let bucket = try BucketURL("gs://bucket", scheme: "gs")
    return GoogleStore(try GoogleService(bucket, settings), chunk: Self.chunk)
  }

  private func put(
    _ bytes: [UInt8], _ fake: FakeGoogle, overwrite: Bool = false
  ) throws -> StoredObject {
    try store(fake).put(
      try files.document(bytes: bytes), at: try ObjectKey("key"), metadata: ["book": "1"],
      overwrite: overwrite)
  }

  private func error(_ body: () throws -> StoredObject) -> RecordError? {
    #expect(throws: RecordError.self) { _ = try body() }
  }

  /// Each fault at each request in turn; a 401 without a token to renew ends the run.
  @Test(arguments: Fault.allCases.filter { $0 != .unauthorized })
  func oneFaultAtAnyRequestLeavesTheRightObject(_ fault: Fault) throws {
    for content in [small, large] {
      for number in 1...(content == small ? 2 : 6) {
        let fake = try FakeGoogle(.init(fault: { $0 == number ? fault : nil }))
        let object = try put(content, fake)
        let (stored, writes, bytes) = fake.with { ($0.objects["key"], $0.writes, $0.bytes) }
        #expect(stored?.content == content, "\(fault) at request \(number)")
        #expect(stored?.metadata["sha256"]?.string == object.sha256)
        #expect(writes == 1)
        let asked = fake.with { $0.received.first { $0.number == number + 1 }?.headers }
        if (3...5).contains(number), Self.losesTrack.contains(fault), content == large {
          // Only the store knows how far it has come.
          #expect(asked?["content-range"] == "bytes */\(content.count)")
        }
        // No more than one chunk is sent twice, unless the whole session is lost.
        let isLost = [.sessionNotFound, .sessionGone].contains(fault)
        #expect(bytes <= content.count * (isLost ? 2 : 1) + Self.chunk + 10_000)
      }
    }
  }

  @Test(arguments: [Fault.unavailable, .tooMany, .resetBeforeBody, .resetAfterBody])
  func anOutageIsNotTheDocumentsFault(_ fault: Fault) throws {
    for first in 1...5 {
      let fake = try FakeGoogle(.init(fault: { $0 >= first ? fault : nil }))
      let error = error { try put(large, fake) }
      #expect(error?.kind == .storeUnavailable)
      #expect(error?.counts == false)
      #expect(error?.isRetryable == true)
      #expect(fake.with { $0.objects.isEmpty })
    }
  }

  @Test(arguments: [Fault.sessionNotFound, .sessionGone])
  func aSessionIsBegunAgainTwiceAndNoMore(_ fault: Fault) throws {
    let fake = try FakeGoogle(.init(fault: { _ in fault }))
    #expect(error { try put(large, fake) }?.kind == .storeUnavailable)
    #expect(fake.with { $0.sessions.count } == 3)
  }

  @Test func aPieceThatIsNeverTakenIsAnOutage() throws {
    let fake = try FakeGoogle(.init(fault: { $0 > 3 ? .keepsLess : nil }))
    #expect(error { try put(large, fake) }?.kind == .storeUnavailable)
    #expect(fake.with { $0.objects.isEmpty })
  }

  @Test func overwritingSendsTheGenerationThatItSaw() throws {
    let fake = try FakeGoogle()
    fake.with { $0.objects["key"] = .init(content: [1], generation: 77, metadata: .null) }
    #expect(error { try put(small, fake) }?.kind == .storeConflict)
    #expect(fake.with { $0.received.count } == 1)
    #expect(try !put(small, fake, overwrite: true).isSkipped)
    #expect(fake.with { $0.received.last?.query("ifGenerationMatch") } == "77")
  }

  @Test func whatIsThereIsNotSentAgain() throws {
    let fake = try FakeGoogle()
    for content in [small, large] {
      fake.with { $0.objects["key"] = .init(content: content, generation: 5, metadata: .null) }
      #expect(try put(content, fake).isSkipped)
    }
    #expect(fake.with { $0.received.map(\.method) } == ["GET", "GET"])
  }

  @Test func aStoppedRunWaitsForNoOtherTry() throws {
    let fake = try FakeGoogle(.init(fault: { _ in .unavailable }))
    let stop = ShutdownSignal()
    stop.request(.interrupted)
    let store = try store(fake) {
      $0.stop = stop
      $0.retry = RetryPolicy(retries: 9, base: 600, cap: 600)
    }
    let file = try files.document("x")
    let key = try ObjectKey("key")
    let error = error {
      try store.put(file, at: key, metadata: [:], overwrite: false)
    }
    #expect(error?.kind == .interrupted)
  }
}

@Suite("What a resumable upload does next")
struct ResumableStepTests {
  @Test(arguments: [
    (ResponseClass.success, nil, ResumableStep.finished), (.absent, nil, .beginAgain),
    (.incomplete, nil, .goOn(from: 0)), (.incomplete, "bytes=0-0", .goOn(from: 1)),
    (.incomplete, "bytes=0-98", .goOn(from: 99)), (.incomplete, "bytes=0-99", .goOn(from: 100)),
    (.incomplete, "bytes=0-100", .beginAgain), (.incomplete, "bytes=5-9", .beginAgain),
    (.incomplete, "bytes=0-", .beginAgain), (.incomplete, "0-5", .beginAgain),
    (.incomplete, "bytes=0-x", .beginAgain), (.incomplete, "bytes=0--5", .beginAgain),
    (.changed, nil, .end), (.damaged, nil, .end), (.refused(.permission), nil, .end),
  ])
  func resumable(_ kind: ResponseClass, _ range: String?, _ expected: ResumableStep) {
    #expect(ResumableStep(kind, range: range, total: 100) == expected)
  }
}
