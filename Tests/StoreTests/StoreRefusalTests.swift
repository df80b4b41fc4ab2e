import Common
import Support
import Synchronization
import Testing

@testable import Store

/// One cause is one cause: what a store refuses to everybody ends or pauses the run, and fails no document
/// (promise P15); what it refuses to one is that one's alone.
@Suite("A store that refuses")
struct StoreRefusalTests {
  private let files: Files

  init() throws { files = try Files() }

  private static func xml(_ code: String, _ message: String = "m", _ more: String = "") -> [UInt8] {
    Array("<Error><Code>\(code)</Code><Message>\(message)</Message>\(more)</Error>".utf8)
  }

  /// A bucket of S3 in front of which `refuse` stands: what it gives is answered, the rest goes to a store.
  private final class Guarded: Sendable {
    let fake: FakeAmazon
    let server: StoreServer

    init(
      _ behaviour: FakeAmazon.Behaviour = .init(),
      _ refuse: @escaping @Sendable (Received) -> Reaction?
    ) throws {
      let fake = try FakeAmazon(behaviour)
      self.fake = fake
      let count = Counter()
      counter = count
      server = try StoreServer { request in
        guard let refusal = refuse(request) else { return fake.answer(request) }
        count.value.add(1, ordering: .relaxed)
        guard request.method == "HEAD", case .answer(let status, let headers, _) = refusal else {
          return refusal
        }
        return .answer(status, headers)
      }
    }

    final class Counter: Sendable { let value = Atomic<Int>(0) }
    let counter: Counter

    func store(_ change: (inout StoreSettings) -> Void = { _ in }) throws -> AmazonStore {
      let environment = [
        "AWS_ENDPOINT_URL": server.url, "AWS_ACCESS_KEY_ID": "AKID",
        "AWS_SECRET_ACCESS_KEY": "canary-secret", "AWS_SESSION_TOKEN": "canary-token",
      ]
      var settings = StoreSettings()
      settings.retry = RetryPolicy(retries: 20, base: 0)
      settings.outages = OutagePolicy(firstDistance: 0, limitBeforeAnythingGood: 0)
      settings.environment = { environment[$0] }
      change(&settings)
      return AmazonStore(
        try AmazonService(try BucketURL("s3://bucket", scheme: "s3"), settings), part: 200_000)
    }
  }

  /// The end of a run that puts one document after the other.
  private func put(_ count: Int, _ store: some ObjectStore) throws -> (stored: Int, end: Fatal?) {
    for number in 0..<count {
      do {
        _ = try store.put(
          try files.document("document \(number)"), at: try ObjectKey("\(number)"), metadata: [:],
          overwrite: false)
      } catch let error as Fatal { return (number, error) }
    }
    return (count, nil)
  }

  /// Causes in the store's words, from the beginning or after ten requests, at reading or at writing.
  @Test(
    arguments: [
      (400, "ExpiredToken", "", ToolExit.permission, "AWS_SESSION_TOKEN"),
      (403, "InvalidAccessKeyId", "", .permission, "AWS_ACCESS_KEY_ID"),
      (403, "RequestTimeTooSkewed", "", .permission, "clock"),
      (400, "InvalidToken", "", .permission, "AWS_SESSION_TOKEN"),
      (
        400, "AuthorizationHeaderMalformed", "<Region>eu-west-3</Region>", .unavailable, "eu-west-3"
      ),
      (
        301, "PermanentRedirect", "<Endpoint>other.example</Endpoint>", .unavailable,
        "other.example"
      ),
      (
        501, "NotImplemented", "<Header>If-None-Match</Header>", .unavailable, "--preconditions off"
      ),
      (501, "NotImplemented", "", .unavailable, "--preconditions off"),
      (400, "InvalidStorageClass", "", .configuration, "--storage-class"),
      (404, "NoSuchBucket", "", .unavailable, "--create-bucket"),
    ], [0, 10])
  func whatOnlyTheOperatorCanMendEndsTheRun(
    _ cause: (status: Int, code: String, more: String, exit: ToolExit, advice: String), _ first: Int
  ) throws {
    for method in ["HEAD", "PUT"] {
      let store = try Guarded { request in
        guard request.number > first, request.method == method || request.method == "GET" else {
          return nil
        }
        return .answer(cause.status, [:], Self.xml(cause.code, "m", cause.more))
      }
      // A HEAD that says 404 is no refusal, and no other cause has it.
      if method == "HEAD", cause.status == 404 { continue }
      let (stored, end) = try put(10, try store.store())
      #expect(end?.code == cause.exit, "\(method) \(cause)")
      #expect(end?.message.contains(cause.advice) == true, "\(String(describing: end))")
      #expect(end?.message.contains("canary") == false)
      #expect(stored >= first / 2 - 1 && stored <= first / 2)
    }
  }

  /// The bodies of HEAD are never sent, and those of others may be missing.
  @Test func whatHasNoBodyIsAskedForAgain() throws {
    let store = try Guarded { request in
      request.method == "GET"
        ? .answer(400, [:], Self.xml("ExpiredToken", "The provided token has expired."))
        : .answer(400)
    }
    let (_, end) = try put(1, try store.store())
    #expect(end?.code == .permission)
    #expect(end?.message.contains("The provided token has expired.") == true)
  }

  /// Some proxies let no HEAD through.
  @Test(arguments: [403, 405, 501]) func whereHeadIsRefusedGetAnswers(_ status: Int) throws {
    let store = try Guarded { $0.method == "HEAD" ? .answer(status) : nil }
    let (stored, end) = try put(3, try store.store())
    #expect(stored == 3 && end == nil)
    #expect(try store.store().info(at: "s3://bucket/1")?.bytes == 10)
    // And once more: they are there.
    #expect(try put(3, try store.store()).stored == 3)
    #expect(store.fake.with { $0.writes } == 3)
  }

  /// A permission that is taken away, a quota, a proxy's page, an unknown word, or none: refused to everybody
  /// for a while, 200 documents arrive when it is over, and none has failed.
  @Test(
    arguments: [
      (403, "AccessDenied"), (403, "QuotaExceeded"), (400, "SomethingNew"), (403, "page"),
      (400, "KMS.DisabledException"), (403, ""), (403, "SignatureDoesNotMatch"), (200, "page"),
      (418, ""),
    ], ["PUT", ""])
  func whatPassesFailsNoDocument(_ refusal: (status: Int, code: String), _ method: String) throws {
    let page = Array("<html><body>Please log in</body></html>".utf8)
    let body =
      refusal.code == "page" ? page : refusal.code.isEmpty ? [] : Self.xml(refusal.code)
    let store = try Guarded { request in
      guard (60...160).contains(request.number) else { return nil }
      guard method.isEmpty || request.method == method else { return nil }
      return .answer(refusal.status, [:], body)
    }
    let workers = 8
    let turns = WorkerTurns(expected: workers)
    let amazon = try store.store { $0.turns = turns }
    let next = Atomic<Int>(0)
    let failures = Mutex<[any Error]>([])
    let sources = try (0..<200).map { try files.document("document \($0)") }
    withThreads(workers) { _ in
      turns.join()
      defer { turns.leave() }
      while case let number = next.add(1, ordering: .relaxed).oldValue, number < sources.count {
        guard turns.begin(amazon.settings.stop) else { return }
        defer { turns.end() }
        do {
          _ = try amazon.put(
            sources[number], at: try ObjectKey("\(number)"), metadata: [:], overwrite: false)
        } catch { failures.withLock { $0.append(error) } }
      }
    }
    let failed = failures.withLock { $0 }
    #expect(failed.isEmpty, "\(failed.prefix(3))")
    #expect(store.fake.with { $0.objects.count } == 200)
    #expect(store.counter.value.load(ordering: .relaxed) > 8)
  }

  /// In an outage of a second, and of a dozen requests at least, one request tries at a growing distance and all others wait: no document fails,
  /// though none has a try of its own, and other programs can read of it.
  @Test(arguments: [403, 404, 429, 451, 500, 503, 520, 0], ["PUT", ""])
  func oneTriesWhileAllOthersWait(_ status: Int, _ method: String) throws {
    // A HEAD that says 404 says that nothing is there.
    guard status != 404 || method == "PUT" else { return }
    let began = Mutex<(at: Int64, refusals: Int)?>(nil)
    let wasNoted = Atomic<Bool>(false)
    let folder = files.directory + "/outages"
    let store = try Guarded { request in
      guard method.isEmpty || request.method == method || request.method == "GET" else {
        return nil
      }
      let isOut = began.withLock { began in
        if began == nil, request.number > 20 { began = (Time.monotonic(), 0) }
        guard let (at, refusals) = began else { return false }
        began?.refusals += 1
        return refusals < 12 || Time.monotonic() - at < 1_000_000_000
      }
      guard isOut else { return nil }
      if !OutageReport.current(in: folder).isEmpty { wasNoted.store(true, ordering: .relaxed) }
      return status == 0 ? .reset : .answer(status, [:], Array("<html>sorry</html>".utf8))
    }
    let workers = 8
    let turns = WorkerTurns(expected: workers)
    let amazon = try store.store {
      $0.retry = RetryPolicy(retries: 0)
      $0.outages = OutagePolicy(firstDistance: 0.1)
      $0.turns = turns
      $0.notice = OutageNotice(tool: "upload", folder: folder)
    }
    let sources = try (0..<60).map { try files.document("document \($0)") }
    let next = Atomic<Int>(0)
    let failures = Mutex<[any Error]>([])
    withThreads(workers) { _ in
      turns.join()
      defer { turns.leave() }
      while case let number = next.add(1, ordering: .relaxed).oldValue, number < sources.count {
        guard turns.begin(amazon.settings.stop) else { return }
        defer { turns.end() }
        do {
          _ = try amazon.put(
            sources[number], at: try ObjectKey("\(number)"), metadata: [:], overwrite: false)
        } catch { failures.withLock { $0.append(error) } }
      }
    }
    let failed = failures.withLock { $0 }
    #expect(failed.isEmpty, "\(failed.prefix(3))")
    #expect(store.fake.with { $0.objects.count } == 60)
    // Those that were on their way, of which each may be asked for again with GET, and few more.
    let refusals = store.counter.value.load(ordering: .relaxed)
    #expect((5...32).contains(refusals), "\(refusals)")
    let isNoted = wasNoted.load(ordering: .relaxed)
    #expect(isNoted)
    #expect(OutageReport.current(in: folder) == [])
  }

  /// What one document is refused while others are taken is that document's own.
  @Test(arguments: [(403, "AccessDenied"), (400, "SomethingNew"), (403, "SignatureDoesNotMatch")])
  func whatOneIsRefusedIsItsOwn(_ status: Int, _ code: String) throws {
    let store = try Guarded { request in
      request.path.hasSuffix("/bad") && request.method == "PUT"
        ? .answer(status, [:], Self.xml(code)) : nil
    }
    let amazon = try store.store()
    _ = try put(1, amazon)
    let file = try files.document("x")
    let ended = Mutex<[any Error]>([])
    let isOver = Atomic<Bool>(false)
    withThreads(2) { worker in
      guard worker == 1 else {
        var number = 100
        while !isOver.load(ordering: .relaxed) {
          number += 1
          let key = try? ObjectKey("good-\(number)")
          _ = try? key.map { try amazon.put(file, at: $0, metadata: [:], overwrite: false) }
        }
        return
      }
      defer { isOver.store(true, ordering: .relaxed) }
      // As often as it is claimed again.
      for _ in 0..<200 {
        do {
          _ = try amazon.put(file, at: try ObjectKey("bad"), metadata: [:], overwrite: false)
        } catch let error as RecordError where error.kind == .storeUnavailable {
          #expect(!error.counts)
          continue
        } catch { return ended.withLock { $0.append(error) } }
      }
    }
    let error = ended.withLock { $0.first as? RecordError }
    #expect(
      error?.kind == .storeRejected && error?.isRetryable == false, "\(String(describing: error))")
  }

  @Test(
    arguments: [
      (403, "AccessDenied", "Access Denied because object protected by object lock."),
      (400, "InvalidRequest", "Object is WORM protected and cannot be overwritten"),
      (
        409, "ObjectUnderRetention",
        "The object is under retention and can't be deleted or modified."
      ),
    ])
  func aHoldIsOneDocuments(_ status: Int, _ code: String, _ message: String) throws {
    let store = try Guarded { request in
      request.path.hasSuffix("/held") && request.method == "PUT"
        ? .answer(status, [:], Self.xml(code, message)) : nil
    }
    let amazon = try store.store()
    let file = try files.document("x")
    let error = #expect(throws: RecordError.self) {
      _ = try amazon.put(file, at: try ObjectKey("held"), metadata: [:], overwrite: false)
    }
    #expect(error?.kind == .storeHeld && error?.message.contains(message) == true)
    #expect(error?.isRetryable == false)
    #expect(try put(3, amazon).stored == 3)
  }

  /// Preconditions that are off are not sent, and what is there is not replaced all the same.
  @Test func withoutPreconditionsItIsAskedBefore() throws {
    let store = try Guarded { request in
      ["if-none-match", "if-match"].contains { request.headers[$0] != nil }
        ? .answer(501, [:], Self.xml("NotImplemented")) : nil
    }
    #expect(try put(1, try store.store()).end?.message.contains("--preconditions off") == true)
    let amazon = try store.store { $0.preconditions = .off }
    #expect(try put(3, amazon).stored == 3)
    let other = try files.document("other")
    let error = #expect(throws: RecordError.self) {
      _ = try amazon.put(other, at: try ObjectKey("1"), metadata: [:], overwrite: false)
    }
    #expect(error?.kind == .storeConflict)
    let replaced = try amazon.put(other, at: try ObjectKey("1"), metadata: [:], overwrite: true)
    #expect(!replaced.isSkipped)
    #expect(store.fake.with { $0.objects["/bucket/1"]?.content } == Array("other".utf8))
    let large = try files.document(bytes: [UInt8](repeating: 7, count: 500_000))
    #expect(
      try !amazon.put(large, at: try ObjectKey("l"), metadata: [:], overwrite: false).isSkipped)
    let check = try amazon.check(CheckPlan(writes: true, overwrites: true))
    #expect(check.warnings.contains { $0.contains("preconditions are off") })
  }

  /// Ceph compares an ETag with its quotes, and has none at first for an upload in parts.
  @Test func anETagThatIsComparedWithItsQuotes() throws {
    let store = try Guarded { request in
      guard let condition = request.headers["if-match"] else { return nil }
      return condition.hasPrefix("\"") ? .answer(412, [:], Self.xml("PreconditionFailed")) : nil
    }
    store.fake.with {
      for number in 0..<3 {
        $0.objects["/bucket/\(number)"] = ([1], "55a54008ad1ba589aa210d2629c1df41")
      }
    }
    let amazon = try store.store()
    for number in 0..<3 {
      let file = try files.document("document \(number)")
      let object = try amazon.put(
        file, at: try ObjectKey("\(number)"), metadata: [:], overwrite: true)
      #expect(!object.isSkipped)
    }
    // Found out once.
    #expect(store.counter.value.load(ordering: .relaxed) == 1)
    #expect(store.fake.with { $0.writes } == 3)
  }

  @Test func aPreconditionThatNeverHoldsEndsTheRun() throws {
    let store = try Guarded { request in
      request.headers["if-match"] == nil
        ? nil : .answer(412, [:], Self.xml("PreconditionFailed"))
    }
    store.fake.with { $0.objects["/bucket/a"] = ([1], "55a54008ad1ba589aa210d2629c1df41") }
    let file = try files.document("x")
    let amazon = try store.store()
    let error = #expect(throws: Fatal.self) {
      _ = try amazon.put(file, at: try ObjectKey("a"), metadata: [:], overwrite: true)
    }
    #expect(error?.code == .unavailable && error?.message.contains("--preconditions off") == true)
    #expect(store.fake.with { $0.writes } == 0)
  }

  /// A bucket that is gone says nothing about its objects.
  @Test func withoutItsBucketNoObjectIsMissing() throws {
    let store = try Guarded { request in
      request.method == "HEAD" ? .answer(404) : .answer(404, [:], Self.xml("NoSuchBucket"))
    }
    let amazon = try store.store()
    let error = #expect(throws: Fatal.self) { _ = try amazon.info(at: "s3://bucket/a") }
    #expect(error?.code == .unavailable)
    let empty = try Guarded { _ in nil }
    #expect(try empty.store().info(at: "s3://bucket/a") == nil)
  }

  /// What does not parse may hold a secret anywhere.
  @Test(
    arguments: [
      ("s3://KEY:canary@bucket", [:]), ("gs://canary@bucket/x", [:]),
      ("https://user:canary@host/bucket", [:]), ("ftp://canary@host", [:]),
      ("s3://bucket", ["AWS_ENDPOINT_URL": "https://user:canary@host"]),
      ("s3://bucket", ["AWS_ENDPOINT_URL": "https://user:ca nary#canary@host:x"]),
      ("gs://bucket", ["STORAGE_EMULATOR_HOST": "http://user:canary@host"]),
      ("gs://bucket", ["STORAGE_EMULATOR_HOST": "user:canary/x@host:port"]),
      ("gs://bucket", ["GCE_METADATA_HOST": "user:canary@host"]),
    ] as [(String, [String: String])])
  func aSecretInAnAddressIsRefusedAndNotShown(_ url: String, _ variables: [String: String]) {
    let environment = variables.merging(
      ["AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"]) { $1 }
    var settings = StoreSettings()
    settings.environment = { environment[$0] }
    let final = settings
    let error = #expect(throws: Fatal.self) { _ = try openStore(url, final) }
    #expect(error?.code == .configuration)
    #expect(error?.message.contains("canary") == false, "\(String(describing: error))")
    #expect(error?.message.contains("***") == true)
  }
}
