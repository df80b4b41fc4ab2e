import Common
import Foundation
import Support
import Synchronization
import Testing

/// Promise P13 and the ends that a store can force, through the built `upload`: keys and tokens are
/// canaries, which are searched for wherever they could get out.
@Suite("upload, its secrets and its last words")
struct StoreSecretsTests {
  private static let token = "canary-token"
  private let folder: TemporaryDirectory

  init() throws {
    folder = try TemporaryDirectory()
    for number in 1...6 { try folder.write("document \(number)", to: "\(number).pdf") }
    try folder.write(String(repeating: "x", count: 9 << 20), to: "large.pdf")
  }

  /// Command lines of all processes of this machine that hold a canary: looked for at each request.
  private final class Watch: Sendable {
    let found = Mutex<[String]>([])

    func look(for canaries: [String]) {
      let processes = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
      for process in processes where process.allSatisfy(\.isNumber) {
        for name in ["cmdline", "comm"] {
          let bytes = FileManager.default.contents(atPath: "/proc/\(process)/\(name)") ?? Data()
          let text = String(decoding: bytes, as: UTF8.self)
          if canaries.contains(where: text.contains) { found.withLock { $0.append(text) } }
        }
      }
    }
  }

  /// What a store does, told the number of the request.
  private typealias Script = @Sendable (Received) -> Reaction

  /// Every kind of trouble in turn, each with an echo of whatever proves who we are.
  private static func troubled(_ request: Received) -> Reaction {
    let proof = ["authorization", "x-amz-security-token"].compactMap { request.headers[$0] }
    let echo = proof.joined(separator: " ")
    let body = Array("<Error><Code>Trouble</Code><Message>\(echo)</Message></Error>".utf8)
    switch request.number % 6 {
    case 0: return .answer(503, ["Retry-After": "0"], body)
    case 1: return .reset
    case 2: return .answer(400, [:], body)
    case 3: return .answer(429, [:], body)
    case 4: return .answer(412, [:], body)
    default: return .answer(500, [:], body)
    }
  }

  private func upload(
    to url: String, _ environment: [String: String], canaries: [String],
    documents: [String] = (1...6).map { "\($0).pdf" } + ["large.pdf"], _ script: @escaping Script
  ) throws -> Finished {
    let watch = Watch()
    let server = try StoreServer { request in
      watch.look(for: canaries)
      return script(request)
    }
    let host = String(server.url.dropFirst("http://".count))
    let end = try run(
      "upload",
      [
        "--from-list", "--to", url, "--retries", "2", "--retry-base", "0", "--log-level", "trace",
        "--log-file", "\(folder.path)/log", "--workers", "2",
      ], lines: documents, environment: environment.mapValues { $0.replacing("HOST", with: host) },
      directory: folder.path)
    #expect(watch.found.withLock { $0 } == [])
    let log = FileManager.default.contents(atPath: "\(folder.path)/log") ?? Data()
    for canary in canaries {
      #expect(!end.text.contains(canary), "\(end)")
      #expect(!end.errors.contains(canary), "\(end)")
      #expect(!String(decoding: log, as: UTF8.self).contains(canary))
    }
    // Nothing else was left behind: no state, no cache, no dump.
    let left = Files.all(in: folder.path).filter { !$0.hasSuffix(".pdf") && $0 != "log" }
    #expect(left.allSatisfy { $0 == "key.json" }, "\(left)")
    return end
  }

  /// The key of a service account, made for the test, with all lines of its private key.
  private func serviceAccount(_ server: String) throws -> (path: String, lines: [String]) {
    let made = try run("/usr/bin/openssl", ["genrsa", "2048"])
    #expect(made.code == 0, "\(made.errors)")
    let account = JSON.object([
      "type": .string("service_account"), "client_email": .string("robot@example.org"),
      "private_key": .string(made.text), "token_uri": .string("\(server)/token"),
    ])
    try folder.write(account.description, to: "key.json")
    chmod("\(folder.path)/key.json", 0o600)
    return ("\(folder.path)/key.json", made.lines.filter { !$0.hasPrefix("-----") })
  }

  @Test func aServiceAccountsKeyAndTokenStayInside() throws {
    let server = try StoreServer { request in
      let echo = String(decoding: request.body, as: UTF8.self)
      let json = #"{"error":"invalid_grant","error_description":"\#(echo.prefix(100))"}"#
      return .answer(400, [:], Array(json.utf8))
    }
    let (path, lines) = try serviceAccount(server.url)
    let end = try upload(
      to: "gs://some-bucket", ["GOOGLE_APPLICATION_CREDENTIALS": path], canaries: lines
    ) { _ in .answer(500) }
    #expect(end.code == ToolExit.permission.rawValue, "\(end)")
    #expect(
      end.errors.contains("robot@example.org") && end.errors.contains("gets no credentials"),
      "\(end)")
  }

  /// The key signs, the token is there, and the way to Google is blocked by a proxy that is down.
  @Test func aTokenStaysInsideWhereTheStoreIsNotReached() throws {
    let tokens = try StoreServer { _ in
      .answer(200, [:], Array(#"{"access_token":"\#(Self.token)","expires_in":3600}"#.utf8))
    }
    let (path, lines) = try serviceAccount(tokens.url)
    let end = try upload(
      to: "gs://some-bucket",
      ["GOOGLE_APPLICATION_CREDENTIALS": path, "https_proxy": "http://HOST"],
      canaries: lines + [Self.token], documents: ["1.pdf", "large.pdf"]
    ) { _ in .answer(502) }
    #expect(end.code == ToolExit.documentsFailed.rawValue, "\(end)")
    for record in try end.records {
      #expect(record["error"]?["class"]?.string == "store_unavailable")
      #expect(record["error"]?["counts"]?.bool == false)
    }
  }

  @Test func aSecretKeyAndASessionTokenStayInside() throws {
    let environment = [
      "AWS_ENDPOINT_URL": "http://HOST", "AWS_ACCESS_KEY_ID": "AKID",
      "AWS_SECRET_ACCESS_KEY": "canary-secret", "AWS_SESSION_TOKEN": "canary-session",
    ]
    let canaries = ["canary-secret", "canary-session"]
    for _ in 1...3 {
      let end = try upload(
        to: "s3://some-bucket", environment, canaries: canaries, Self.troubled)
      #expect(end.code == ToolExit.documentsFailed.rawValue, "\(end)")
      #expect(end.lines.count == 7)
    }
    let end = try upload(to: "s3://some-bucket", environment, canaries: canaries) { request in
      let echo = request.headers["x-amz-security-token"] ?? ""
      let body = "<Error><Code>AccessDenied</Code><Message>\(echo)</Message></Error>"
      return .answer(request.method == "HEAD" ? 404 : 403, [:], Array(body.utf8))
    }
    expectLastWord(end, .permission, "s3:PutObject")
  }

  /// A program of the user's gives keys that end in mid-run, and others the next time: in no place can any be
  /// read, and the check says where they come from.
  @Test func aProgramsKeysStayInsideAndAreRenewed() throws {
    let script = "\(folder.path)/give"
    try folder.write(
      """
      #!/bin/sh
      echo x >> "$0.calls"
      n=$(wc -l < "$0.calls")
      echo canary-on-stderr >&2
      printf '{"Version":1,"AccessKeyId":"AKID%s","SecretAccessKey":"canary-secret-%s",' $n $n
      printf '"SessionToken":"canary-session-%s"}' $n
      """, to: "give")
    chmod(script, 0o700)
    try folder.write("[profile work]\ncredential_process = \(script)\n", to: "config")
    let bucket = try SmallBucket { request in
      request.headers["x-amz-security-token"] == "canary-session-1" && request.number > 5
        ? SmallBucket.error(400, "ExpiredToken", request.headers["x-amz-security-token"] ?? "")
        : nil
    }
    let environment = [
      "AWS_ENDPOINT_URL_S3": bucket.environment()["AWS_ENDPOINT_URL"] ?? "",
      "AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_PROFILE": "work", "HOME": folder.path,
      "AWS_CONFIG_FILE": "\(folder.path)/config", "AWS_ACCESS_KEY_ID": "",
      "AWS_SECRET_ACCESS_KEY": "",
    ]
    let end = try run(
      "upload",
      ["--from-list", "--to", "s3://bucket", "--log-level", "trace", "--retry-base", "0"],
      lines: (1...6).map { "\($0).pdf" }, environment: environment, directory: folder.path)
    #expect(end.code == 0, "\(end)")
    #expect(bucket.objects.count == 6)
    #expect(!end.text.contains("canary") && !end.errors.contains("canary"), "\(end)")
    let check = try run(
      "upload", ["check", "--to", "s3://bucket"], environment: environment, directory: folder.path)
    #expect(check.code == 0, "\(check)")
    #expect(check.errors.contains("the program"), "\(check)")
    #expect(check.errors.contains("the profile work of \(folder.path)/config"), "\(check)")
    #expect(!check.errors.contains("canary"))
  }

  /// Refused or without a bucket, the run ends with what is to be done; no document is to blame.
  private func expectLastWord(_ end: Finished, _ code: ToolExit, _ advice: String) {
    #expect(end.code == code.rawValue, "\(end)")
    let records = (try? end.records) ?? []
    #expect((1...2).contains(records.count), "\(end)")
    for record in records { #expect(record["error"]?["counts"]?.bool == false) }
    let last = end.errors.split(separator: "\n").filter { $0.contains(advice) }
    #expect(last.contains { $0.contains("CRITICAL") }, "\(end)")
  }

  @Test func whatGoogleRefusesEndsTheRun() throws {
    let environment = ["STORAGE_EMULATOR_HOST": "HOST"]
    let forbidden = try upload(to: "gs://some-bucket", environment, canaries: [Self.token]) { _ in
      .answer(
        403, [:],
        Array(#"{"error":{"message":"no access","errors":[{"reason":"forbidden"}]}}"#.utf8))
    }
    expectLastWord(forbidden, .permission, "roles/storage.objectUser")
    let missing = try upload(to: "gs://some-bucket", environment, canaries: [Self.token]) { _ in
      .answer(
        404, [:], Array(#"{"error":{"message":"The specified bucket does not exist."}}"#.utf8))
    }
    expectLastWord(missing, .unavailable, "--create-bucket")
  }

  @Test func aMissingBucketOfS3EndsTheRun() throws {
    let environment = [
      "AWS_ENDPOINT_URL": "http://HOST", "AWS_ACCESS_KEY_ID": "AKID",
      "AWS_SECRET_ACCESS_KEY": "canary-secret",
    ]
    let missing = try upload(
      to: "s3://some-bucket", environment, canaries: ["canary-secret"]
    ) { request in
      if request.method == "HEAD" { return .answer(404) }
      return .answer(404, [:], Array("<Error><Code>NoSuchBucket</Code></Error>".utf8))
    }
    expectLastWord(missing, .unavailable, "--create-bucket")
  }
}
