import Common
import Crypto
import Glibc
import HTTP

/// The key file of a service account: who we are, and how to prove it.
struct ServiceAccountKey: Sendable, Equatable {
  private static let maximumBytes = 64 << 10
  /// Reading and writing objects, and nothing else.
  private static let scope = "https://www.googleapis.com/auth/devstorage.read_write"
  /// The longest that Google allows, in seconds.
  private static let lifetime = 3600

  let email: String
  let tokenURL: WebURL
  /// The project that the account belongs to.
  let project: String?
  private let keyID: String
  private let privateKey: Secret

  /// Reads a key file, which others may not be able to read (promise P13).
  init(path: String) throws(Fatal) {
    func refuse(_ code: ToolExit, _ why: String) -> Fatal {
      Fatal(code, "the key file \(path) (GOOGLE_APPLICATION_CREDENTIALS) \(why)")
    }
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
    guard descriptor >= 0 else {
      throw refuse(.permission, "cannot be read: \(String(cString: strerror(errno)))")
    }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw refuse(.permission, "is no file")
    }
    guard status.st_mode & 0o007 == 0 else {
      throw refuse(.permission, "can be read by every user of this machine: chmod 600 it")
    }
    var bytes = [UInt8](repeating: 0, count: Self.maximumBytes)
    let count = read(descriptor, &bytes, bytes.count)
    guard let json = try? JSON(parsing: Array(bytes.prefix(max(0, count)))) else {
      throw refuse(.permission, "is not JSON")
    }
    guard json["type"]?.string == "service_account", let email = json["client_email"]?.string,
      let key = json["private_key"]?.string
    else { throw refuse(.permission, "is not the key of a service account") }
    let url = json["token_uri"]?.string ?? "https://oauth2.googleapis.com/token"
    guard let tokenURL = WebURL(url), tokenURL.scheme == "https" || tokenURL.isLoopback else {
      throw refuse(.permission, "has a token_uri that is not https")
    }
    self.email = email
    self.tokenURL = tokenURL
    project = json["project_id"]?.string
    keyID = json["private_key_id"]?.string ?? ""
    privateKey = Secret(key)
  }

  /// The body of a request for a token (RFC 7523, section 2.1). `now` in seconds since 1970.
  func grant(now: Int) throws(Fatal) -> Secret {
    func part(_ json: JSON) -> String { Base64.encodeForURL(json.serialized()) }
    let head = part(["alg": "RS256", "typ": "JWT", "kid": keyID].json)
    let claims = part(
      .object([
        "iss": .string(email), "scope": .string(Self.scope),
        "aud": .string(tokenURL.description), "iat": .int(now), "exp": .int(now + Self.lifetime),
      ]))
    let message = "\(head).\(claims)"
    let signature = Signing.rs256(
      Array(message.utf8), privateKey: Array(privateKey.reveal().utf8))
    guard let signature else {
      throw Fatal(.permission, "the key of \(email) is no RSA key in PEM form: make a new one")
    }
    return Secret(
      "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion="
        + "\(message).\(Base64.encodeForURL(signature))")
  }
}

extension WebURL {
  /// Whether it leads no further than this machine, where nobody can listen.
  var isLoopback: Bool { host == "localhost" || host == "[::1]" || host.hasPrefix("127.") }
}

extension [String: String] {
  /// An object of texts, its members in the order of their names.
  var json: JSON {
    var object = JSONObject()
    for (name, value) in sorted(by: { $0.key < $1.key }) { object[name] = .string(value) }
    return .object(object)
  }
}
