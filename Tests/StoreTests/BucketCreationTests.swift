import Common
import Support
import Synchronization
import Testing

@testable import Store

/// `--create-bucket`: what is made, that it is said, and that nothing is made twice.
@Suite("Making buckets")
struct BucketCreationTests {
  private func settings(_ environment: [String: String]) -> StoreSettings {
    var settings = StoreSettings()
    settings.retry = RetryPolicy(retries: 2, base: 0)
    settings.environment = { environment[$0] }
    return settings
  }

  @Test func atGoogles() throws {
    let emulator = try Emulator("gs")
    let settings = settings([
      "STORAGE_EMULATOR_HOST": emulator.url, "GOOGLE_CLOUD_PROJECT": "a-project",
    ])
    #expect(try openStore("gs://test-bucket", settings).create() == nil)
    let store = try openStore("gs://new-bucket/place", settings)
    let made = try store.create()
    #expect(
      made == "gs://new-bucket in US; its objects become NEARLINE after 30 days, "
        + "COLDLINE after 90 days")
    #expect(try store.create() == nil)
    let files = try Files()
    let file = try files.document("x")
    _ = try store.put(file, at: try ObjectKey("k"), metadata: [:], overwrite: false)
  }

  /// The emulator forgets lifecycles, so what is asked for is looked at on its way.
  @Test func theLifecycleThatGoogleIsAskedFor() throws {
    let bodies = Mutex<[JSON]>([])
    let server = try StoreServer { request in
      guard request.method == "POST" else { return .answer(404) }
      #expect(request.target == "/storage/v1/b?project=a-project")
      bodies.withLock { $0.append((try? JSON(parsing: request.body)) ?? .null) }
      return .answer(200, [:], Array("{}".utf8))
    }
    var settings = settings([
      "STORAGE_EMULATOR_HOST": server.url, "GOOGLE_CLOUD_PROJECT": "a-project",
    ])
    settings.location = "EUROPE-WEST1"
    _ = try openStore("gs://new-bucket", settings).create()
    let rules = #"""
      {"rule":[{"action":{"type":"SetStorageClass","storageClass":"NEARLINE"},
      "condition":{"age":30,"matchesStorageClass":["STANDARD"]}},
      {"action":{"type":"SetStorageClass","storageClass":"COLDLINE"},
      "condition":{"age":90,"matchesStorageClass":["STANDARD","NEARLINE"]}}]}
      """#
    let body = try #require(bodies.withLock { $0.first })
    #expect(body["lifecycle"] == (try JSON(parsing: Array(rules.utf8))))
    #expect(body["location"]?.string == "EUROPE-WEST1")
    #expect(body["name"]?.string == "new-bucket")
  }

  @Test(arguments: ["us-east-1", "eu-west-1"]) func atAmazons(_ region: String) throws {
    let emulator = try Emulator("s3")
    let settings = settings([
      "AWS_ENDPOINT_URL": emulator.url, "AWS_ACCESS_KEY_ID": "test",
      "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": region,
    ])
    #expect(try openStore("s3://test-bucket", settings).create() == nil)
    let store = try openStore("s3://new-bucket", settings)
    #expect(
      try store.create() == "s3://new-bucket in \(region); its objects become "
        + "STANDARD_IA after 30 days, GLACIER_IR after 90 days")
    #expect(try store.create() == nil)
    // As Amazon's own client reads it.
    let seen = try emulator.lifecycle(of: "new-bucket")
    #expect(seen["transitions"]?.description == #"[[30,"STANDARD_IA"],[90,"GLACIER_IR"]]"#)
    #expect(seen["days_of_parts"]?.int == 7)
    #expect(seen["location"]?.string == (region == "us-east-1" ? nil : region))
  }

  @Test func aDirectory() throws {
    let files = try Files()
    let store = try openStore("\(files.directory)/a/b")
    #expect(try store.create() == "the directory \(files.directory)/a/b")
    #expect(try store.create() == nil)
  }

  @Test func withoutAProjectThereIsNothingToMakeItIn() throws {
    let server = try StoreServer { _ in .answer(404) }
    let store = try openStore("gs://new-bucket", settings(["STORAGE_EMULATOR_HOST": server.url]))
    let error = #expect(throws: Fatal.self) { _ = try store.create() }
    #expect(error?.message.contains("GOOGLE_CLOUD_PROJECT") == true)
  }

  @Test func whatWeMayNotMakeEndsTheRun() throws {
    for (url, role) in [
      ("gs://new-bucket", "roles/storage.admin"), ("s3://new-bucket", "s3:CreateBucket"),
    ] {
      let server = try StoreServer {
        $0.method == "POST" || $0.method == "PUT" ? .answer(403) : .answer(404)
      }
      let store = try openStore(
        url,
        settings([
          "STORAGE_EMULATOR_HOST": server.url, "GOOGLE_CLOUD_PROJECT": "a-project",
          "AWS_ENDPOINT_URL": server.url, "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b",
        ]))
      let error = #expect(throws: Fatal.self) { _ = try store.create() }
      #expect(error?.code == .permission)
      #expect(error?.message.contains(role) == true, "\(String(describing: error))")
    }
  }
}
