import Common
import HTTP

/// Who we are to S3: a pure search in the order of Amazon's libraries (botocore's `credentials.py`).
/// https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html
struct AmazonIdentity {
  typealias Source = any Identity<AmazonCredentials>

  let variable: (String) -> String?
  let profiles: AmazonProfiles

  /// The first that there is.
  func find() throws(Fatal) -> Source {
    if let keys = try environmentKeys() { return keys }
    let profile = profiles.current
    if let role = try role(profiles.name, profile, seen: []) { return role }
    if let token = variable("AWS_WEB_IDENTITY_TOKEN_FILE"), let role = variable("AWS_ROLE_ARN") {
      return AmazonWebIdentity(
        role: role, session: session, tokenFile: token, service: try service("sts"),
        place: "AWS_WEB_IDENTITY_TOKEN_FILE")
    }
    if let found = try ofProfile(profiles.name, profile) { return found }
    if let container = try AmazonContainer(variable) { return container }
    guard variable("AWS_EC2_METADATA_DISABLED")?.lowercased() != "true" else {
      throw Fatal(
        .permission,
        "there are no credentials, and AWS_EC2_METADATA_DISABLED is set: \(Self.choices)")
    }
    return try AmazonInstance(variable)
  }

  static let choices =
    "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE to a profile of ~/.aws"

  private var session: String { variable("AWS_ROLE_SESSION_NAME") ?? "conveyor" }

  private func environmentKeys() throws(Fatal) -> Source? {
    let key = variable("AWS_ACCESS_KEY_ID")
    let secret = variable("AWS_SECRET_ACCESS_KEY")
    guard key != nil || secret != nil else { return nil }
    guard let key, let secret else {
      let missing = key == nil ? "AWS_ACCESS_KEY_ID" : "AWS_SECRET_ACCESS_KEY"
      throw Fatal(
        .permission,
        "\(missing) is not set: s3:// needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
    }
    return AmazonKeys(
      .init(
        accessKey: key, secretKey: Secret(secret),
        sessionToken: variable("AWS_SESSION_TOKEN").map(Secret.init)),
      name: "the access key \(key) (AWS_ACCESS_KEY_ID)")
  }

  /// A role that a profile takes on, if it does.
  private func role(
    _ name: String, _ profile: AmazonProfiles.Section, seen: Set<String>
  ) throws(Fatal) -> Source? {
    guard let role = profile["role_arn"], profile["web_identity_token_file"] == nil else {
      return nil
    }
    let place = "the profile \(name) of \(profiles.configPath)"
    guard profile["mfa_serial"] == nil else {
      throw Fatal(
        .configuration,
        "\(place) asks for a code of a device (mfa_serial), which a run of days cannot give. Use another "
          + "profile")
    }
    let source: Source
    if let other = profile["source_profile"] {
      guard let section = profiles.section(other), !seen.contains(other) else {
        throw Fatal(.configuration, "\(place) names a source_profile \(other), which leads nowhere")
      }
      // A profile may be its own source: then it has keys besides the role.
      if other != name, let found = try self.role(other, section, seen: seen.union([name])) {
        source = found
      } else if let found = try ofProfile(other, section) {
        source = found
      } else {
        throw Fatal(
          .configuration, "the profile \(other), which \(place) names, has no credentials")
      }
    } else {
      source = try credentialSource(profile["credential_source"], place)
    }
    return AmazonRole(
      role: role, session: profile["role_session_name"] ?? session,
      externalID: profile["external_id"], seconds: profile["duration_seconds"],
      service: try service("sts"), place: place, source: source)
  }

  private func credentialSource(_ name: String?, _ place: String) throws(Fatal) -> Source {
    switch name {
    case "Environment":
      if let keys = try environmentKeys() { return keys }
    case "EcsContainer":
      if let container = try AmazonContainer(variable) { return container }
    case "Ec2InstanceMetadata": return try AmazonInstance(variable)
    default: break
    }
    throw Fatal(
      .configuration,
      "\(place) has a role_arn, and neither a source_profile nor a credential_source that holds here"
    )
  }

  /// What a profile has of its own: a token of a cluster's, a log-in, keys, a program.
  private func ofProfile(
    _ name: String, _ profile: AmazonProfiles.Section
  ) throws(Fatal) -> Source? {
    let place = "the profile \(name) of \(profiles.configPath)"
    if let token = profile["web_identity_token_file"], let role = profile["role_arn"] {
      return AmazonWebIdentity(
        role: role, session: profile["role_session_name"] ?? session, tokenFile: token,
        service: try service("sts"), place: place)
    }
    if let login = try AmazonSSO(profile, place, self) { return login }
    if let key = profile["aws_access_key_id"], let secret = profile["aws_secret_access_key"] {
      let file = profiles.place(ofKeys: name)
      return AmazonKeys(
        .init(
          accessKey: key, secretKey: Secret(secret),
          sessionToken: profile["aws_session_token"].map(Secret.init)),
        name: "the access key \(key) (the profile \(name) of \(file))",
        again: AmazonKeys.Place(profile: name, path: file))
    }
    if let command = profile["credential_process"] {
      return try AmazonProcess(command, place)
    }
    return nil
  }

  /// Where a service answers that gives credentials.
  func service(_ name: String, region: String? = nil) throws(Fatal) -> AmazonTokenService {
    let region = region ?? AmazonEndpoint.region(variable, profiles)
    let host = name == "sso" ? "portal.sso" : name
    let configured = AmazonEndpoint.configured(
      name == "oidc" ? "sso_oidc" : name, variable, profiles)
    let text = configured ?? "https://\(host).\(region).\(AmazonEndpoint.domain(region))"
    guard let url = WebURL(text), url.scheme == "https" || url.isLoopback, !url.hasCredentials
    else {
      throw Fatal(
        .configuration,
        "the endpoint \(SecretRedactor.refused(text)), which credentials would be asked of, is not https"
      )
    }
    return AmazonTokenService(url: url, region: region)
  }
}

/// An address of a service that gives credentials.
struct AmazonTokenService: Sendable, Equatable {
  let url: WebURL
  let region: String
}

extension Identity<AmazonCredentials> {
  func advice(_ refusal: IdentityRefusal) -> String {
    refusal.clockAdvice ?? "Check \(name), and that it may be used"
  }
}

extension AmazonCredentials {
  /// Members as most of Amazon's services that give credentials call them; a program has `SessionToken`.
  static func issued(
    _ json: JSON, token: String = "Token", expires: String = "Expiration"
  ) -> Issued<AmazonCredentials>? {
    guard let key = json["AccessKeyId"]?.string, let secret = json["SecretAccessKey"]?.string else {
      return nil
    }
    let lifetime = json[expires]?.string.map { IdentityExchange.seconds(until: $0) }
    // An end that cannot be read is no end that can be kept.
    if case .some(.none) = lifetime { return nil }
    return Issued(
      credential: .init(
        accessKey: key, secretKey: Secret(secret),
        sessionToken: json[token]?.string.flatMap { $0.isEmpty ? nil : Secret($0) }),
      lifetime: lifetime ?? nil)
  }
}

/// Keys as they were found. Those of a file are read anew where a store says that they ended: a program of the
/// user's may have brought others.
struct AmazonKeys: Identity {
  struct Place: Sendable, Equatable {
    let profile: String
    let path: String
  }

  private let credentials: AmazonCredentials
  let name: String
  private let again: Place?

  init(_ credentials: AmazonCredentials, name: String, again: Place? = nil) {
    self.credentials = credentials
    self.name = name
    self.again = again
  }

  func issue(_ exchange: IdentityExchange) throws -> Issued<AmazonCredentials> {
    guard let again, let profiles = try? AmazonProfiles.load(exchange.settings.variable),
      let section = profiles.section(again.profile), let key = section["aws_access_key_id"],
      let secret = section["aws_secret_access_key"]
    else { return Issued(credential: credentials) }
    return Issued(
      credential: .init(
        accessKey: key, secretKey: Secret(secret),
        sessionToken: section["aws_session_token"].map(Secret.init)))
  }
}

/// A program of the user's (`credential_process`).
/// https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html
struct AmazonProcess: Identity {
  private let program: CredentialProgram
  var name: String { "the program \(Format.quoted(program.words[0])) (\(program.place))" }

  init(_ command: String, _ place: String) throws(Fatal) {
    program = try CredentialProgram(command, place: place, timeout: 60)
  }

  func issue(_ exchange: IdentityExchange) throws -> Issued<AmazonCredentials> {
    let json = try program.run(exchange.settings)
    guard json["Version"]?.int == 1,
      let issued = AmazonCredentials.issued(json, token: "SessionToken")
    else {
      throw Fatal(
        .permission,
        "\(name) printed no credentials: expected JSON with Version 1, AccessKeyId and SecretAccessKey"
      )
    }
    if let lifetime = issued.lifetime, lifetime <= 0 {
      throw Fatal(.permission, "\(name) printed credentials that have expired. Renew them")
    }
    return issued
  }
}
