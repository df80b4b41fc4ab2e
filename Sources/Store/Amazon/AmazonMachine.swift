import Common
import HTTP

/// What a container is given by ECS, EKS or Greengrass.
/// https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
struct AmazonContainer: Identity {
  let url: WebURL
  private let tokenFile: String?
  private let token: Secret?
  /// Where ECS and EKS answer, besides this machine itself: these need no https.
  private static let links: Set<String> = [
    "169.254.170.2", "169.254.170.23", "[fd00:ec2::23]",
  ]

  /// `nil` where no variable names it.
  init?(_ variable: (String) -> String?) throws(Fatal) {
    let relative = variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
    let name =
      relative == nil
      ? "AWS_CONTAINER_CREDENTIALS_FULL_URI" : "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
    guard let text = relative.map({ "http://169.254.170.2\($0)" }) ?? variable(name) else {
      return nil
    }
    guard let url = WebURL(text), !url.hasCredentials,
      url.scheme == "https" || url.isLoopback || Self.links.contains(url.host)
    else {
      throw Fatal(
        .configuration,
        "\(name) leads to \(SecretRedactor.refused(text)): expected https, or an address of this machine, "
          + "of ECS or of EKS")
    }
    self.url = url
    tokenFile = variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")
    token = variable("AWS_CONTAINER_AUTHORIZATION_TOKEN").map(Secret.init)
  }

  var name: String { "the role of this container (\(url.redacted))" }

  func issue(_ exchange: IdentityExchange) throws -> Issued<AmazonCredentials> {
    var token = token
    if let tokenFile {
      // The platform puts a new one there before the old one ends.
      let bytes = try SecretFile.read(tokenFile, "the token \(tokenFile)") { _ in false }
      token = Secret(String(decoding: bytes, as: UTF8.self).filter { !$0.isNewline })
    }
    var request = Request(url)
    if let token { request.headers = [("Authorization", token.reveal())] }
    return try exchange.askWhileStarting(request, hiding: token.map { [$0] } ?? []) { answer in
      (try? JSON(parsing: answer.body)).flatMap { AmazonCredentials.issued($0) }
    }
  }
}

/// The role of a machine of EC2, by version 2 of its metadata service, which no forwarded request can use.
/// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html
struct AmazonInstance: Identity {
  private let base: String
  private static let path = "/latest/meta-data/iam/security-credentials/"

  init(_ variable: (String) -> String?) throws(Fatal) {
    let isIPv6 = variable("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE")?.lowercased() == "ipv6"
    let usual = isIPv6 ? "http://[fd00:ec2::254]" : "http://169.254.169.254"
    let text = variable("AWS_EC2_METADATA_SERVICE_ENDPOINT") ?? usual
    base = text.hasSuffix("/") ? String(text.dropLast()) : text
    guard let url = WebURL(base), !url.hasCredentials else {
      throw Fatal(
        .configuration,
        "AWS_EC2_METADATA_SERVICE_ENDPOINT is no URL: \(SecretRedactor.refused(text))")
    }
  }

  var name: String { "the role of this machine (the metadata service \(base))" }

  func issue(_ exchange: IdentityExchange) throws -> Issued<AmazonCredentials> {
    let token: Secret
    do {
      var request = try request("/latest/api/token")
      request.method = "PUT"
      request.headers = [("X-aws-ec2-metadata-token-ttl-seconds", "21600")]
      token = try exchange.ask(request, isLocal: true) {
        $0.body.isEmpty ? nil : Secret(String(decoding: $0.body, as: UTF8.self))
      }
    } catch let failure as RetryableFailure where failure.isWithoutConnection {
      throw MissingServer(
        failure: failure,
        end: Fatal(
          .permission,
          "there are no credentials: \(AmazonIdentity.choices) (this is no machine of Amazon's: "
            + "\(failure.reason))"))
    }
    func ask<Value>(_ path: String, _ read: (StoreResponse) -> Value?) throws -> Value {
      var request = try request(path)
      request.headers = [("X-aws-ec2-metadata-token", token.reveal())]
      return try exchange.ask(request, isLocal: true, hiding: [token], read)
    }
    let role = try ask(Self.path) { answer in
      String(decoding: answer.body, as: UTF8.self).split(whereSeparator: \.isNewline).first
        .map(String.init)
    }
    return try ask(Self.path + Format.percentEncoded(role)) { answer in
      (try? JSON(parsing: answer.body)).flatMap { AmazonCredentials.issued($0) }
    }
  }

  private func request(_ path: String) throws(Fatal) -> Request {
    guard let url = WebURL(base + path) else {
      throw Fatal(.configuration, "AWS_EC2_METADATA_SERVICE_ENDPOINT is no URL")
    }
    return Request(url)
  }

  func advice(_ refusal: IdentityRefusal) -> String {
    refusal.answer.status == 404
      ? "The machine has no role. Give it an instance profile, or \(AmazonIdentity.choices)"
      : "Its metadata service may be switched off, or allow too few hops (from a container, 2)"
  }
}
