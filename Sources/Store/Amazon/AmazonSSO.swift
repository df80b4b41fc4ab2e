import Common
import Crypto
import Glibc
import HTTP
import Logging

/// A person's log-in by IAM Identity Center, which `aws sso login` keeps in `~/.aws/sso/cache`.
/// https://docs.aws.amazon.com/sdkref/latest/guide/feature-sso-credentials.html
struct AmazonSSO: Identity {
  private let account: String
  private let role: String
  private let place: String
  private let cache: String
  private let profile: String
  private let portal: AmazonTokenService
  private let tokens: AmazonTokenService

  /// `nil` where the profile knows of no log-in.
  init?(
    _ section: AmazonProfiles.Section, _ place: String, _ search: AmazonIdentity
  ) throws(Fatal) {
    let session = section["sso_session"]
    guard session != nil || section["sso_start_url"] != nil,
      let account = section["sso_account_id"],
      let role = section["sso_role_name"]
    else { return nil }
    let settings = try session.map { name throws(Fatal) -> AmazonProfiles.Section in
      if let found = search.profiles.session(name) { return found }
      throw Fatal(.configuration, "\(place) names the sso_session \(name), which is not there")
    }
    guard let start = settings?["sso_start_url"] ?? section["sso_start_url"],
      let region = settings?["sso_region"] ?? section["sso_region"],
      let home = search.variable("HOME")
    else {
      throw Fatal(.configuration, "\(place) has a log-in without sso_start_url or sso_region")
    }
    self.account = account
    self.role = role
    self.place = place
    profile = search.profiles.name
    var digest = Digest(.sha1)
    Array((session ?? start).utf8).withUnsafeBytes { digest.update($0) }
    cache = "\(home)/.aws/sso/cache/\(digest.hex()).json"
    portal = try search.service("sso", region: region)
    tokens = try search.service("oidc", region: region)
  }

  var name: String { "the role \(role) of the account \(account) by a log-in (\(place))" }

  private var login: String {
    "run aws sso login\(profile == "default" ? "" : " --profile \(profile)")"
  }

  func issue(_ exchange: IdentityExchange) throws -> Issued<AmazonCredentials> {
    let token = try accessToken(exchange)
    let base = portal.url.description
    let query =
      "role_name=\(Format.percentEncoded(role))&account_id=\(Format.percentEncoded(account))"
    guard let url = WebURL("federation/credentials?\(query)", relativeTo: WebURL(base)) else {
      throw Fatal(.configuration, "\(place) leads to no URL")
    }
    var request = Request(url)
    request.headers = [("x-amz-sso_bearer_token", token.reveal())]
    return try exchange.ask(request, hiding: [token]) { answer in
      guard let json = (try? JSON(parsing: answer.body))?["roleCredentials"],
        let key = json["accessKeyId"]?.string, let secret = json["secretAccessKey"]?.string,
        let session = json["sessionToken"]?.string, let end = json["expiration"]?.int
      else { return nil }
      // Milliseconds since 1970.
      return Issued(
        credential: .init(
          accessKey: key, secretKey: Secret(secret), sessionToken: Secret(session)),
        lifetime: Double(end) / 1000 - Double(Time.wall()) / 1e9)
    }
  }

  /// The token of the log-in, renewed where it has ended and the log-in allows that.
  private func accessToken(_ exchange: IdentityExchange) throws -> Secret {
    let (json, token) = try cached()
    if let token { return token }
    guard let id = json["clientId"]?.string, let secret = json["clientSecret"]?.string,
      let refresh = json["refreshToken"]?.string
    else { throw Fatal(.permission, "\(name) has ended: \(login)") }
    do {
      return try renewed(json, id: id, Secret(secret), Secret(refresh), exchange)
    } catch let refusal as IdentityRefusal {
      // It can be renewed once; the other tool of the same run may have been quicker.
      if let token = try cached().token { return token }
      throw refusal
    }
  }

  /// What the file has, and its token where that holds for a minute more.
  private func cached() throws(Fatal) -> (json: JSON, token: Secret?) {
    guard access(cache, F_OK) == 0 else {
      throw Fatal(.permission, "\(name) is not there yet: \(login)")
    }
    let bytes = try SecretFile.read(cache, "the log-in \(cache)")
    guard let json = try? JSON(parsing: bytes), let token = json["accessToken"]?.string else {
      throw Fatal(.permission, "the log-in \(cache) cannot be read: \(login)")
    }
    let end = json["expiresAt"]?.string.flatMap { IdentityExchange.seconds(until: $0) }
    return (json, (end ?? 0) > 60 ? Secret(token) : nil)
  }

  /// https://docs.aws.amazon.com/singlesignon/latest/OIDCAPIReference/API_CreateToken.html
  private func renewed(
    _ cached: JSON, id: String, _ secret: Secret, _ refresh: Secret, _ exchange: IdentityExchange
  ) throws -> Secret {
    guard let url = WebURL("token", relativeTo: tokens.url) else {
      throw Fatal(.configuration, "\(place) leads to no URL")
    }
    let request = IdentityExchange.post(
      url,
      [
        "clientId": id, "clientSecret": secret.reveal(), "grantType": "refresh_token",
        "refreshToken": refresh.reveal(),
      ].json)
    let answer = try exchange.ask(request, hiding: [secret, refresh]) { answer -> JSONObject? in
      let json = try? JSON(parsing: answer.body)
      return json?["accessToken"]?.string == nil || json?["expiresIn"]?.int == nil
        ? nil : json?.object
    }
    let token = answer["accessToken"]?.string ?? ""
    // The old right to renew may hold no longer, and the user's own tools need the new one.
    var kept = cached.object ?? [:]
    kept["accessToken"] = .string(token)
    if let next = answer["refreshToken"] { kept["refreshToken"] = next }
    // A day at most: it is renewed then, whatever number a server has.
    let lifetime = max(0, min(answer["expiresIn"]?.int ?? 0, 86_400))
    let end = Time.wall() + Int64(lifetime) * 1_000_000_000
    kept["expiresAt"] = .string(String(Time.timestamp(end).prefix(19)) + "Z")
    if !SecretFile.write(JSON.object(kept).serialized(), to: cache) {
      exchange.settings.logger.notice("the log-in \(cache) was renewed and cannot be written there")
    }
    return Secret(token)
  }

  func advice(_ refusal: IdentityRefusal) -> String {
    refusal.clockAdvice ?? "The log-in has ended, or may not use the role: \(login)"
  }
}
