import Common
import Crypto
import HTTP

/// A role that the token of a cluster's or a CI service's gives (IRSA): `AssumeRoleWithWebIdentity`.
/// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
struct AmazonWebIdentity: Identity {
  let role: String
  let session: String
  let tokenFile: String
  let service: AmazonTokenService
  let place: String

  var name: String { "the role \(role) by the token \(tokenFile) (\(place))" }

  func issue(_ exchange: IdentityExchange) throws -> Issued<AmazonCredentials> {
    // It is short-lived, mounted for this, and renewed there.
    let bytes = try SecretFile.read(tokenFile, "the token \(tokenFile)") { _ in false }
    let token = Secret(String(decoding: bytes, as: UTF8.self).filter { !$0.isNewline })
    let request = IdentityExchange.post(
      service.url,
      [
        ("Action", "AssumeRoleWithWebIdentity"), ("Version", "2011-06-15"), ("RoleArn", role),
        ("RoleSessionName", session), ("WebIdentityToken", token.reveal()),
      ])
    return try exchange.ask(request, hiding: [token], AmazonRole.credentials)
  }

  func advice(_ refusal: IdentityRefusal) -> String {
    refusal.clockAdvice
      ?? "Check that the role trusts the provider and the subject of the token, and that the token "
      + "has not expired"
  }
}

/// A role that other credentials may take on: `AssumeRole`.
/// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
struct AmazonRole: Identity {
  let role: String
  let session: String
  let externalID: String?
  let seconds: String?
  let service: AmazonTokenService
  let place: String
  let source: any Identity<AmazonCredentials>

  var name: String { "the role \(role) (\(place)), taken on by \(source.name)" }

  func issue(_ exchange: IdentityExchange) throws -> Issued<AmazonCredentials> {
    let credentials = try source.issue(exchange).credential
    var request = IdentityExchange.post(
      service.url,
      [
        ("Action", "AssumeRole"), ("Version", "2011-06-15"), ("RoleArn", role),
        ("RoleSessionName", session), ("ExternalId", externalID), ("DurationSeconds", seconds),
      ])
    let usualPort = service.url.scheme == "https" ? 443 : 80
    let body = request.body.chunks.flatMap { chunk -> [UInt8] in
      if case .bytes(let bytes) = chunk { bytes } else { [] }
    }
    request.headers = AmazonSigner(
      credentials: credentials, region: service.region, service: "sts"
    ).headers(
      for: .init(
        method: "POST", host: service.url.port == usualPort ? service.url.host : service.url.origin,
        path: "/", headers: request.headers, bodySHA256: Digest.sha256(body)),
      at: AmazonSigner.time(Time.wall()))
    return try exchange.ask(
      request, hiding: credentials.sessionToken.map { [$0] } ?? [], Self.credentials)
  }

  /// The element `Credentials` of an answer of STS.
  static func credentials(_ answer: StoreResponse) -> Issued<AmazonCredentials>? {
    let xml = XMLText(answer.body)
    guard let key = xml.first("AccessKeyId"), let secret = xml.first("SecretAccessKey"),
      let token = xml.first("SessionToken"),
      let seconds = xml.first("Expiration").flatMap({ IdentityExchange.seconds(until: $0) })
    else { return nil }
    return Issued(
      credential: .init(
        accessKey: key, secretKey: Secret(secret), sessionToken: Secret(token)),
      lifetime: seconds)
  }

  func advice(_ refusal: IdentityRefusal) -> String {
    refusal.clockAdvice
      ?? "Check that the role trusts \(source.name), and that this one may sts:AssumeRole"
  }
}
