import Common
import Glibc
import Logging
import Support
import Synchronization
import Testing

@testable import Store

/// Who we are to Google: keys, tokens, and that nobody else learns of them (promise P13).
@Suite("Credentials for Google Cloud Storage")
struct CredentialTests {
  private let files: Files
  private let account: Python
  private let key: JSON

  init() throws {
    files = try Files()
    account = try Python("account.py", [])
    key = try JSON(parsing: try account.line())
  }

  private func keyFile(_ tokenURL: String, mode: mode_t = 0o600) throws -> String {
    var object = try #require(key.object)
    object["token_uri"] = .string(tokenURL)
    let path = try files.document(JSON.object(object).description).path
    chmod(path, mode)
    return path
  }

  private func store(_ fake: FakeGoogle, log: Int32? = nil) throws -> GoogleStore {
    let path = try keyFile(fake.url + "/token")
    var settings = StoreSettings()
    settings.retry = RetryPolicy(retries: 3, base: 0)
    settings.environment = { $0 == "GOOGLE_APPLICATION_CREDENTIALS" ? path : nil }
    if let log {
      let handler = LineLog(tool: "upload", targets: [.init(descriptor: log, level: .trace)])
      settings.logger = Logger(label: "test") { _ in handler }
    }
    let bucket = try BucketURL("gs://bucket", scheme: "gs")
    return GoogleStore(
      try GoogleService(bucket, settings, base: fake.url, try GoogleIdentity.find(settings)),
      chunk: 256 << 10)
  }

  private func put(_ store: GoogleStore, _ size: Int, as key: String = "key") throws {
    let file = try files.document(String(repeating: "x", count: size))
    _ = try store.put(file, at: try ObjectKey(key), metadata: [:], overwrite: false)
  }

  @Test func aTokenIsAskedForOnceWithASignatureThatGooglesLibraryAccepts() throws {
    let fake = try FakeGoogle(.init(needsToken: true))
    let store = try store(fake)
    for name in ["a", "b", "c"] { try put(store, 700_000, as: name) }
    #expect(fake.with { $0.tokens } == 1)
    let grant = fake.with { $0.received.first { $0.path == "/token" }?.body ?? [] }
    let form = String(decoding: grant, as: UTF8.self)
    #expect(form.hasPrefix("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&"))
    account.write(String(form.split(separator: "=").last ?? ""))
    let seen = try JSON(parsing: try account.line())
    #expect(seen["valid"]?.bool == true)
    #expect(seen["claims"]?["iss"]?.string == "robot@example.iam.gserviceaccount.com")
    #expect(seen["claims"]?["aud"]?.string == fake.url + "/token")
    let issued = try #require(seen["claims"]?["iat"]?.int)
    #expect(abs(issued - Int(Time.wall() / 1_000_000_000)) < 60)
    #expect(seen["claims"]?["exp"]?.int == issued + 3600)
  }

  /// 401 at any request, that for a token included (which is number 1).
  @Test(arguments: 2...6)
  func aTokenThatIsRefusedIsRenewedOnce(_ number: Int) throws {
    let fake = try FakeGoogle(
      .init(fault: { $0 == number ? .unauthorized : nil }, needsToken: true))
    try put(try store(fake), 700_000)
    #expect(fake.with { $0.tokens } == 2)
    #expect(fake.with { $0.objects["key"]?.content.count } == 700_000)
  }

  @Test(arguments: 1...6)
  func aTokenThatIsAlwaysRefusedEndsTheRunWithoutShowingIt(_ first: Int) throws {
    let fake = try FakeGoogle(
      .init(fault: { $0 >= first ? .unauthorized : nil }, needsToken: true))
    let store = try store(fake)
    let error = #expect(throws: Fatal.self) { try put(store, 700_000) }
    #expect(error?.code == .permission)
    expectNoSecret(in: error, store)
  }

  /// Every kind of trouble: none of it shows a token or the key.
  @Test(arguments: Fault.allCases)
  func noErrorAndNoLogShowsASecret(_ fault: Fault) throws {
    let path = files.directory + "/log"
    let log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
    defer { close(log) }
    for first in 1...4 {
      let fake = try FakeGoogle(.init(fault: { $0 >= first ? fault : nil }, needsToken: true))
      let store = try store(fake, log: log)
      do { try put(store, 700_000) } catch { expectNoSecret(in: error, store) }
    }
    let text = try files.text(path)
    let waits = [.unavailable, .tooMany, .resetAfterBody, .resetBeforeBody].contains(fault)
    #expect(text.contains("Retrying in") || !waits)
    expectNoSecret(in: text)
  }

  private func expectNoSecret(in error: (any Error)?, _ store: GoogleStore) {
    var text = error.map { "\($0) \(String(reflecting: $0))" } ?? ""
    dump(error, to: &text)
    dump(store, to: &text)
    expectNoSecret(in: text)
  }

  private func expectNoSecret(in text: String) {
    let pem = key["private_key"]?.string ?? ""
    #expect(!text.contains("canary-token"), "\(text)")
    for line in pem.split(separator: "\n").dropFirst() { #expect(!text.contains(line)) }
  }

  @Test(arguments: [(mode_t(0o600), true), (0o640, true), (0o604, false), (0o644, false)])
  func aKeyThatEverybodyCanReadIsRefused(_ mode: mode_t, _ isTaken: Bool) throws {
    let path = try keyFile("https://oauth2.googleapis.com/token", mode: mode)
    if isTaken {
      _ = try identity(path)
    } else {
      let error = #expect(throws: Fatal.self) { _ = try identity(path) }
      #expect(error?.code == .permission)
      #expect(error?.message.contains("chmod 600") == true)
    }
  }

  @Test(arguments: ["http://example.org/token", "ftp://example.org/", "x"])
  func aKeyIsNotSentUnencrypted(_ url: String) throws {
    let path = try keyFile(url)
    #expect(throws: Fatal.self) { _ = try identity(path) }
  }

  private func identity(_ path: String) throws -> GoogleIdentity {
    var settings = StoreSettings()
    settings.environment = { $0 == "GOOGLE_APPLICATION_CREDENTIALS" ? path : nil }
    return try GoogleIdentity.find(settings)
  }

  /// Google's machines have a server that gives tokens; the clock decides when it is asked again.
  @Test func aTokenIsRenewedBeforeItEnds() throws {
    let asked = Atomic<Int>(0)
    let server = try StoreServer(
      breaks: { _ in false },
      react: { request in
        guard request.headers["metadata-flavor"] == "Google" else { return .answer(403) }
        let number = asked.add(1, ordering: .relaxed).newValue
        // The second renewal fails for good; the old token holds for a while.
        if number > 2 { return .answer(503) }
        return .answer(
          200, [:], Array(#"{"access_token":"t\#(number)","expires_in":3600}"#.utf8))
      })
    var settings = StoreSettings()
    settings.retry = RetryPolicy(retries: 0, base: 0)
    let host = String(server.url.dropFirst("http://".count))
    settings.environment = { $0 == "GCE_METADATA_HOST" ? host : nil }
    let clock = Mutex<Int64>(0)
    let tokens = LiveCredentials(
      try GoogleIdentity.find(settings).source, StoreGate("gs://bucket", settings),
      now: { clock.withLock { $0 } })
    for (seconds, expected) in [
      (0, "t1"), (3299, "t1"), (3301, "t2"), (6500, "t2"), (6602, "t2"), (6800, "t2"),
    ] as [(Int64, String)] {
      clock.withLock { $0 = seconds * 1_000_000_000 }
      #expect(try tokens.current().reveal() == expected, "after \(seconds) s")
    }
    clock.withLock { $0 = 7000 * 1_000_000_000 }
    #expect(throws: RecordError.self) { _ = try tokens.current() }
  }

  @Test func withoutCredentialsTheRunEndsWithWhatToDo() throws {
    var settings = StoreSettings()
    settings.retry = RetryPolicy(retries: 3, base: 0)
    settings.environment = { $0 == "GCE_METADATA_HOST" ? "127.0.0.1:1" : nil }
    let store = try openStore("gs://bucket", settings)
    let error = #expect(throws: Fatal.self) { _ = try store.info(at: "gs://bucket/a") }
    #expect(error?.code == .permission)
    #expect(error?.message.contains("GOOGLE_APPLICATION_CREDENTIALS") == true)
  }

  /// That tokens came does not mean that the store was ever there.
  @Test func aStoreThatNeverWasThereEndsTheRunThoughTokensCome() throws {
    let fake = try FakeGoogle(.init(needsToken: true))
    let path = try keyFile(fake.url + "/token")
    var settings = StoreSettings()
    settings.retry = RetryPolicy(retries: 3, base: 0)
    settings.outages = OutagePolicy(limitBeforeAnythingGood: 0)
    settings.environment = { $0 == "GOOGLE_APPLICATION_CREDENTIALS" ? path : nil }
    let store = GoogleStore(
      try GoogleService(
        try BucketURL("gs://bucket", scheme: "gs"), settings, base: "http://127.0.0.1:1",
        try GoogleIdentity.find(settings)))
    let error = #expect(throws: Fatal.self) { try put(store, 1) }
    #expect(error?.code == .unavailable)
    #expect(fake.with { $0.tokens } == 1)
    expectNoSecret(in: error, store)
  }

  @Test func aSecretShowsNothing() {
    let secret = Secret("canary")
    var text = "\(secret) \(String(reflecting: secret)) \([secret]) \(Optional(secret) as Any)"
    dump(secret, to: &text)
    #expect(!text.contains("canary"))
    #expect(secret.hidden(in: "Bearer canary!") == "Bearer ***!")
  }
}
