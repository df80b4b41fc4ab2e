import Common
import Crypto
import Glibc
import Support
import Synchronization
import Testing

@testable import Store

/// Who we are to S3: each kind of credentials, as botocore reads it.
@Suite("Identities for S3")
struct AmazonIdentityTests {
  private let files: Files
  private static let role = "arn:aws:iam::123456789012:role/writer"

  init() throws { files = try Files() }

  enum Kind: String, CaseIterable, Sendable {
    case environment, keys, process, container, containerFile, web, webProfile, instance, sso,
      oldSSO,
      renewedSSO, role, roleOfRole, roleOfContainer
    /// Whether a server gives them, or a program each time anew.
    var isAsked: Bool { ![.environment, .keys].contains(self) }
    /// Whether it is a server that may refuse.
    var isRefused: Bool { isAsked && self != .process }
  }

  private func write(_ text: String, _ name: String, mode: mode_t = 0o600) throws -> String {
    let path = "\(files.directory)/\(name)"
    try Files.write(text, to: path)
    chmod(path, mode)
    return path
  }

  /// The file that `aws sso login` makes, for a log-in of that name.
  private func cache(_ session: String, holds: Bool) throws {
    for folder in [".aws", ".aws/sso", ".aws/sso/cache"] {
      mkdir("\(files.directory)/\(folder)", 0o700)
    }
    var digest = Digest(.sha1)
    Array(session.utf8).withUnsafeBytes { digest.update($0) }
    let json = JSON.object([
      "startUrl": .string("https://corp.awsapps.com/start"), "region": .string("eu-west-1"),
      "accessToken": .string("canary-login"),
      "expiresAt": .string(holds ? "2999-01-01T00:00:00Z" : "2020-01-01T00:00:00Z"),
      "clientId": .string("client"), "clientSecret": .string("canary-client"),
      "registrationExpiresAt": .string("2999-01-01T00:00:00Z"),
      "refreshToken": .string("canary-refresh"),
    ])
    _ = try write(json.description, ".aws/sso/cache/\(digest.hex()).json")
  }

  /// The variables that lead to credentials of a kind, whose servers are one.
  private func environment(_ kind: Kind, _ server: IdentityServer) throws -> [String: String] {
    let url = server.url
    var variables = [
      "HOME": files.directory, "AWS_DEFAULT_REGION": "eu-west-1", "AWS_ENDPOINT_URL_STS": url,
      "AWS_ENDPOINT_URL_SSO": url, "AWS_ENDPOINT_URL_SSO_OIDC": url,
      "AWS_EC2_METADATA_SERVICE_ENDPOINT": url, "AWS_CONFIG_FILE": "\(files.directory)/config",
      "AWS_SHARED_CREDENTIALS_FILE": "\(files.directory)/credentials",
    ]
    let login = "sso_account_id = 123456789012\nsso_role_name = reader\n"
    let keys = "aws_access_key_id = AKID0\naws_secret_access_key = canary-secret-0\n"
    var config: String?
    switch kind {
    case .environment:
      variables["AWS_ACCESS_KEY_ID"] = "AKID0"
      variables["AWS_SECRET_ACCESS_KEY"] = "canary-secret-0"
      variables["AWS_SESSION_TOKEN"] = "canary-session-0"
    case .keys:
      _ = try write(
        "# mine\n[default]\naws_access_key_id=wrong\n[work]\n\(keys)aws_session_token = canary-session-0\n",
        "credentials")
      variables["AWS_PROFILE"] = "work"
    case .process:
      let answer =
        #"{"Version":1,"AccessKeyId":"AKID0","SecretAccessKey":"canary-secret-0","#
        + #""SessionToken":"canary-session-0","Expiration":"2999-01-01T00:00:00+00:00"}"#
      let script = try write(
        "#!/bin/sh\n[ \"$1\" = 'a b' ] && echo '\(answer)'\n", "give", mode: 0o700)
      config = "[default]\ncredential_process = \(script) \"a b\"\n"
    case .container, .containerFile:
      variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = "\(url)/container"
      if kind == .container {
        variables["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = "canary-container"
      } else {
        variables["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] =
          try write("canary-container", "token", mode: 0o644)
      }
    case .web:
      variables["AWS_WEB_IDENTITY_TOKEN_FILE"] = try write("canary-web", "token", mode: 0o644)
      variables["AWS_ROLE_ARN"] = Self.role
    case .webProfile:
      let token = try write("canary-web", "token", mode: 0o644)
      config = "[default]\nrole_arn = \(Self.role)\nweb_identity_token_file = \(token)\n"
    case .instance: break
    case .sso:
      try cache("corp", holds: true)
      config =
        "[default]\nsso_session = corp\n\(login)[sso-session corp]\nsso_region = eu-west-1\n"
        + "sso_start_url = https://corp.awsapps.com/start\nsso_registration_scopes = sso:account:access\n"
    case .oldSSO:
      try cache("https://corp.awsapps.com/start", holds: true)
      config =
        "[default]\nsso_start_url = https://corp.awsapps.com/start\nsso_region = eu-west-1\n\(login)"
    case .renewedSSO:
      try cache("corp", holds: false)
      config =
        "[default]\nsso_session = corp\n\(login)[sso-session corp]\nsso_region = eu-west-1\n"
        + "sso_start_url = https://corp.awsapps.com/start\nsso_registration_scopes = sso:account:access\n"
    case .role:
      config =
        "[profile work]\nrole_arn = \(Self.role)\nsource_profile = keys\n[profile keys]\n\(keys)"
      variables["AWS_PROFILE"] = "work"
    case .roleOfRole:
      config =
        "[default]\nrole_arn = \(Self.role)\nsource_profile = between\n[profile between]\n"
        + "role_arn = \(Self.role)\nsource_profile = keys\nexternal_id = xy\n[profile keys]\n\(keys)"
    case .roleOfContainer:
      config = "[default]\nrole_arn = \(Self.role)\ncredential_source = EcsContainer\n"
      variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = "\(url)/container"
      variables["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = "canary-container"
    }
    if let config { _ = try write(config, "config") }
    return variables
  }

  private func settings(_ environment: [String: String], log: Int32? = nil) -> StoreSettings {
    .identified(by: environment, log: log)
  }

  private func credentials(_ settings: StoreSettings) throws -> LiveCredentials<AmazonCredentials> {
    let profiles = try AmazonProfiles.load(settings.variable)
    return LiveCredentials(
      try AmazonIdentity(variable: settings.variable, profiles: profiles).find(),
      StoreGate("s3://bucket", settings))
  }

  @Test(arguments: Kind.allCases)
  func itIsTakenAsBotocoreTakesIt(_ kind: Kind) throws {
    let server = try IdentityServer()
    let environment = try environment(kind, server)
    let python = try Python("official.py", [])
    func theirs() throws -> JSON {
      // One that was written anew is not asked for again by the next.
      if kind == .renewedSSO { try cache("corp", holds: false) }
      python.write(
        JSON.object([
          "kind": .string("s3"), "environment": environment.json, "server": .string(server.url),
        ]).description)
      return try JSON(parsing: try python.line())
    }
    let ours = try credentials(settings(environment)).current()
    let given = server.with { $0.given }
    #expect(ours.accessKey == "AKID\(given)")
    #expect(ours.secretKey.reveal() == "canary-secret-\(given)")
    #expect(ours.sessionToken?.reveal() == "canary-session-\(given)")
    let other = try theirs()
    let last = server.with { $0.given }
    #expect(other["key"]?.string == "AKID\(last)", "\(other)")
    #expect(other["token"]?.string == "canary-session-\(last)")
    #expect(kind.isAsked && kind != .process ? last == 2 * given : last == 0)
  }

  /// The store takes the credentials for ten requests: it is asked on with others, where others can be had.
  @Test(arguments: Kind.allCases.filter(\.isRefused))
  func credentialsThatEndInMidRunAreRenewed(_ kind: Kind) throws {
    let server = try IdentityServer()
    let fake = try FakeAmazon()
    let uses = Mutex<[String: Int]>([:])
    let store = try StoreServer { request in
      let token = request.headers["x-amz-security-token"] ?? ""
      let count = uses.withLock {
        $0[token, default: 0] += 1
        return $0[token, default: 0]
      }
      guard count > 10 else { return fake.answer(request) }
      let body = "<Error><Code>ExpiredToken</Code><Message>\(token)</Message></Error>"
      return .answer(400, [:], request.method == "HEAD" ? [] : Array(body.utf8))
    }
    let path = "\(files.directory)/log"
    let log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
    defer { close(log) }
    var environment = try environment(kind, server)
    environment["AWS_ENDPOINT_URL_S3"] = store.url
    // What is said of all services counts less than what is said of one.
    environment["AWS_ENDPOINT_URL"] = "http://127.0.0.1:1"
    let bucket = AmazonStore(
      try AmazonService(
        try BucketURL("s3://bucket", scheme: "s3"), settings(environment, log: log)))
    for number in 0..<20 {
      let file = try files.document("document \(number)")
      _ = try bucket.put(file, at: try ObjectKey("\(number)"), metadata: [:], overwrite: false)
    }
    #expect(fake.with { $0.objects.count } == 20)
    #expect(uses.withLock { $0.count } >= 4)
    #expect(!(try files.text(path)).contains("canary"))
  }

  @Test(arguments: Kind.allCases.filter(\.isRefused))
  func aRefusalEndsTheRunWithoutShowingAnything(_ kind: Kind) throws {
    let server = try IdentityServer { request in
      let echo = request.headers.values.joined(separator: " ") + IdentityServer.text(request)
      let body =
        "<ErrorResponse><Error><Code>AccessDenied</Code><Message>\(echo)</Message></Error></ErrorResponse>"
      return .answer(403, [:], Array(body.utf8))
    }
    let credentials = try credentials(settings(try environment(kind, server)))
    let error = #expect(throws: Fatal.self) { _ = try credentials.current() }
    #expect(error?.code == .permission)
    #expect(error?.message.contains("gets no credentials") == true, "\(String(describing: error))")
    #expect(error?.message.contains("AccessDenied") == true)
    #expect(error?.message.contains("canary") == false, "\(String(describing: error))")
  }

  @Test func aLogInThatWasRenewedIsKeptForTheUsersOwnTools() throws {
    let server = try IdentityServer()
    let environment = try environment(.renewedSSO, server)
    _ = try credentials(settings(environment)).current()
    let python = try Python("official.py", [])
    python.write(
      JSON.object([
        "kind": .string("s3"), "environment": environment.json, "server": .string(server.url),
      ]).description)
    #expect(try JSON(parsing: try python.line())["key"]?.string == "AKID3")
    // Nobody renewed it a second time.
    #expect(server.with { $0.received.count { $0.path == "/token" } } == 1)
  }

  /// `upload` and `validate` of one run renew the same log-in, which goes once: who comes second takes what the first
  /// has left.
  @Test func aLogInThatAnotherToolRenewedIsTaken() throws {
    let server = try IdentityServer { [self] request in
      guard request.path == "/token" else { return nil }
      try? cache("corp", holds: true)
      return .answer(400, [:], Array(#"{"error":"invalid_grant"}"#.utf8))
    }
    let credentials = try credentials(settings(try environment(.renewedSSO, server)))
    #expect(try credentials.current().accessKey == "AKID1")
  }

  /// A program of the user's writes new keys into the file, and the run goes on with them.
  @Test func keysOfAFileAreReadAgainWhenTheyEnd() throws {
    let server = try IdentityServer()
    let environment = try environment(.keys, server)
    let credentials = try credentials(settings(environment))
    let first = try credentials.current()
    #expect(try !credentials.replaced(first))
    _ = try write(
      "[work]\naws_access_key_id = NEW\naws_secret_access_key = canary\n", "credentials")
    #expect(try credentials.current() == first)
    #expect(try credentials.replaced(first))
    #expect(try credentials.current().accessKey == "NEW")
  }

  private static let config = """
    [default]
    region = eu-north-1
    [profile work]
    aws_access_key_id = A
    aws_secret_access_key = B
    services = ours
    endpoint_url = https://all.example
    s3 =
      addressing_style = virtual
    [services ours]
    s3 =
      endpoint_url = https://s3.example
    [profile role]
    role_arn = arn:r
    source_profile = work
    [profile loop]
    role_arn = arn:r
    source_profile = loop2
    [profile loop2]
    role_arn = arn:r
    source_profile = loop
    [profile mfa]
    role_arn = arn:r
    source_profile = work
    mfa_serial = arn:m
    [profile process]
    credential_process = give me
    [profile here]
    role_arn = arn:r
    credential_source = Environment
    """

  /// The order of botocore: what a variable says, then the profile, then the container, then the machine.
  @Test(
    arguments: [
      (
        ["AWS_ACCESS_KEY_ID": "K", "AWS_SECRET_ACCESS_KEY": "S", "AWS_PROFILE": "work"],
        "the access key K"
      ),
      (["AWS_PROFILE": "work"], "the access key A (the profile work of /c)"),
      (
        ["AWS_PROFILE": "work", "AWS_ROLE_ARN": "arn:w", "AWS_WEB_IDENTITY_TOKEN_FILE": "/t"],
        "the role arn:w by the token /t"
      ),
      (
        ["AWS_PROFILE": "role", "AWS_ROLE_ARN": "arn:w", "AWS_WEB_IDENTITY_TOKEN_FILE": "/t"],
        "the role arn:r (the profile role of /c), taken on by the access key A"
      ),
      (
        ["AWS_PROFILE": "process", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/x"],
        #"the program "give""#
      ),
      (
        ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/x"],
        "the role of this container (http://169.254.170.2/x)"
      ),
      (
        ["AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.23/v1/credentials"],
        "the role of this container (http://169.254.170.23/v1/credentials)"
      ),
      (
        ["AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://[fd00:ec2::23]/v1"],
        "the role of this container"
      ),
      ([:], "the role of this machine (the metadata service http://169.254.169.254)"),
      (["AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE": "IPv6"], "[fd00:ec2::254]"),
    ])
  func theSearchHasAnOrder(_ environment: [String: String], _ expected: String) throws {
    let found = try search(environment)
    #expect(found.name.contains(expected), "\(found.name)")
  }

  @Test(
    arguments: [
      (["AWS_ACCESS_KEY_ID": "K"], ToolExit.permission, "AWS_SECRET_ACCESS_KEY is not set"),
      (["AWS_SECRET_ACCESS_KEY": "S"], .permission, "AWS_ACCESS_KEY_ID is not set"),
      (["AWS_PROFILE": "loop"], .configuration, "leads nowhere"),
      (["AWS_PROFILE": "mfa"], .configuration, "mfa_serial"),
      (["AWS_PROFILE": "here"], .configuration, "credential_source"),
      (["AWS_EC2_METADATA_DISABLED": "true"], .permission, "AWS_PROFILE"),
      (
        ["AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://example.org/"], .configuration,
        "expected https"
      ),
    ])
  func whatIsWrongIsSaid(
    _ environment: [String: String], _ code: ToolExit, _ words: String
  ) throws {
    let error = #expect(throws: Fatal.self) { _ = try search(environment) }
    #expect(error?.code == code)
    #expect(error?.message.contains(words) == true, "\(String(describing: error))")
  }

  private func search(_ environment: [String: String]) throws -> any Identity<AmazonCredentials> {
    let profiles = AmazonProfiles(
      (Self.config, "/c"), ("", "/k"), name: environment["AWS_PROFILE"] ?? "default")
    return try AmazonIdentity(variable: { environment[$0] }, profiles: profiles).find()
  }

  @Test func aProfileThatIsNotThereIsNamed() throws {
    var settings = settings(["HOME": files.directory, "AWS_PROFILE": "wrok"])
    settings.stop = ShutdownSignal()
    let error = #expect(throws: Fatal.self) { _ = try credentials(settings) }
    #expect(error?.code == .configuration)
    #expect(error?.message.contains("wrok") == true)
  }

  @Test func aFileOfKeysThatEverybodyCanReadIsRefused() throws {
    let path = try write(
      "[default]\naws_access_key_id=a\naws_secret_access_key=canary\n", "credentials", mode: 0o644)
    let settings = settings(["AWS_SHARED_CREDENTIALS_FILE": path])
    let error = #expect(throws: Fatal.self) { _ = try credentials(settings) }
    #expect(error?.code == .permission)
    #expect(error?.message.contains("chmod 600") == true)
    // It does not matter where it is not used.
    let others = self.settings([
      "AWS_SHARED_CREDENTIALS_FILE": path, "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b",
    ])
    #expect(try self.credentials(others).current().accessKey == "a")
    // Settings without secrets are often read by all.
    let config = try write("[default]\nregion = eu-west-1\n", "config", mode: 0o644)
    let plain = self.settings(["AWS_CONFIG_FILE": config])
    #expect(try AmazonProfiles.load(plain.variable).current["region"] == "eu-west-1")
  }

  @Test(
    arguments: [
      ([:], "bucket", "https bucket.s3.eu-north-1.amazonaws.com ()"),
      (["AWS_REGION": "cn-north-1"], "bucket", "https bucket.s3.cn-north-1.amazonaws.com.cn ()"),
      ([:], "a.bucket", "https s3.eu-north-1.amazonaws.com (a.bucket/)"),
      (
        ["AWS_S3_ADDRESSING_STYLE": "path"], "bucket", "https s3.eu-north-1.amazonaws.com (bucket/)"
      ),
      (["AWS_ENDPOINT_URL": "http://h:9000"], "bucket", "http h:9000 (bucket/)"),
      (
        ["AWS_ENDPOINT_URL": "http://h:9000", "AWS_S3_ADDRESSING_STYLE": "virtual"], "bucket",
        "http bucket.h:9000 ()"
      ),
      (
        ["AWS_ENDPOINT_URL": "http://h:9000", "AWS_ENDPOINT_URL_S3": "https://i/"], "bucket",
        "https i (bucket/)"
      ),
      (["AWS_PROFILE": "work"], "bucket", "https bucket.s3.example ()"),
      (["AWS_PROFILE": "work", "AWS_ENDPOINT_URL": "https://h"], "bucket", "https bucket.h ()"),
      (
        ["AWS_PROFILE": "work", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"], "bucket",
        "https bucket.s3.us-east-1.amazonaws.com ()"
      ),
    ])
  func theEndpointIsFound(
    _ environment: [String: String], _ bucket: String, _ expected: String
  ) throws {
    let profiles = AmazonProfiles(
      (Self.config, "/c"), ("", "/k"), name: environment["AWS_PROFILE"] ?? "default")
    let endpoint = try AmazonEndpoint(bucket, { environment[$0] }, profiles)
    #expect("\(endpoint.scheme) \(endpoint.host) (\(endpoint.root))" == expected)
  }

  /// The bucket is elsewhere, the store says where, and it is asked there: signed for that place.
  @Test(arguments: ["x-amz-bucket-region", "Region"])
  func theRegionThatTheStoreNamesIsUsed(_ how: String) throws {
    let fake = try FakeAmazon()
    let refused = Atomic<Int>(0)
    let server = try StoreServer { request in
      guard request.headers["authorization"]?.contains("/eu-west-3/s3/") != true else {
        return fake.answer(request)
      }
      refused.add(1, ordering: .relaxed)
      if how == "Region" {
        let body =
          "<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-west-3</Region></Error>"
        return .answer(400, [:], request.method == "HEAD" ? [] : Array(body.utf8))
      }
      return .answer(301, [how: "eu-west-3"])
    }
    let settings = settings([
      "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_ENDPOINT_URL": server.url,
    ])
    let store = AmazonStore(
      try AmazonService(try BucketURL("s3://bucket", scheme: "s3"), settings))
    for number in 0..<5 {
      let file = try files.document("document \(number)")
      _ = try store.put(file, at: try ObjectKey("\(number)"), metadata: [:], overwrite: false)
    }
    #expect(fake.with { $0.objects.count } == 5)
    #expect(refused.load(ordering: .relaxed) <= 2)
  }
}
