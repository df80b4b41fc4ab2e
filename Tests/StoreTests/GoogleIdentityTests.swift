import Common
import Glibc
import Support
import Synchronization
import Testing

@testable import Store

/// Who we are to Google: each kind of credentials, as Google's own library reads it.
@Suite("Identities for Google Cloud Storage")
struct GoogleIdentityTests {
  private let files: Files

  init() throws { files = try Files() }

  enum Kind: String, CaseIterable, Sendable {
    case key, login, external, externalFile, externalJSON, externalURL, externalProgram,
      externalImpersonated, impersonatedLogin, impersonatedKey, metadata
  }

  private func save(_ json: JSON, _ name: String, mode: mode_t = 0o600) throws -> String {
    let path = "\(files.directory)/\(name)"
    try Files.write(json.description, to: path)
    chmod(path, mode)
    return path
  }

  private func external(
    _ server: String, _ source: JSONObject, impersonates: Bool = false
  ) -> JSON {
    .object([
      "type": .string("external_account"), "audience": .string("//iam.googleapis.com/pool"),
      "subject_token_type": .string("urn:ietf:params:oauth:token-type:jwt"),
      "token_url": .string("\(server)/sts"), "credential_source": .object(source),
      "service_account_impersonation_url": impersonates ? .string(Self.impersonation(server)) : nil,
    ])
  }

  private static func impersonation(_ server: String) -> String {
    "\(server)/v1/projects/-/serviceAccounts/\(IdentityServer.account):generateAccessToken"
  }

  private static func login(_ server: String) -> JSON {
    .object([
      "type": .string("authorized_user"), "client_id": .string("client"),
      "client_secret": .string("canary-client"), "refresh_token": .string("canary-refresh"),
      "token_uri": .string("\(server)/token"),
    ])
  }

  private func key(_ server: String) throws -> JSON {
    let account = try Python("account.py", [])
    var object = try #require(try JSON(parsing: try account.line()).object)
    object["token_uri"] = .string("\(server)/token")
    return .object(object)
  }

  /// The variables that lead to credentials of a kind, whose servers are one.
  private func environment(_ kind: Kind, _ server: IdentityServer) throws -> [String: String] {
    let url = server.url
    let subject = "\(files.directory)/subject"
    try Files.write("canary-subject", to: subject)
    // As a platform mounts it, for all.
    chmod(subject, 0o644)
    let json: JSON
    switch kind {
    case .metadata: return ["GCE_METADATA_HOST": server.host]
    case .key: json = try key(url)
    case .login: json = Self.login(url)
    case .external, .externalFile: json = external(url, ["file": .string(subject)])
    case .externalJSON:
      let path = try save(
        .object(["token": .string("canary-subject")]), "subject.json", mode: 0o644)
      json = external(
        url,
        [
          "file": .string(path),
          "format": .object([
            "type": .string("json"), "subject_token_field_name": .string("token"),
          ]),
        ])
    case .externalURL:
      json = external(
        url,
        [
          "url": .string("\(url)/subject"), "headers": .object(["X-Give": .string("me")]),
          "format": .object([
            "type": .string("json"), "subject_token_field_name": .string("id_token"),
          ]),
        ])
    case .externalProgram:
      let answer =
        #"{"version":1,"success":true,"token_type":"urn:ietf:params:oauth:token-type:jwt","#
        + #""id_token":"canary-subject","expiration_time":9999999999}"#
      let script = "\(files.directory)/give"
      try Files.write(
        "#!/bin/sh\n[ \"$GOOGLE_EXTERNAL_ACCOUNT_AUDIENCE\" = //iam.googleapis.com/pool ] && [ \"$1\" = a ]"
          + " && echo '\(answer)'\n", to: script)
      chmod(script, 0o700)
      json = external(
        url,
        [
          "executable": .object([
            "command": .string("\(script) a"), "timeout_millis": .int(30_000),
          ])
        ])
    case .externalImpersonated:
      json = external(url, ["file": .string(subject)], impersonates: true)
    case .impersonatedLogin, .impersonatedKey:
      json = .object([
        "type": .string("impersonated_service_account"),
        "service_account_impersonation_url": .string(Self.impersonation(url)),
        "delegates": .array([.string("between@example.org")]),
        "source_credentials": kind == .impersonatedKey ? try key(url) : Self.login(url),
      ])
    }
    return [
      "GOOGLE_APPLICATION_CREDENTIALS": try save(json, "credentials.json"),
      "GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES": "1",
    ]
  }

  private func settings(_ environment: [String: String], log: Int32? = nil) -> StoreSettings {
    .identified(by: environment, log: log)
  }

  private func credentials(_ settings: StoreSettings) throws -> LiveCredentials<Secret> {
    LiveCredentials(
      try GoogleIdentity.find(settings).source, StoreGate("gs://bucket", settings))
  }

  @Test(arguments: Kind.allCases)
  func itIsTakenAsGooglesLibraryTakesIt(_ kind: Kind) throws {
    let server = try IdentityServer()
    let environment = try environment(kind, server)
    let ours = try credentials(settings(environment)).current().reveal()
    #expect(ours == "canary-token-\(server.with { $0.given })")
    let asked = server.with { $0.received }
    let python = try Python("official.py", [])
    python.write(
      JSON.object([
        "kind": .string("gs"), "environment": environment.json, "server": .string(server.url),
      ]).description)
    let theirs = try JSON(parsing: try python.line())
    #expect(theirs["token"]?.string == "canary-token-\(server.with { $0.given })", "\(theirs)")
    // What decides is the same in both: who asks for whom, and for what.
    let after = server.with { $0.received }.dropFirst(asked.count)
    for request in asked where request.method == "POST" {
      let other = try #require(after.first { $0.path == request.path }, "\(request.path)")
      for name in ["grant_type", "audience", "requested_token_type", "subject_token_type", "scope"]
      {
        let (mine, its) = (IdentityServer.form(request)[name], IdentityServer.form(other)[name])
        // A refreshed log-in may leave out what it was granted for.
        if kind == .login || kind == .impersonatedLogin, name == "scope" { continue }
        #expect(mine == its, "\(name)")
      }
      if let json = try? JSON(parsing: request.body) {
        let its = try JSON(parsing: other.body)
        #expect(json["scope"] == its["scope"] && json["lifetime"] == its["lifetime"])
        #expect((json["delegates"]?.array ?? []) == (its["delegates"]?.array ?? []))
      }
    }
  }

  /// The store takes each token for ten requests, and says so by 401 as it does: the run goes on with others.
  @Test(arguments: Kind.allCases)
  func aTokenThatEndsInMidRunIsRenewed(_ kind: Kind) throws {
    let server = try IdentityServer()
    let uses = Mutex<[String: Int]>([:])
    let fake = try FakeGoogle(
      .init(takes: { authorization in
        uses.withLock {
          $0[authorization, default: 0] += 1
          return authorization.hasPrefix("Bearer canary-token-")
            && $0[authorization, default: 0] <= 10
        }
      }))
    let path = "\(files.directory)/log"
    let log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
    defer { close(log) }
    let settings = settings(try environment(kind, server), log: log)
    let store = GoogleStore(
      try GoogleService(
        try BucketURL("gs://bucket", scheme: "gs"), settings, base: fake.url,
        try GoogleIdentity.find(settings)))
    for number in 0..<20 {
      let file = try files.document("document \(number)")
      _ = try store.put(file, at: try ObjectKey("\(number)"), metadata: [:], overwrite: false)
    }
    #expect(fake.with { $0.objects.count } == 20)
    #expect(uses.withLock { $0.count } >= 4)
    #expect(!(try files.text(path)).contains("canary"))
  }

  /// The server of tokens says no, and repeats what it was sent: the run ends with who it is and what to do.
  @Test(arguments: Kind.allCases)
  func aRefusalEndsTheRunWithoutShowingAnything(_ kind: Kind) throws {
    let server = try IdentityServer { request in
      if request.path == "/subject" { return nil }
      let echo = request.headers.values.joined(separator: " ") + IdentityServer.text(request)
      let json = JSON.object([
        "error": .string("invalid_grant"), "error_description": .string("Bad: \(echo)"),
      ])
      return .answer(request.method == "GET" ? 403 : 400, [:], json.serialized())
    }
    let credentials = try credentials(settings(try environment(kind, server)))
    let error = #expect(throws: Fatal.self) { _ = try credentials.current() }
    #expect(error?.code == .permission)
    #expect(error?.message.contains("gets no credentials") == true, "\(String(describing: error))")
    #expect(error?.message.contains("invalid_grant") == true)
    #expect(error?.message.contains("canary") == false, "\(String(describing: error))")
    #expect(error?.message.contains("PRIVATE") == false)
  }

  @Test(
    arguments: [
      ([:], [], .metadataServer(host: "metadata.google.internal")),
      (["GCE_METADATA_HOST": "h"], [], .metadataServer(host: "h")),
      (
        ["HOME": "/h"], ["/h/.config/gcloud/application_default_credentials.json"],
        .file(
          "/h/.config/gcloud/application_default_credentials.json",
          how: "which gcloud auth application-default login makes")
      ),
      (
        ["HOME": "/h", "CLOUDSDK_CONFIG": "/c"], ["/c/application_default_credentials.json"],
        .file(
          "/c/application_default_credentials.json",
          how: "which gcloud auth application-default login makes")
      ),
      (
        ["HOME": "/h", "CLOUDSDK_CONFIG": "/c"],
        ["/h/.config/gcloud/application_default_credentials.json"],
        .metadataServer(host: "metadata.google.internal")
      ),
      (
        ["HOME": "/h", "GOOGLE_APPLICATION_CREDENTIALS": "/k"],
        ["/h/.config/gcloud/application_default_credentials.json"],
        .file("/k", how: "which GOOGLE_APPLICATION_CREDENTIALS names")
      ),
    ] as [([String: String], Set<String>, GooglePlace)])
  func theSearchHasAnOrder(
    _ environment: [String: String], _ there: Set<String>, _ expected: GooglePlace
  ) {
    #expect(
      GooglePlace.search({ environment[$0] }, isThere: { there.contains($0) }) == expected)
  }

  /// The server of a new machine or pod comes late: it is not there, says 503 or 404, and then it answers.
  @Test(arguments: [404, 429, 503])
  func aMetadataServerMayBeStarting(_ status: Int) throws {
    let count = Atomic<Int>(0)
    let server = try IdentityServer { _ in
      count.add(1, ordering: .relaxed).newValue <= 3 ? .answer(status) : nil
    }
    let settings = settings(["GCE_METADATA_HOST": server.host])
    #expect(try credentials(settings).current().reveal() == "canary-token-1")
  }

  @Test(
    arguments: [
      ("", ToolExit.configuration, "no JSON object"),
      ("[]", .configuration, "no JSON object"),
      ("{}", .configuration, "type"),
      (#"{"type":"other"}"#, .configuration, "external_account"),
      (#"{"type":"service_account"}"#, .configuration, "client_email"),
      (#"{"type":"authorized_user","client_id":"a"}"#, .configuration, "client_secret"),
      (
        #"{"type":"authorized_user","client_id":"a","client_secret":"b","refresh_token":"c","token_uri":"http://h/"}"#,
        .configuration, "token_uri that is not https"
      ),
      (
        #"{"type":"external_account","audience":"a","subject_token_type":"t","token_url":"https://h/","credential_source":{"environment_id":"aws1"}}"#,
        .configuration, "credential_source"
      ),
      (
        #"{"type":"external_account","audience":"a","subject_token_type":"t","token_url":"https://h/","credential_source":{"executable":{"command":"x"}}}"#,
        .configuration, "GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES=1"
      ),
      (
        #"{"type":"external_account","audience":"a","subject_token_type":"t","token_url":"http://h/","credential_source":{"file":"/x"}}"#,
        .configuration, "token_url that is not https"
      ),
      (
        #"{"type":"impersonated_service_account","service_account_impersonation_url":"https://h/x","source_credentials":{"type":"x"}}"#,
        .configuration, "source_credentials of"
      ),
    ])
  func whatIsWrongInAFileIsSaid(_ text: String, _ code: ToolExit, _ words: String) throws {
    let path = try files.document(text).path
    chmod(path, 0o600)
    let error = #expect(throws: Fatal.self) {
      _ = try GoogleIdentity.find(settings(["GOOGLE_APPLICATION_CREDENTIALS": path]))
    }
    #expect(error?.code == code, "\(String(describing: error))")
    #expect(error?.message.contains(words) == true, "\(String(describing: error))")
  }

  /// chmod(1) does not help where Kubernetes mounts a secret: as links into a folder whose name begins with
  /// two dots.
  @Test func aMountedSecretGetsAdviceThatCanBeFollowed() throws {
    let folder = "\(files.directory)/secret"
    mkdir(folder, 0o755)
    mkdir("\(folder)/..2026_11_26_10_00_00.1", 0o755)
    symlink("..2026_11_26_10_00_00.1", "\(folder)/..data")
    symlink("..data/key.json", "\(folder)/key.json")
    let real = "\(folder)/..2026_11_26_10_00_00.1/key.json"
    try Files.write(Self.login("http://127.0.0.1:1").description, to: real)
    for (mode, isTaken) in [(0o644, false), (0o444, false), (0o440, true), (0o400, true)] {
      chmod(real, mode_t(mode))
      let settings = settings(["GOOGLE_APPLICATION_CREDENTIALS": "\(folder)/key.json"])
      if isTaken {
        _ = try GoogleIdentity.find(settings)
        continue
      }
      let error = #expect(throws: Fatal.self) { _ = try GoogleIdentity.find(settings) }
      #expect(error?.message.contains("defaultMode: 0400") == true, "\(String(describing: error))")
      #expect(error?.message.contains("fsGroup") == true)
      #expect(error?.message.contains("chmod 600") == false)
    }
  }

  /// The project that pays stands in each request, whoever names it.
  @Test(arguments: [true, false])
  func theRequesterPays(_ isInFile: Bool) throws {
    let server = try IdentityServer()
    let fake = try FakeGoogle(.init(takes: { _ in true }))
    var file = try #require(Self.login(server.url).object)
    if isInFile { file["quota_project_id"] = .string("my project") }
    var environment = [
      "GOOGLE_APPLICATION_CREDENTIALS": try save(.object(file), "login.json")
    ]
    if !isInFile { environment["GOOGLE_CLOUD_QUOTA_PROJECT"] = "my project" }
    let settings = settings(environment)
    let store = GoogleStore(
      try GoogleService(
        try BucketURL("gs://bucket", scheme: "gs"), settings, base: fake.url,
        try GoogleIdentity.find(settings)), chunk: 256 << 10)
    for size in [10, 600_000] {
      let file = try files.document(String(repeating: "x", count: size))
      _ = try store.put(file, at: try ObjectKey("\(size)"), metadata: [:], overwrite: false)
    }
    let requests = fake.with { $0.received }
    #expect(requests.count >= 6)
    #expect(requests.allSatisfy { $0.query("userProject") == "my%20project" })
  }

  @Test func aCheckSaysWhoItIs() throws {
    let server = try IdentityServer()
    let fake = try FakeGoogle(.init(takes: { _ in true }))
    let settings = settings(try environment(.impersonatedLogin, server))
    let store = GoogleStore(
      try GoogleService(
        try BucketURL("gs://bucket", scheme: "gs"), settings, base: fake.url,
        try GoogleIdentity.find(settings)))
    let check = try store.check(CheckPlan(writes: true))
    let who = try #require(check.findings.first)
    #expect(who.contains(IdentityServer.account), "\(who)")
    #expect(who.contains("credentials.json") && who.contains("GOOGLE_APPLICATION_CREDENTIALS"))
  }
}
