import Common
import Support
import Synchronization
import Testing

@testable import Store

/// A store that is down for longer than anybody tries: nobody's attempts are used up (promise P5).
@Suite("A store that is down")
struct OutageTests {
  private let files: Files

  init() throws { files = try Files() }

  /// Eight documents at a time, two retries for each request, and far more failures than that.
  @Test(arguments: [Fault.unavailable, .resetBeforeBody, .tooMany])
  func everyDocumentArrivesOnceItIsBack(_ fault: Fault) throws {
    let fake = try FakeGoogle(.init(fault: { $0 <= 300 ? fault : nil }))
    var settings = StoreSettings()
    settings.retry = RetryPolicy(retries: 2, base: 0)
    settings.outages = OutagePolicy(threshold: 5, firstDistance: 0)
    settings.environment = { $0 == "STORAGE_EMULATOR_HOST" ? fake.url : nil }
    let store = try openStore("gs://bucket", settings)
    let sources = try (0..<40).map { try files.document("document \($0)") }
    let next = Atomic<Int>(0)
    let ended = Mutex<[Int: Result<StoredObject, any Error>]>([:])
    withThreads(8) { _ in
      while case let number = next.add(1, ordering: .relaxed).oldValue, number < sources.count {
        let result = Result {
          try store.put(
            sources[number], at: try ObjectKey("\(number)"), metadata: [:], overwrite: false)
        }
        ended.withLock { $0[number] = result }
      }
    }
    let results = ended.withLock { $0 }
    // Before five of them have failed in a row, a document may have had its last try.
    let early = results.values.filter { (try? $0.get()) == nil }
    #expect(early.count <= 4, "\(early)")
    for case .failure(let error) in early {
      #expect((error as? RecordError)?.kind == .storeUnavailable)
      #expect((error as? RecordError)?.counts == false)
    }
    #expect(fake.with { $0.objects.count } == results.count - early.count)
    #expect(fake.with { $0.received.count } > 0)
  }

  /// A wrong address is told at once, not after the hours that an outage may take.
  @Test func aStoreThatNeverWasThereEndsTheRun() throws {
    var settings = StoreSettings()
    settings.retry = RetryPolicy(retries: 2, base: 0)
    settings.outages = OutagePolicy(limitBeforeAnythingGood: 0)
    // Nobody listens on the port of tcpmux.
    settings.environment = { $0 == "STORAGE_EMULATOR_HOST" ? "127.0.0.1:1" : nil }
    let store = try openStore("gs://bucket", settings)
    let file = try files.document("x")
    let error = #expect(throws: Fatal.self) {
      _ = try store.put(file, at: try ObjectKey("a"), metadata: [:], overwrite: false)
    }
    #expect(error?.code == .unavailable)
    #expect(error?.message.contains("STORAGE_EMULATOR_HOST") == true)
  }

  @Test func ctrlCEndsTheWaiting() throws {
    let fake = try FakeGoogle(.init(fault: { _ in .unavailable }))
    var settings = StoreSettings()
    settings.retry = RetryPolicy(retries: 2, base: 0)
    settings.outages = OutagePolicy(threshold: 2, firstDistance: 3600)
    settings.environment = { $0 == "STORAGE_EMULATOR_HOST" ? fake.url : nil }
    let stop = settings.stop
    let store = try openStore("gs://bucket", settings)
    let file = try files.document("x")
    let first = #expect(throws: RecordError.self) {
      _ = try store.put(file, at: try ObjectKey("a"), metadata: [:], overwrite: false)
    }
    #expect(first?.kind == .storeUnavailable)
    // The second document in a row makes it an outage, which only the stop ends.
    stop.request(.interrupted)
    let second = #expect(throws: RecordError.self) {
      _ = try store.put(file, at: try ObjectKey("b"), metadata: [:], overwrite: false)
    }
    #expect(second?.kind == .interrupted)
  }
}
