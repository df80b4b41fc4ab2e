import Common
import Support
import Testing

@testable import Store

/// Each kind of trouble, fifty times, at each request in turn, with documents of all sizes: how often
/// the store has other content than was sent, or not what it was said to have.
@Suite("Fifty runs of each fault")
struct FaultRunsTests {
  private static let runs = 50
  private static let chunk = 20_000

  /// A kind of trouble, and what has to come of it.
  struct Trouble: Sendable, CustomTestStringConvertible {
    enum End: Sendable, Equatable {
      /// The document is there, put by us.
      case stored
      /// The document is there, put by somebody else.
      case skipped
      /// An error of this class, whether it may be tried again, and whether it uses up an attempt.
      case error(ErrorClass, isRetryable: Bool, counts: Bool)
    }

    let name: String
    let end: End
    var google: Fault?
    var amazon: AmazonFault?
    var theirs: Theirs?
    var lies = false
    var changes = false
    var testDescription: String { name }
  }

  /// What somebody else puts in our place at the last moment.
  enum Theirs: Sendable { case same, other }

  static let troubles: [Trouble] = [
    .init(name: "503", end: .stored, google: .unavailable, amazon: .unavailable),
    .init(
      name: "reset before the body", end: .stored, google: .resetBeforeBody,
      amazon: .resetBeforeBody),
    .init(
      name: "reset after the body", end: .stored, google: .resetAfterBody, amazon: .resetAfterBody),
    .init(name: "401 in mid-session", end: .stored, google: .unauthorized),
    .init(name: "308 with a shorter range", end: .stored, google: .keepsLess),
    .init(name: "lost final reply", end: .stored, google: .lostReply, amazon: .lostReply),
    .init(
      name: "wrong checksum in the answer",
      end: .error(.storeRejected, isRetryable: true, counts: true), lies: true),
    .init(name: "412, same content", end: .skipped, theirs: .same),
    .init(
      name: "412, other content",
      end: .error(.storeConflict, isRetryable: false, counts: true), theirs: .other),
    .init(
      name: "404 of the session", end: .stored, google: .sessionNotFound, amazon: .uploadGone),
    .init(
      name: "a file that changes while it is sent",
      end: .error(.local, isRetryable: true, counts: false), changes: true),
  ]

  private let files: Files

  init() throws { files = try Files() }

  /// One document on its way.
  private struct Run {
    let content: [UInt8]
    let file: SourceFile
    /// The request that meets the trouble.
    let number: Int
    let other = Array("somebody else's".utf8)
    /// Whether the store compares checksums, as those that only speak its protocol may not.
    let checks: Bool
    let overwrites: Bool
    /// Whether a bucket of Google's is asked what is there before anything is sent.
    let looks: Bool

    init(_ index: Int, _ files: Files) throws {
      let isLarge = index.isMultiple(of: 2)
      let size = isLarge ? FaultRunsTests.chunk * 2 + index * 997 + 1 : index * 131
      content = (0..<size).map { UInt8(truncatingIfNeeded: ($0 &* 31) ^ ($0 >> 8) ^ index) }
      file = try files.document(bytes: content)
      // The first asks what is there; a small document has one more, a large one five.
      checks = index % 5 < 3
      overwrites = index % 3 == 0
      looks = overwrites || index % 4 < 2
      number = 1 + index / 2 % (isLarge ? 6 : 2)
    }

    /// Puts other content into the file: as long, longer or shorter.
    func rewrite() {
      let other = content.map { $0 ^ 1 }
      let changed: [[UInt8]] = [other + [0], other, Array(other.dropLast(5))]
      try? Files.write(changed[content.isEmpty ? 0 : number % 3], to: file.path)
    }
  }

  @Test(arguments: troubles) func google(_ trouble: Trouble) throws {
    try count("gs://", trouble) { run in
      // What changes at the first request has to be on its way by then, and not to have arrived.
      let looks = run.looks || trouble.changes
      let fake = try FakeGoogle(
        .init(
          fault: { number in
            if trouble.changes, number == 1 { run.rewrite() }
            // With tokens, the first request is the one for a token.
            let first = (trouble.google == .unauthorized ? 1 : 0) + (looks ? 1 : 0)
            return number == max(1, run.number - 1 + first) ? trouble.google : nil
          }, checks: run.checks, lies: trouble.lies, granule: 1,
          needsToken: trouble.google == .unauthorized,
          meanwhile: { state in
            guard let theirs = trouble.theirs else { return }
            state.objects["key"] = .init(
              content: theirs == .same ? run.content : run.other, generation: 9, metadata: .null)
          }))
      let host = String(fake.url.dropFirst("http://".count))
      let store = try Self.store { settings in
        settings.environment = { $0 == "GCE_METADATA_HOST" ? host : nil }
        let source = trouble.google == .unauthorized ? try GoogleIdentity.find(settings) : nil
        let bucket = try BucketURL("gs://bucket", scheme: "gs")
        return GoogleStore(
          try GoogleService(bucket, settings, base: fake.url, source), chunk: Self.chunk,
          existenceCheck: looks ? nil : Self.sure())
      }
      let end = Self.put(run, store)
      return (end, fake.with { $0.objects["key"]?.content }, fake.with { $0.writes })
    }
  }

  @Test(arguments: troubles.filter { $0.google == nil || $0.amazon != nil })
  func amazon(_ trouble: Trouble) throws {
    try count("s3://", trouble) { run in
      // One asks, and either one sends or one begins, one sends each part, and one completes.
      let parts = (run.content.count + Self.chunk - 1) / Self.chunk
      let last = parts > 1 ? parts + 3 : 2
      let fake = try FakeAmazon(
        .init(
          fault: { number in
            if trouble.changes, number == 1 { run.rewrite() }
            if trouble.lies { return number >= last ? .wrongETag : nil }
            return number == run.number ? trouble.amazon : nil
          }, checks: run.checks,
          meanwhile: { state in
            guard let theirs = trouble.theirs else { return }
            let content = theirs == .same ? run.content : run.other
            state.objects["/bucket/key"] = (content, FakeAmazon.etag(content))
          }))
      let environment = [
        "AWS_ENDPOINT_URL": fake.url, "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b",
      ]
      let store = try Self.store { settings in
        settings.environment = { environment[$0] }
        let bucket = try BucketURL("s3://bucket", scheme: "s3")
        return AmazonStore(try AmazonService(bucket, settings), part: Self.chunk)
      }
      let end = Self.put(run, store)
      return (end, fake.with { $0.objects["/bucket/key"]?.content }, fake.with { $0.writes })
    }
  }

  /// As after many documents that were not there.
  private static func sure() -> ExistenceCheck {
    let existenceCheck = ExistenceCheck(isTrusted: true)
    for _ in 0..<ExistencePolicy.streak { existenceCheck.found(false) }
    return existenceCheck
  }

  private static func store<Store>(_ make: (inout StoreSettings) throws -> Store) rethrows -> Store
  {
    var settings = StoreSettings()
    // No real waits: what is tried is what happens after them.
    settings.retry = RetryPolicy(retries: 3, base: 0)
    return try make(&settings)
  }

  private static func put(_ run: Run, _ store: some ObjectStore) -> Trouble.End? {
    do {
      let key = try ObjectKey("key")
      let object = try store.put(run.file, at: key, metadata: [:], overwrite: run.overwrites)
      return object.isSkipped ? .skipped : .stored
    } catch let error as RecordError {
      return .error(error.kind, isRetryable: error.isRetryable, counts: error.counts)
    } catch { return nil }
  }

  /// Runs fifty times, and prints and checks how they ended.
  private func count(
    _ scheme: String, _ trouble: Trouble,
    _ body: (Run) throws -> (end: Trouble.End?, there: [UInt8]?, writes: Int)
  ) throws {
    var asNamed = 0
    var wrong = 0
    var lost = 0
    for index in 0..<Self.runs {
      let run = try Run(index, files)
      let result = try body(run)
      let isOurs = result.there == run.content
      // The answer of the first, lost writer is its second's "there already".
      let isNamed =
        result.end == trouble.end
        || trouble.end == .stored && result.end == .skipped && result.writes == 1
      asNamed += isNamed ? 1 : 0
      let isTheirs = trouble.theirs == .other && result.there == run.other
      // A store that compares nothing may keep what changed; what counts is that nobody believes it.
      let isBelieved = [.stored, .skipped].contains(result.end)
      if let there = result.there, there != run.content, !isTheirs, run.checks || isBelieved {
        wrong += 1
      }
      if result.writes > 1 { wrong += 1 }
      if isBelieved, !isOurs { lost += 1 }
      if trouble.end == .stored, !isOurs { lost += 1 }
    }
    print(
      "\(scheme) \(trouble.name): \(Self.runs) runs, \(asNamed) as named, "
        + "\(wrong) wrong, \(lost) lost")
    #expect(asNamed == Self.runs)
    #expect(wrong == 0)
    #expect(lost == 0)
  }
}
