import Common
import Support
import Testing

@testable import Store

/// When a document's place is looked at before it is sent there.
@Suite("Looking first")
struct ExistencePolicyTests {
  private let files: Files

  init() throws { files = try Files() }

  /// Runs of absent (`false`) and present (`true`) documents, and whether the next small one is looked for.
  @Test(
    arguments: [
      ([], true), ([(false, 31)], true), ([(false, 32)], false), ([(false, 500)], false),
      ([(false, 500), (true, 1)], true), ([(false, 500), (true, 1), (false, 31)], true),
      ([(true, 500), (false, 8), (true, 1), (false, 31)], true),
      ([(true, 500), (false, 32)], false),
    ] as [([(Bool, Int)], Bool)])
  func afterManyThatAreNotThere(_ runs: [(isThere: Bool, count: Int)], _ expected: Bool) {
    var look = ExistencePolicy()
    for run in runs { for _ in 0..<run.count { look.found(run.isThere) } }
    #expect(look.isWanted(bytes: ExistencePolicy.small) == expected)
    #expect(look.isWanted(bytes: ExistencePolicy.small + 1))
  }

  private func store(_ fake: FakeGoogle) throws -> any ObjectStore {
    var settings = StoreSettings()
    settings.retry = RetryPolicy(retries: 3, base: 0)
    settings.environment = { $0 == "STORAGE_EMULATOR_HOST" ? fake.url : nil }
    return try openStore("gs://bucket", settings)
  }

  private func put(_ numbers: Range<Int>, _ store: any ObjectStore) throws -> [StoredObject] {
    try numbers.map {
      try store.put(
        try files.document("document \($0)"), at: try ObjectKey("\($0)"), metadata: [:],
        overwrite: false)
    }
  }

  private func methods(_ fake: FakeGoogle, from start: Int) -> [String] {
    fake.with { $0.received.dropFirst(start).map(\.method) }
  }

  @Test func aResumedRunSendsNothingTwice() throws {
    let fake = try FakeGoogle()
    _ = try put(0..<100, try store(fake))
    let before = fake.with { $0.received.count }
    #expect(before == 32 * 2 + 1 + 68)
    let again = try store(fake)
    #expect(try put(0..<100, again).allSatisfy { $0.isSkipped })
    #expect(methods(fake, from: before) == Array(repeating: "GET", count: 100))
    #expect(try put(100..<110, again).allSatisfy { !$0.isSkipped })
    #expect(methods(fake, from: before + 100) == (0..<10).flatMap { _ in ["GET", "POST"] })
  }

  @Test func whatIsMetUnlookedForIsReadAndLookedForAgain() throws {
    let fake = try FakeGoogle()
    let store = try store(fake)
    _ = try put(0..<80, store)
    let before = fake.with { $0.received.count }
    #expect(try put(79..<80, store)[0].isSkipped)
    #expect(try !put(80..<81, store)[0].isSkipped)
    #expect(methods(fake, from: before) == ["POST", "GET", "GET", "POST"])
  }

  @Test func otherContentThatIsMetUnlookedForStays() throws {
    let fake = try FakeGoogle()
    let store = try store(fake)
    _ = try put(0..<80, store)
    fake.with { $0.objects["80"] = .init(content: [1], generation: 77, metadata: .null) }
    let error = #expect(throws: RecordError.self) { _ = try put(80..<81, store) }
    #expect(error?.kind == .storeConflict)
    #expect(fake.with { $0.objects["80"]?.content } == [1])
  }

  @Test func aCheckTellsThatPreconditionsAreIgnored() throws {
    for honours in [true, false] {
      let fake = try FakeGoogle(.init(honours: honours))
      let check = try store(fake).check(CheckPlan(writes: true))
      #expect(check.warnings.isEmpty == honours, "\(check)")
      #expect(fake.with { $0.objects.isEmpty })
    }
  }

  /// Without preconditions, only looking keeps what is there.
  @Test func aStoreThatIgnoresPreconditionsIsAlwaysLookedAt() throws {
    let fake = try FakeGoogle(.init(honours: false))
    let store = try store(fake)
    _ = try put(0..<100, store)
    #expect(fake.with { $0.received.count } == 201)
    fake.with { $0.objects["100"] = .init(content: [1], generation: 77, metadata: .null) }
    let error = #expect(throws: RecordError.self) { _ = try put(100..<101, store) }
    #expect(error?.kind == .storeConflict)
    #expect(fake.with { $0.objects["100"]?.content } == [1])
  }
}
