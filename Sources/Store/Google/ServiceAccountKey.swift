import Common
import Crypto
import HTTP

/// The key of a service account: a token is asked for with a claim that it signs.
struct ServiceAccountKey: Identity {
  /// The longest that Google allows, in seconds.
  private static let lifetime = 3600

  let name: String
  private let email: String
  private let tokenURL: WebURL
  private let scope: String
  private let keyID: String
  private let privateKey: Secret

  init(_ file: GoogleFile) throws(Fatal) {
    email = try file.text("client_email")
    privateKey = Secret(try file.text("private_key"))
    tokenURL = try file.tokenURL()
    keyID = file.json["private_key_id"]?.string ?? ""
    scope = file.scope
    name = "the service account \(email) (\(file.place))"
  }

  func issue(_ exchange: IdentityExchange) throws -> Issued<Secret> {
    let claim = try claim(now: Time.wallSeconds())
    // RFC 7523, section 2.1.
    let request = IdentityExchange.post(
      tokenURL,
      [
        ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
        ("assertion", claim.reveal()),
      ])
    return try exchange.ask(request, hiding: [claim], GoogleFile.token)
  }

  private func claim(now: Int) throws(Fatal) -> Secret {
    func part(_ json: JSON) -> String { Base64.encodeForURL(json.serialized()) }
    let head = part(["alg": "RS256", "typ": "JWT", "kid": keyID].json)
    let claims = part(
      .object([
        "iss": .string(email), "scope": .string(scope), "aud": .string(tokenURL.description),
        "iat": .int(now), "exp": .int(now + Self.lifetime),
      ]))
    let message = "\(head).\(claims)"
    let signature = Signing.rs256(
      Array(message.utf8), privateKey: Array(privateKey.reveal().utf8))
    guard let signature else {
      throw Fatal(.permission, "the key of \(email) is no RSA key in PEM form: make a new one")
    }
    return Secret("\(message).\(Base64.encodeForURL(signature))")
  }

  func advice(_ refusal: IdentityRefusal) -> String {
    if let clock = refusal.clockAdvice { return clock }
    if refusal.says("signature", "expired") {
      return "The key was deleted, or has expired. Make a new one for the account"
    }
    if refusal.says("account not found", "invalid email", "disabled") {
      return "The account was deleted or disabled. Enable it, or name another key file in "
        + "GOOGLE_APPLICATION_CREDENTIALS"
    }
    return "Check GOOGLE_APPLICATION_CREDENTIALS, and that the account may be used"
  }
}

extension [String: String] {
  /// An object of texts, its members in the order of their names.
  var json: JSON {
    var object = JSONObject()
    for (name, value) in sorted(by: { $0.key < $1.key }) { object[name] = .string(value) }
    return .object(object)
  }
}
