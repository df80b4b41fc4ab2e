import Common
import Crypto
import HTTP

/// Workload identity federation: a token of somebody else's (a cluster, a CI service, a company's log-in) is
/// exchanged for one of Google's, in the name of a service account where one is named.
/// https://google.aip.dev/auth/4117
struct ExternalAccount: Identity {
  let name: String
  private let audience: String
  private let tokenType: String
  private let tokenURL: WebURL
  private let subject: SubjectToken
  private let scope: String
  /// For a workforce pool: who pays.
  private let userProject: String?
  private let client: (id: String, secret: Secret)?
  private let impersonation: Impersonation?

  init(_ file: GoogleFile, _ settings: StoreSettings) throws(Fatal) {
    audience = try file.text("audience")
    tokenType = try file.text("subject_token_type")
    tokenURL = try file.requiredURL("token_url")
    userProject = file.json["workforce_pool_user_project"]?.string
    client = file.json["client_id"]?.string.map {
      ($0, Secret(file.json["client_secret"]?.string ?? ""))
    }
    impersonation = try file.url("service_account_impersonation_url").map {
      Impersonation(
        url: $0, scope: file.scope,
        lifetime: file.json["service_account_impersonation"]?["token_lifetime_seconds"]?.int)
    }
    scope = impersonation == nil ? file.scope : GoogleFile.impersonation
    let target = impersonation.map { "the service account \($0.account) by " } ?? ""
    name = "\(target)workload identity federation (\(file.place))"
    subject = try SubjectToken(
      file, settings, audience: audience, type: tokenType, account: impersonation?.account)
  }

  /// RFC 8693, section 2.1.
  func issue(_ exchange: IdentityExchange) throws -> Issued<Secret> {
    let token = try subject.read(exchange)
    let options = client == nil ? userProject.map { ["userProject": $0].json.description } : nil
    var request = IdentityExchange.post(
      tokenURL,
      [
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"), ("audience", audience),
        ("scope", scope),
        ("requested_token_type", "urn:ietf:params:oauth:token-type:access_token"),
        ("subject_token", token.reveal()), ("subject_token_type", tokenType),
        ("options", options),
      ])
    if let client {
      let pair = "\(client.id):\(client.secret.reveal())"
      request.headers.append(("Authorization", "Basic \(Base64.encode(Array(pair.utf8)))"))
    }
    let secrets = [token] + (client.map { [$0.secret] } ?? [])
    let federated = try exchange.ask(request, hiding: secrets, GoogleFile.token)
    return try impersonation?.issue(exchange, with: federated.credential) ?? federated
  }

  func advice(_ refusal: IdentityRefusal) -> String {
    if let clock = refusal.clockAdvice { return clock }
    if impersonation != nil, refusal.answer.status == 403 { return Impersonation.advice }
    return
      "Check that the token of \(subject.place) is one of the provider that the audience names, and "
      + "that it has not expired"
  }
}

/// Where a token of somebody else's comes from, each time anew.
private struct SubjectToken: Sendable {
  private enum Source {
    case file(String)
    case url(WebURL, headers: [(name: String, value: String)])
    case program(CredentialProgram, variables: [String: String], cache: String?)
  }

  private let source: Source
  /// In JSON, the member that it is in; `nil` where it stands alone.
  private let member: String?
  private let type: String
  let place: String

  init(
    _ file: GoogleFile, _ settings: StoreSettings, audience: String, type: String, account: String?
  ) throws(Fatal) {
    let source = file.json["credential_source"] ?? .null
    let format = source["format"]
    self.type = type
    member =
      format?["type"]?.string == "json"
      ? format?["subject_token_field_name"]?.string ?? "access_token" : nil
    if let path = source["file"]?.string {
      self.source = .file(path)
      place = path
    } else if let text = source["url"]?.string {
      // A server of this machine's or the cluster's has no https.
      guard let url = WebURL(text), !url.hasCredentials else {
        throw Fatal(
          .configuration, "the file \(file.place) has a credential_source.url that is no URL")
      }
      let headers = source["headers"]?.object?.members ?? []
      self.source = .url(url, headers: headers.map { ($0.name, $0.value.text ?? "") })
      place = url.redacted
    } else if let command = source["executable"]?["command"]?.string {
      (self.source, place) = try Self.program(
        command, source["executable"] ?? .null, file.place, settings,
        [
          "GOOGLE_EXTERNAL_ACCOUNT_AUDIENCE": audience,
          "GOOGLE_EXTERNAL_ACCOUNT_TOKEN_TYPE": type, "GOOGLE_EXTERNAL_ACCOUNT_INTERACTIVE": "0",
          "GOOGLE_EXTERNAL_ACCOUNT_IMPERSONATED_EMAIL": account ?? "",
        ])
    } else {
      throw Fatal(
        .configuration,
        "the file \(file.place) has a credential_source that is not known: expected file, url or "
          + "executable. For a machine of Amazon's, use a service account's key, or a program that "
          + "prints the token")
    }
  }

  private static func program(
    _ command: String, _ json: JSON, _ place: String, _ settings: StoreSettings,
    _ variables: [String: String]
  ) throws(Fatal) -> (Source, String) {
    // The writer of the file would decide what runs here.
    guard settings.variable("GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES") == "1" else {
      throw Fatal(
        .configuration,
        "the file \(place) has its token made by a program. Set "
          + "GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES=1 if you trust that file")
    }
    let seconds = Double(json["timeout_millis"]?.int ?? 30_000) / 1000
    let program = try CredentialProgram(command, place: place, timeout: max(1, min(seconds, 120)))
    var variables = variables
    let cache = json["output_file"]?.string
    if let cache { variables["GOOGLE_EXTERNAL_ACCOUNT_OUTPUT_FILE"] = cache }
    return (
      .program(program, variables: variables, cache: cache), "the program that \(place) names"
    )
  }

  func read(_ exchange: IdentityExchange) throws -> Secret {
    switch source {
    case .file(let path):
      // What a platform puts there is short-lived, and often read by everybody.
      let bytes = try SecretFile.read(path, "the token \(path)") { _ in false }
      guard let token = token(in: bytes) else { throw Fatal(.configuration, complaint) }
      return token
    case .url(let url, let headers):
      var request = Request(url)
      request.headers = headers
      return try exchange.askWhileStarting(request) { token(in: $0.body) }
    case .program(let program, let variables, let cache):
      if let cache, let bytes = try? SecretFile.read(cache, "the token \(cache)"),
        let json = try? JSON(parsing: bytes), let token = try? printed(json)
      {
        return token
      }
      return try printed(try program.run(adding: variables, exchange.settings))
    }
  }

  private var complaint: String {
    "\(place) holds no token\(member.map { " in its member \(Format.quoted($0))" } ?? "")"
  }

  private func token(in bytes: [UInt8]) -> Secret? {
    let text: String?
    if let member {
      text = (try? JSON(parsing: bytes))?[member]?.string
    } else {
      let all = String(decoding: bytes, as: UTF8.self)
      text = all.split(whereSeparator: \.isWhitespace).first.map(String.init)
    }
    return text.flatMap { $0.isEmpty ? nil : Secret($0) }
  }

  /// https://google.aip.dev/auth/4117, "Executable-sourced credentials".
  private func printed(_ json: JSON) throws -> Secret {
    if json["success"]?.bool == false {
      throw Fatal(
        .permission,
        "\(place) says \(Format.quoted(json["code"]?.text ?? "")): "
          + Format.quoted(json["message"]?.string ?? "", limit: 200))
    }
    let isSAML = type.hasSuffix(":saml2")
    guard json["success"]?.bool == true,
      let text = json[isSAML ? "saml_response" : "id_token"]?.string, !text.isEmpty
    else { throw Fatal(.configuration, complaint) }
    if let end = json["expiration_time"]?.int, end <= Time.wallSeconds() {
      throw RetryableFailure(reason: "\(place) gave a token that has expired")
    }
    return Secret(text)
  }
}
