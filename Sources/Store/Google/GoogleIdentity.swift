import Common
import Files
import Glibc
import HTTP

/// Who we are to Google Cloud Storage, and who pays.
struct GoogleIdentity: Sendable {
  let source: any Identity<Secret>
  /// The project that the account belongs to, where it is known.
  var project: String?
  /// The project that requests are counted for and paid by, where it is not the bucket's.
  var quotaProject: String?

  /// The first that there is, in the order of Google's libraries.
  static func find(_ settings: StoreSettings) throws(Fatal) -> GoogleIdentity {
    var found: GoogleIdentity
    switch GooglePlace.search(settings.variable, isThere: { access($0, F_OK) == 0 }) {
    case .file(let path, let how):
      let place = "\(path), \(how)"
      var isSecret = false
      let bytes = try SecretFile.read(path, "the file \(place)") {
        // Workload identity federation has no secret in its file, only the way to one.
        isSecret = (try? JSON(parsing: $0))?["type"]?.string != "external_account"
        return isSecret
      }
      let json = try? JSON(parsing: bytes)
      let file = try GoogleFile(json, place: place, scope: GoogleFile.storage)
      found = GoogleIdentity(
        source: try file.identity(settings), project: file.json["project_id"]?.string,
        quotaProject: file.json["quota_project_id"]?.string)
    case .metadataServer(let host):
      found = GoogleIdentity(
        source: try GoogleMetadataServer(host: host, isExpected: isGooglesMachine(settings)))
    }
    if let project = settings.variable("GOOGLE_CLOUD_QUOTA_PROJECT") {
      found.quotaProject = project
    }
    return found
  }
}

extension GoogleIdentity {
  /// Whether it is worth waiting for a metadata server: it is named, or this is a pod, a job of Cloud Run, or a
  /// machine whose firmware says so, as Google's libraries ask it.
  private static func isGooglesMachine(_ settings: StoreSettings) -> Bool {
    let names = ["GCE_METADATA_HOST", "KUBERNETES_SERVICE_HOST", "K_SERVICE", "CLOUD_RUN_JOB"]
    return names.contains { settings.variable($0) != nil }
      || TextFile.lines("/sys/class/dmi/id/product_name").first?.hasPrefix("Google") == true
  }
}

/// Where an identity is looked for: a pure search.
/// https://cloud.google.com/docs/authentication/application-default-credentials
enum GooglePlace: Sendable, Equatable {
  /// A file, and what led to it, for people.
  case file(String, how: String)
  case metadataServer(host: String)

  /// What `GOOGLE_APPLICATION_CREDENTIALS` names, there or not; else what `gcloud auth application-default
  /// login` left behind; else the server that Google's own machines have.
  static func search(_ variable: (String) -> String?, isThere: (String) -> Bool) -> GooglePlace {
    if let path = variable("GOOGLE_APPLICATION_CREDENTIALS") {
      return .file(path, how: "which GOOGLE_APPLICATION_CREDENTIALS names")
    }
    let folder =
      variable("CLOUDSDK_CONFIG") ?? variable("HOME").map { "\($0)/.config/gcloud" }
    if let path = folder.map({ "\($0)/application_default_credentials.json" }), isThere(path) {
      return .file(path, how: "which gcloud auth application-default login makes")
    }
    return .metadataServer(host: variable("GCE_METADATA_HOST") ?? "metadata.google.internal")
  }
}

/// A file of credentials as Google's tools make it, or one that stands within another.
/// https://google.aip.dev/auth/4110
struct GoogleFile: Sendable {
  /// Reading and writing objects, and nothing else.
  static let storage = "https://www.googleapis.com/auth/devstorage.read_write"
  /// Acting in the name of somebody else, and nothing else.
  static let impersonation = "https://www.googleapis.com/auth/iam"

  let json: JSON
  /// Where it was found, for people.
  let place: String
  /// What its tokens are to be good for.
  let scope: String

  init(_ json: JSON?, place: String, scope: String) throws(Fatal) {
    guard let json, json.object != nil else {
      throw Fatal(.configuration, "the file \(place) holds no JSON object")
    }
    self.json = json
    self.place = place
    self.scope = scope
  }

  /// What its `type` makes of it.
  func identity(_ settings: StoreSettings) throws(Fatal) -> any Identity<Secret> {
    switch json["type"]?.string {
    case "service_account": return try ServiceAccountKey(self)
    case "authorized_user": return try AuthorizedUser(self)
    case "external_account": return try ExternalAccount(self, settings)
    case "impersonated_service_account": return try ImpersonatedAccount(self, settings)
    case let other:
      throw Fatal(
        .configuration,
        "the file \(place) is of the type \(other.map { Format.quoted($0) } ?? "that it does not say"): "
          + "expected service_account, authorized_user, external_account or "
          + "impersonated_service_account")
    }
  }

  /// A member that has to be there.
  func text(_ name: String) throws(Fatal) -> String {
    if let text = json[name]?.string, !text.isEmpty { return text }
    throw Fatal(.configuration, "the file \(place) has no \(name)")
  }

  /// An address that secrets are sent to; `nil` where there is none.
  func url(_ name: String) throws(Fatal) -> WebURL? {
    guard let text = json[name]?.string else { return nil }
    guard let url = WebURL(text), url.scheme == "https" || url.isLoopback, !url.hasCredentials
    else {
      throw Fatal(.configuration, "the file \(place) has a \(name) that is not https")
    }
    return url
  }

  /// The same of one that has to be there.
  func requiredURL(_ name: String) throws(Fatal) -> WebURL {
    _ = try text(name)
    if let url = try url(name) { return url }
    throw Fatal(.configuration, "the file \(place) has no \(name)")
  }

  /// Where tokens are asked for: `token_uri`, else Google's.
  func tokenURL() throws(Fatal) -> WebURL {
    if let url = try url("token_uri") ?? WebURL("https://oauth2.googleapis.com/token") {
      return url
    }
    throw Fatal(.configuration, "the file \(place) has no token_uri")
  }

  /// The answer of a token endpoint (RFC 6749, section 5.1).
  static func token(_ answer: StoreResponse) -> Issued<Secret>? {
    guard let json = try? JSON(parsing: answer.body), let text = json["access_token"]?.string,
      !text.isEmpty, let seconds = json["expires_in"]?.text.flatMap(Double.init)
    else { return nil }
    return Issued(credential: Secret(text), lifetime: seconds)
  }
}

extension WebURL {
  /// Whether it leads no further than this machine, where no other machine can listen.
  var isLoopback: Bool { host == "localhost" || host == "[::1]" || host.hasPrefix("127.") }
}

/// The server that Google's own machines have (Compute Engine, Cloud Run, GKE).
/// https://cloud.google.com/compute/docs/metadata/querying-metadata
struct GoogleMetadataServer: Identity {
  private let url: WebURL
  private let host: String
  private let isExpected: Bool
  private static let path = "/computeMetadata/v1/instance/service-accounts/default/token"

  /// - Parameter isExpected: whether it may only be starting, where it does not answer.
  init(host: String, isExpected: Bool) throws(Fatal) {
    guard let url = WebURL("http://\(host)\(Self.path)"), !url.hasCredentials else {
      throw Fatal(.configuration, "GCE_METADATA_HOST is no host: \(SecretRedactor.refused(host))")
    }
    self.url = url
    self.host = host
    self.isExpected = isExpected
  }

  var name: String { "this machine's service account (the metadata server \(host))" }

  func issue(_ exchange: IdentityExchange) throws -> Issued<Secret> {
    var request = Request(url)
    request.headers = [("Metadata-Flavor", "Google")]
    do {
      return isExpected
        ? try exchange.askWhileStarting(request, GoogleFile.token)
        : try exchange.ask(request, isLocal: true, GoogleFile.token)
    } catch let failure as RetryableFailure where failure.isWithoutConnection {
      throw MissingServer(
        failure: failure,
        end: Fatal(
          .permission,
          "there are no credentials: run gcloud auth application-default login, or name a file of "
            + "credentials in GOOGLE_APPLICATION_CREDENTIALS (this is no machine of Google's: "
            + "\(failure.reason))"))
    }
  }

  func advice(_ refusal: IdentityRefusal) -> String {
    "Give the machine or the pod a service account, or name a file of credentials in "
      + "GOOGLE_APPLICATION_CREDENTIALS"
  }
}

/// What `gcloud auth application-default login` leaves: a person's right to new tokens (RFC 6749, section 6).
struct AuthorizedUser: Identity {
  let name: String
  private let tokenURL: WebURL
  private let id: String
  private let secret: Secret
  private let refreshToken: Secret

  init(_ file: GoogleFile) throws(Fatal) {
    id = try file.text("client_id")
    secret = Secret(try file.text("client_secret"))
    refreshToken = Secret(try file.text("refresh_token"))
    tokenURL = try file.tokenURL()
    let account = file.json["account"]?.string.flatMap { $0.isEmpty ? nil : $0 }
    name = "the user \(account.map { "\($0) " } ?? "")who is logged in (\(file.place))"
  }

  func issue(_ exchange: IdentityExchange) throws -> Issued<Secret> {
    let request = IdentityExchange.post(
      tokenURL,
      [
        ("grant_type", "refresh_token"), ("client_id", id), ("client_secret", secret.reveal()),
        ("refresh_token", refreshToken.reveal()),
      ])
    return try exchange.ask(request, hiding: [secret, refreshToken], GoogleFile.token)
  }

  func advice(_ refusal: IdentityRefusal) -> String {
    refusal.clockAdvice
      ?? "The log-in has ended or was taken back. Run gcloud auth application-default login"
  }
}
