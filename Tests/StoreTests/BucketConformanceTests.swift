import Common
import Glibc
import Support
import Testing

@testable import Store

/// Everything that a bucket has to do, on each vendor's emulator; the vendors' own clients read it back.
@Suite("Buckets, emulated")
struct BucketConformanceTests {
  /// A vendor.
  enum Vendor: String, Sendable, CaseIterable {
    case gs, s3

    func environment(_ host: String) -> [String: String] {
      switch self {
      case .gs: ["STORAGE_EMULATOR_HOST": host]
      case .s3:
        [
          "AWS_ENDPOINT_URL": host, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
        ]
      }
    }

    var storageClass: String { self == .gs ? "NEARLINE" : "STANDARD_IA" }

    /// More than fits into one request.
    var large: Int { (self == .gs ? 17 << 20 : 33 << 20) + 5 }
  }

  /// A fresh emulator, the fewer requests the better: it slows down as it fills.
  private struct Place {
    let vendor: Vendor
    let emulator: Emulator
    let files: Files
    var settings = StoreSettings()

    init(_ vendor: Vendor) throws {
      self.vendor = vendor
      emulator = try Emulator(vendor.rawValue)
      files = try Files()
      let environment = vendor.environment(emulator.url)
      settings.environment = { environment[$0] }
    }

    func store(_ path: String = "test-bucket/some/place") throws -> any ObjectStore {
      try openStore("\(vendor.rawValue)://\(path)", settings)
    }
  }

  @Test(arguments: Vendor.allCases) func puttingAndFinding(_ vendor: Vendor) throws {
    let place = try Place(vendor)
    let store = try place.store()
    try StoreConformance.putThenFind(store, place.files)
    try StoreConformance.nothingIsWhereNothingWasPut(store)
    try StoreConformance.emptyAndLargeFiles(store, place.files)
    try StoreConformance.refusesURLsOfOtherPlaces(store)
  }

  @Test(arguments: Vendor.allCases) func unusableSources(_ vendor: Vendor) throws {
    let place = try Place(vendor)
    try StoreConformance.unusableSources(try place.store(), place.files)
  }

  @Test(arguments: Vendor.allCases) func againAndOther(_ vendor: Vendor) throws {
    for check in [
      StoreConformance.sameAgainIsSkipped, StoreConformance.overwriteReplaces,
      StoreConformance.otherContentIsAConflict,
    ] {
      let place = try Place(vendor)
      try check(try place.store(), place.files)
    }
  }

  @Test(arguments: Vendor.allCases) func listing(_ vendor: Vendor) throws {
    let place = try Place(vendor)
    try StoreConformance.listsInOrder(try place.store(), place.files)
  }

  @Test(arguments: Vendor.allCases) func readingBack(_ vendor: Vendor) throws {
    let place = try Place(vendor)
    try StoreConformance.readsBack(try place.store(), place.files)
  }

  @Test(arguments: Vendor.allCases) func aCheckLeavesNothing(_ vendor: Vendor) throws {
    let place = try Place(vendor)
    let store = try place.store()
    #expect(try store.check(CheckPlan(writes: false)).warnings.isEmpty)
    let check = try store.check(CheckPlan(writes: true))
    #expect(check.findings.count == (vendor == .s3 ? 4 : 3) && check.warnings.isEmpty, "\(check)")
    #expect(check.findings.contains { $0.contains("in parts") }, "\(check)")
    #expect(try store.list("").next() == nil)
    let missing = #expect(throws: Fatal.self) {
      _ = try place.store("no-such-bucket").check(CheckPlan(writes: true))
    }
    #expect(missing?.code == .unavailable)
  }

  @Test(arguments: Vendor.allCases) func races(_ vendor: Vendor) throws {
    let place = try Place(vendor)
    try StoreConformance.oneOfManyWins(try place.store(), place.files, rounds: 2)
    try StoreConformance.manyOfTheSame(try place.store(), place.files)
  }

  @Test(arguments: Vendor.allCases) func anyNameComesBack(_ vendor: Vendor) throws {
    let place = try Place(vendor)
    let store = try place.store()
    let file = try place.files.document("x")
    var names = ["a?b#c&d=e", "100%", "a+b c~d", "日本語/🗂", "it's \"q\""]
    // What moto makes of these two is not what S3 does; the signatures of such names are in a table.
    if vendor == .gs { names += ["%2F", ".../x"] }
    for name in names {
      let object = try store.put(file, at: try ObjectKey(name), metadata: [:], overwrite: false)
      #expect(try store.info(at: object.url)?.bytes == 1, "\(name)")
    }
  }

  @Test(arguments: Vendor.allCases) func aMissingBucketEndsTheRun(_ vendor: Vendor) throws {
    let place = try Place(vendor)
    let store = try place.store("no-such-bucket")
    let file = try place.files.document("x")
    let error = #expect(throws: Fatal.self) {
      _ = try store.put(file, at: try ObjectKey("a"), metadata: [:], overwrite: false)
    }
    #expect(error?.code == .unavailable)
    #expect(error?.message.contains("\(vendor.rawValue)://no-such-bucket") == true)
    let listing = #expect(throws: Fatal.self) { _ = try store.list("").next() }
    #expect(listing?.code == .unavailable)
  }

  @Test func theHostMayComeWithoutItsScheme() throws {
    var place = try Place(.gs)
    let host = String(place.emulator.url.dropFirst("http://".count))
    place.settings.environment = { $0 == "STORAGE_EMULATOR_HOST" ? host : nil }
    #expect(try place.store().info(at: "gs://test-bucket/some/place/nothing") == nil)
  }

  @Test func withoutKeysOfS3TheRunDoesNotBegin() {
    var settings = StoreSettings()
    settings.environment = { $0 == "AWS_EC2_METADATA_DISABLED" ? "true" : nil }
    let none = settings
    let error = #expect(throws: Fatal.self) { _ = try openStore("s3://bucket", none) }
    #expect(error?.code == .permission)
  }

  /// The vendor's own client reads what we wrote: any bytes, one chunk and several, odd names.
  @Test(arguments: Vendor.allCases) func theOfficialClientReadsItBack(_ vendor: Vendor) throws {
    var place = try Place(vendor)
    place.settings.cacheControl = "private, max-age=60"
    place.settings.storageClass = vendor.storageClass
    // The document's own word counts, however the operator writes the name.
    place.settings.metadata = ["source": "county", "Book": "another", "Document-Type": "x"]
    let store = try place.store()
    let metadata = [
      "book": "285", "document_type": "AFFIDAVIT \"T\"" + (vendor == .gs ? " é" : ""),
    ]
    let names = ["a b+c~d'(e)\"f.pdf", "é/日本語 100%.pdf", "large.pdf"]
    for (name, size) in zip(names, [257, 70_000, vendor.large]) {
      let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
        for index in 0..<size { buffer[index] = UInt8(truncatingIfNeeded: index &* 7) }
        count = size
      }
      let file = try place.files.document(bytes: bytes)
      let key = try ObjectKey(name)
      let object = try store.put(file, at: key, metadata: metadata, overwrite: false)
      #expect(object.url == "\(vendor.rawValue)://test-bucket/some/place/\(name)")
      #expect((object.generation != nil) == (vendor == .gs))
      let seen = try place.emulator.readBack("some/place/\(name)")
      #expect(seen["sha256"]?.string == object.sha256)
      #expect(seen["content_type"]?.string == "application/pdf")
      #expect(seen["cache_control"]?.string == "private, max-age=60")
      #expect(seen["storage_class"]?.string == vendor.storageClass)
      let expected = metadata.merging(["source": "county", "sha256": object.sha256]) { $1 }
      for (name, value) in expected {
        // Proxies drop header fields with an underscore.
        let name = vendor == .s3 ? name.replacing("_", with: "-") : name
        #expect(seen["metadata"]?[name]?.string == value)
      }
      #expect(seen["metadata"]?["Book"] == nil)
      // Whether in parts or not, it is known again, and there is something for `validate` to compare.
      #expect(try store.put(file, at: key, metadata: metadata, overwrite: false).isSkipped)
      let info = try #require(try store.info(at: object.url))
      #expect(info.md5 == object.md5 || info.sha256 == object.sha256)
      #expect(info.recordedSHA256 == object.sha256)
    }
  }
}
