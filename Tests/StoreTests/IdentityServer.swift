import Common
import Logging
import Support
import Synchronization

@testable import Store

extension StoreSettings {
  /// For a store that is asked without waits, as those variables say; what it logs goes to `log`.
  static func identified(by environment: [String: String], log: Int32? = nil) -> StoreSettings {
    var settings = StoreSettings()
    settings.retry = RetryPolicy(retries: 3, base: 0)
    settings.outages = OutagePolicy(firstDistance: 0, limitBeforeAnythingGood: 0)
    settings.environment = { environment[$0] ?? ($0 == "PATH" ? "/usr/bin:/bin" : nil) }
    if let log {
      let handler = LineLog(tool: "upload", targets: [.init(descriptor: log, level: .trace)])
      settings.logger = Logger(label: "test") { _ in handler }
    }
    return settings
  }
}

/// Both vendors' servers of credentials in small: they give numbered canaries, and only to those who ask as
/// they are to be asked. What is wrong is answered with all that was sent.
final class IdentityServer: Sendable {
  struct State {
    var received: [Received] = []
    /// How many credentials were given.
    var given = 0
    /// How long they hold, in seconds.
    var lifetime = 3600
  }

  private final class Shared: Sendable { let state = Mutex(State()) }

  static let account = "robot@example.iam.gserviceaccount.com"
  private let shared: Shared
  private let server: StoreServer
  var url: String { server.url }
  var host: String { String(url.dropFirst("http://".count)) }

  /// - Parameter refuse: what is answered instead; `nil` where the request is looked at.
  init(_ refuse: @escaping @Sendable (Received) -> Reaction? = { _ in nil }) throws {
    let shared = Shared()
    self.shared = shared
    server = try StoreServer { request in
      shared.state.withLock { state in
        state.received.append(request)
        if let refusal = refuse(request) { return refusal }
        if let answer = Self.google(request, &state) ?? Self.amazon(request, &state) {
          return answer
        }
        let echo = request.headers.values.joined(separator: " ") + Self.text(request)
        let json = JSON.object([
          "error": .string("invalid_grant"), "error_description": .string(echo),
        ])
        return .answer(400, [:], json.serialized())
      }
    }
  }

  func with<Value: Sendable>(_ body: (inout State) -> Value) -> Value {
    shared.state.withLock { state in body(&state) }
  }

  static func text(_ request: Received) -> String { String(decoding: request.body, as: UTF8.self) }

  /// The fields of a form.
  static func form(_ request: Received) -> [String: String] {
    var fields: [String: String] = [:]
    for pair in text(request).split(separator: "&") {
      let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2 else { continue }
      fields[String(parts[0])] = Format.percentDecoded(String(parts[1]).replacing("+", with: " "))
    }
    return fields
  }

  private static func next(_ state: inout State) -> Int {
    state.given += 1
    return state.given
  }

  private static func answer(_ json: JSONObject) -> Reaction {
    .answer(200, ["Content-Type": "application/json"], JSON.object(json).serialized())
  }

  private static func moment(in seconds: Int) -> String {
    let nanoseconds = Time.wall() + Int64(seconds) * 1_000_000_000
    return Time.timestamp(nanoseconds).prefix(19) + "Z"
  }

  private static func google(_ request: Received, _ state: inout State) -> Reaction? {
    let fields = form(request)
    func token() -> Reaction {
      answer([
        "access_token": .string("canary-token-\(next(&state))"), "token_type": .string("Bearer"),
        "issued_token_type": .string("urn:ietf:params:oauth:token-type:access_token"),
        "expires_in": .int(state.lifetime),
      ])
    }
    switch (request.method, request.path) {
    case ("POST", "/token")
    where fields["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer":
      return token()
    case ("POST", "/token") where fields["grant_type"] == "refresh_token":
      let isRight =
        fields["client_id"] == "client" && fields["client_secret"] == "canary-client"
        && fields["refresh_token"] == "canary-refresh"
      return isRight ? token() : nil
    case ("POST", "/sts"):
      let isRight =
        fields["grant_type"] == "urn:ietf:params:oauth:grant-type:token-exchange"
        && fields["requested_token_type"] == "urn:ietf:params:oauth:token-type:access_token"
        && fields["audience"] == "//iam.googleapis.com/pool" && fields["scope"] != nil
        && fields["subject_token"] == "canary-subject"
        && fields["subject_token_type"] == "urn:ietf:params:oauth:token-type:jwt"
      return isRight ? token() : nil
    case ("GET", "/subject") where request.headers["x-give"] == "me":
      return answer(["id_token": .string("canary-subject")])
    case ("GET", "/computeMetadata/v1/instance/service-accounts/default/token")
    where request.headers["metadata-flavor"] == "Google":
      return token()
    // What Google's library asks besides.
    case ("GET", "/computeMetadata/v1/universe/universe-domain"): return .answer(404)
    case ("GET", let path) where path.hasPrefix("/computeMetadata/v1/") || path == "/":
      let body = path.contains("service-accounts") ? #"{"email":"x@y","scopes":["s"]}"# : "project"
      return .answer(
        200, ["Metadata-Flavor": "Google", "Content-Type": "application/json"], Array(body.utf8))
    case ("POST", "/v1/projects/-/serviceAccounts/\(account):generateAccessToken"):
      guard let json = try? JSON(parsing: request.body), json["scope"]?.array?.isEmpty == false,
        request.headers["authorization"] == "Bearer canary-token-\(state.given)"
      else { return nil }
      let end = moment(in: state.lifetime)
      return answer([
        "accessToken": .string("canary-token-\(next(&state))"),
        "expireTime": .string(end),
      ])
    default: return nil
    }
  }

  private static func amazon(_ request: Received, _ state: inout State) -> Reaction? {
    let end = moment(in: state.lifetime)
    func credentials() -> Reaction {
      let number = next(&state)
      return answer([
        "Code": .string("Success"), "AccessKeyId": .string("AKID\(number)"),
        "SecretAccessKey": .string("canary-secret-\(number)"),
        "Token": .string("canary-session-\(number)"), "Expiration": .string(end),
      ])
    }
    switch (request.method, request.path) {
    case ("POST", "/"):
      return securityTokenService(request, end, &state)
    case ("GET", "/container") where request.headers["authorization"] == "canary-container":
      return credentials()
    case ("PUT", "/latest/api/token")
    where request.headers["x-aws-ec2-metadata-token-ttl-seconds"] == "21600":
      return .answer(
        200, ["X-aws-ec2-metadata-token-ttl-seconds": "21600"], Array("canary-imds".utf8))
    case ("GET", let path)
    where path.hasPrefix("/latest/") && request.headers["x-aws-ec2-metadata-token"] == "canary-imds":
      return path.hasSuffix("/my-role") ? credentials() : .answer(200, [:], Array("my-role".utf8))
    case ("GET", "/federation/credentials"):
      guard request.query("role_name") == "reader", request.query("account_id") == "123456789012",
        request.headers["x-amz-sso_bearer_token"]?.hasPrefix("canary-login") == true
      else { return nil }
      let number = next(&state)
      return answer([
        "roleCredentials": .object([
          "accessKeyId": .string("AKID\(number)"),
          "secretAccessKey": .string("canary-secret-\(number)"),
          "sessionToken": .string("canary-session-\(number)"),
          "expiration": .int(Int(Time.wall() / 1_000_000) + state.lifetime * 1000),
        ])
      ])
    case ("POST", "/token"):
      guard let json = try? JSON(parsing: request.body),
        json["grantType"]?.string == "refresh_token",
        json["clientId"]?.string == "client", json["clientSecret"]?.string == "canary-client",
        json["refreshToken"]?.string?.hasPrefix("canary-refresh") == true
      else { return nil }
      let number = next(&state)
      return answer([
        "accessToken": .string("canary-login-\(number)"), "expiresIn": .int(state.lifetime),
        "refreshToken": .string("canary-refresh-\(number)"), "tokenType": .string("Bearer"),
      ])
    default: return nil
    }
  }

  private static func securityTokenService(
    _ request: Received, _ end: String, _ state: inout State
  ) -> Reaction? {
    let fields = form(request)
    let isRight =
      switch fields["Action"] {
      case "AssumeRoleWithWebIdentity":
        fields["WebIdentityToken"] == "canary-web" && request.headers["authorization"] == nil
      case "AssumeRole":
        request.headers["authorization"]?.contains("/eu-west-1/sts/aws4_request") == true
      default: false
      }
    guard isRight, fields["RoleArn"] == "arn:aws:iam::123456789012:role/writer",
      fields["RoleSessionName"]?.isEmpty == false, fields["Version"] == "2011-06-15",
      let action = fields["Action"]
    else { return nil }
    let number = next(&state)
    let body =
      "<\(action)Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><\(action)Result>"
      + "<Credentials><AccessKeyId>AKID\(number)</AccessKeyId><SecretAccessKey>canary-secret-\(number)"
      + "</SecretAccessKey><SessionToken>canary-session-\(number)</SessionToken><Expiration>\(end)"
      + "</Expiration></Credentials></\(action)Result></\(action)Response>"
    return .answer(200, ["Content-Type": "text/xml"], Array(body.utf8))
  }
}
