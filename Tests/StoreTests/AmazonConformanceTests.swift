import Common
import Glibc
import Support
import Testing

@testable import Store

@Suite("S3, emulated")
struct AmazonConformanceTests {
  private let files: Files
  private let emulator: Emulator
  private let store: any ObjectStore
  private let settings: StoreSettings

  init() throws {
    files = try Files()
    let emulator = try Emulator("s3")
    self.emulator = emulator
    var settings = StoreSettings()
    let environment = [
      "AWS_ENDPOINT_URL": emulator.url, "AWS_ACCESS_KEY_ID": "test",
      "AWS_SECRET_ACCESS_KEY": "test",
    ]
    settings.environment = { environment[$0] }
    self.settings = settings
    store = try openStore("s3://test-bucket/some/place", settings)
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

  @Test(arguments: ["a?b#c&d=e", "100%", "a+b c~d", "日本語/🗂", "it's \"q\""])
  func anyNameComesBack(_ name: String) throws {
    let file = try files.document("x")
    let object = try store.put(file, at: try ObjectKey(name), metadata: [:], overwrite: false)
    #expect(try store.info(at: object.url)?.bytes == 1)
  }

  @Test func aMissingBucketEndsTheRun() throws {
    let store = try openStore("s3://no-such-bucket", settings)
    let file = try files.document("x")
    let error = #expect(throws: Fatal.self) {
      _ = try store.put(file, at: try ObjectKey("a"), metadata: [:], overwrite: false)
    }
    #expect(error?.code == .unavailable)
    #expect(error?.message.contains("s3://no-such-bucket") == true)
    let listing = #expect(throws: Fatal.self) { _ = try store.list("").next() }
    #expect(listing?.code == .unavailable)
  }

  @Test func withoutKeysTheRunDoesNotBegin() {
    let error = #expect(throws: Fatal.self) {
      var settings = StoreSettings()
      settings.environment = { _ in nil }
      _ = try openStore("s3://bucket", settings)
    }
    #expect(error?.code == .permission)
  }

  /// Amazon's own client reads what we wrote: any bytes, one part and several, odd names.
  @Test func theOfficialClientReadsItBack() throws {
    var settings = settings
    settings.cacheControl = "private, max-age=60"
    settings.storageClass = "STANDARD_IA"
    settings.metadata = ["source": "county"]
    let store = try openStore("s3://test-bucket/some/place", settings)
    let names = ["a b+c~d'(e)\"f.pdf", "é/日本語 100%.pdf", "large.pdf"]
    for (name, size) in zip(names, [257, 70_000, (33 << 20) + 5]) {
      let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
        for index in 0..<size { buffer[index] = UInt8(truncatingIfNeeded: index &* 7) }
        count = size
      }
      let file = try files.document(bytes: bytes)
      let metadata = ["book": "285", "document_type": "AFFIDAVIT \"T\""]
      let object = try store.put(
        file, at: try ObjectKey(name), metadata: metadata, overwrite: false)
      #expect(object.url == "s3://test-bucket/some/place/\(name)")
      let seen = try emulator.readBack("some/place/\(name)")
      #expect(seen["sha256"]?.string == object.sha256)
      #expect(seen["content_type"]?.string == "application/pdf")
      #expect(seen["cache_control"]?.string == "private, max-age=60")
      #expect(seen["storage_class"]?.string == "STANDARD_IA")
      let expected = metadata.merging(["source": "county", "sha256": object.sha256]) { $1 }
      for (name, value) in expected { #expect(seen["metadata"]?[name]?.string == value) }
      // Whether in parts or not, it is known again, and there is something for `validate` to compare.
      let again = try store.put(
        file, at: try ObjectKey(name), metadata: metadata, overwrite: false)
      #expect(again.isSkipped)
      let info = try #require(try store.info(at: object.url))
      #expect(info.md5 == object.md5 || info.sha256 == object.sha256)
    }
  }
}
