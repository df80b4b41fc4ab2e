import Common
import HTTP

/// A service account in whose name another one, or a person, acts.
/// https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/generateAccessToken
struct ImpersonatedAccount: Identity {
  let name: String
  private let source: any Identity<Secret>
  private let impersonation: Impersonation

  init(_ file: GoogleFile, _ settings: StoreSettings) throws(Fatal) {
    let delegates = file.json["delegates"]?.array ?? []
    impersonation = Impersonation(
      url: try file.requiredURL("service_account_impersonation_url"), scope: file.scope,
      delegates: delegates.compactMap(\.string))
    let inner = try GoogleFile(
      file.json["source_credentials"], place: "source_credentials of \(file.place)",
      scope: GoogleFile.impersonation)
    source = try inner.identity(settings)
    name = "the service account \(impersonation.account), in whose name acts \(source.name)"
  }

  func issue(_ exchange: IdentityExchange) throws -> Issued<Secret> {
    try impersonation.issue(exchange, with: try source.issue(exchange).credential)
  }

  func advice(_ refusal: IdentityRefusal) -> String {
    refusal.answer.status == 403 || refusal.answer.status == 404
      ? Impersonation.advice : source.advice(refusal)
  }
}

/// The exchange of a token for a service account's.
struct Impersonation: Sendable {
  let url: WebURL
  let scope: String
  var delegates: [String] = []
  /// Of its tokens, in seconds; an hour is the longest without a policy that says otherwise.
  var lifetime: Int?

  static let advice =
    "Give the one who acts the role Service Account Token Creator "
    + "(roles/iam.serviceAccountTokenCreator) on the service account"

  /// The account's address, as the URL has it: `…/serviceAccounts/NAME:generateAccessToken`.
  var account: String {
    let last = url.description.split(separator: "/").last.map(String.init) ?? ""
    let name = last.split(separator: ":").first.map(String.init) ?? last
    return Format.percentDecoded(name) ?? name
  }

  func issue(_ exchange: IdentityExchange, with token: Secret) throws -> Issued<Secret> {
    var request = IdentityExchange.post(
      url,
      .object([
        "delegates": .array(delegates.map(JSON.string)), "scope": .array([.string(scope)]),
        "lifetime": .string("\(lifetime ?? 3600)s"),
      ]))
    request.headers.append(("Authorization", "Bearer \(token.reveal())"))
    return try exchange.ask(request, hiding: [token]) { answer in
      guard let json = try? JSON(parsing: answer.body), let text = json["accessToken"]?.string,
        !text.isEmpty,
        let seconds = json["expireTime"]?.string.flatMap({ IdentityExchange.seconds(until: $0) })
      else { return nil }
      return Issued(credential: Secret(text), lifetime: seconds)
    }
  }
}
