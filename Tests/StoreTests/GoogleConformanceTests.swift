import Common
import Digest
import Glibc
import Support
import Testing

@testable import Store

@Suite("Google Cloud Storage, emulated")
struct GoogleConformanceTests {
  private let files: Files
  private let emulator: Emulator
  private let store: any ObjectStore
  private let settings: StoreSettings

  init() throws {
    files = try Files()
    let emulator = try Emulator("gs")
    self.emulator = emulator
    var settings = StoreSettings()
    settings.environment = { $0 == "STORAGE_EMULATOR_HOST" ? emulator.url : nil }
    self.settings = settings
    store = try openStore("gs://test-bucket/some/place", settings)
  }

  @Test func puttingAndFinding() throws {
    try StoreConformance.putThenFind(store, files)
    try StoreConformance.nothingIsWhereNothingWasPut(store)
    try StoreConformance.emptyAndLargeFiles(store, files)
    try StoreConformance.refusesURLsOfOtherPlaces(store)
  }

  @Test func same() throws { try StoreConformance.sameAgainIsSkipped(store, files) }
  @Test func overwrite() throws { try StoreConformance.overwriteReplaces(store, files) }
  @Test func conflict() throws { try StoreConformance.otherContentIsAConflict(store, files) }
  @Test func unusableSources() throws { try StoreConformance.unusableSources(store, files) }

  @Test func listing() throws { try StoreConformance.listsInOrder(store, files) }
  @Test func readingBack() throws { try StoreConformance.readsBack(store, files) }

  @Test func races() throws {
    try StoreConformance.oneOfManyWins(store, files, rounds: 2)
    try StoreConformance.manyOfTheSame(store, files)
  }

  @Test func theHostMayComeWithoutItsScheme() throws {
    var settings = settings
    let host = String(emulator.url.dropFirst("http://".count))
    settings.environment = { $0 == "STORAGE_EMULATOR_HOST" ? host : nil }
    let store = try openStore("gs://test-bucket", settings)
    #expect(try store.info(at: "gs://test-bucket/nothing") == nil)
  }

  @Test(arguments: ["a?b#c&d=e", "100%", "%2F", "a+b c~d", "日本語/🗂", ".../x"])
  func anyNameComesBack(_ name: String) throws {
    let file = try files.document("x")
    let object = try store.put(
      file, at: try ObjectKey(name), metadata: [:], overwrite: false)
    #expect(try store.info(at: object.url)?.bytes == 1)
  }

  @Test func aMissingBucketEndsTheRun() throws {
    let store = try openStore("gs://no-such-bucket", settings)
    let file = try files.document("x")
    let error = #expect(throws: Fatal.self) {
      _ = try store.put(file, at: try ObjectKey("a"), metadata: [:], overwrite: false)
    }
    #expect(error?.code == .unavailable)
    #expect(error?.message.contains("gs://no-such-bucket") == true)
    let listing = #expect(throws: Fatal.self) { _ = try store.list("").next() }
    #expect(listing?.code == .unavailable)
  }

  /// Google's own client reads what we wrote: any bytes, one piece and several, odd names.
  @Test func theOfficialClientReadsItBack() throws {
    var settings = settings
    settings.cacheControl = "private, max-age=60"
    settings.storageClass = "NEARLINE"
    settings.metadata = ["source": "county"]
    let store = try openStore("gs://test-bucket/some/place", settings)
    let names = ["a b+c~d'(e)\"f.pdf", "é/日本語 100%.pdf", "large.pdf"]
    for (name, size) in zip(names, [257, 70_000, (17 << 20) + 5]) {
      let file = try files.document(bytes: (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 7) })
      let metadata = ["book": "285", "document_type": "AFFIDAVIT  \"T\" é"]
      let object = try store.put(
        file, at: try ObjectKey(name), metadata: metadata, overwrite: false)
      #expect(object.url == "gs://test-bucket/some/place/\(name)")
      #expect(object.generation != nil)
      let seen = try emulator.readBack("some/place/\(name)")
      #expect(seen["sha256"]?.string == object.sha256)
      #expect(seen["content_type"]?.string == "application/pdf")
      #expect(seen["cache_control"]?.string == "private, max-age=60")
      #expect(seen["storage_class"]?.string == "NEARLINE")
      let expected = metadata.merging(["source": "county", "sha256": object.sha256]) { $1 }
      #expect(seen["metadata"] == expected.json)
      #expect(try store.info(at: object.url)?.recordedSHA256 == object.sha256)
    }
  }
}
