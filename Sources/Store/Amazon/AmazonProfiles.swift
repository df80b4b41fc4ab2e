import Common
import Glibc

/// What Amazon's tools keep in `~/.aws/config` and `~/.aws/credentials`. Reading is pure but for `load`.
/// https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-files.html
struct AmazonProfiles: Sendable, Equatable {
  struct Section: Sendable, Equatable {
    var values: [String: String] = [:]
    /// Settings of a service, indented below its name.
    var nested: [String: [String: String]] = [:]

    subscript(name: String) -> String? { values[name].flatMap { $0.isEmpty ? nil : $0 } }
  }

  /// Sections of the file of settings by their heads: `default`, `profile NAME`, `sso-session NAME`, `services NAME`.
  private let config: [String: Section]
  /// Sections of the file of keys by their heads, which are names of profiles.
  private let keys: [String: Section]
  /// Where they were, for people.
  let configPath: String
  let keysPath: String
  /// The profile that is asked for.
  let name: String

  /// What the variables lead to. Throws where a profile is named that is not there, and where others can
  /// read a file with keys.
  static func load(_ variable: (String) -> String?) throws(Fatal) -> AmazonProfiles {
    let folder = variable("HOME").map { "\($0)/.aws" }
    // Where variables have the keys, those of a file are not used.
    let isUsed = variable("AWS_ACCESS_KEY_ID") == nil && variable("AWS_SECRET_ACCESS_KEY") == nil
    func read(_ name: String, _ usual: String) throws(Fatal) -> (text: String, path: String) {
      guard let path = variable(name) ?? folder.map({ "\($0)/\(usual)" }) else {
        return ("", usual)
      }
      guard access(path, isUsed ? F_OK : R_OK) == 0 else { return ("", path) }
      let bytes = try SecretFile.read(path, "the file \(path)") {
        let text = String(decoding: $0, as: UTF8.self)
        return isUsed
          && (text.contains("aws_secret_access_key") || text.contains("aws_session_token"))
      }
      return (String(decoding: bytes, as: UTF8.self), path)
    }
    let config = try read("AWS_CONFIG_FILE", "config")
    let keys = try read("AWS_SHARED_CREDENTIALS_FILE", "credentials")
    let named = variable("AWS_PROFILE") ?? variable("AWS_DEFAULT_PROFILE")
    let profiles = AmazonProfiles(config, keys, name: named ?? "default")
    if let named, profiles.section(named) == nil {
      throw Fatal(
        .configuration,
        "AWS_PROFILE names the profile \(Format.quoted(named)), which is neither in \(config.path) nor in "
          + keys.path)
    }
    return profiles
  }

  init(
    _ config: (text: String, path: String), _ keys: (text: String, path: String), name: String
  ) {
    self.config = Self.sections(config.text)
    self.keys = Self.sections(keys.text)
    configPath = config.path
    keysPath = keys.path
    self.name = name
  }

  /// The settings and keys of a profile; `nil` where neither file has it.
  func section(_ name: String) -> Section? {
    let setting = config["profile \(name)"] ?? (name == "default" ? config["default"] : nil)
    guard let setting else { return keys[name] }
    guard let key = keys[name] else { return setting }
    return Section(
      values: setting.values.merging(key.values) { $1 },
      nested: setting.nested.merging(key.nested) { $1 })
  }

  /// The profile that is asked for; empty where there is none.
  var current: Section { section(name) ?? Section() }

  /// Which file the keys of a profile are in, for people.
  func place(ofKeys name: String) -> String {
    keys[name]?["aws_access_key_id"] == nil ? configPath : keysPath
  }

  /// `[sso-session NAME]`.
  func session(_ name: String) -> Section? { config["sso-session \(name)"] }

  /// Where the profile has a service answered: `endpoint_url` of the service in the section that `services`
  /// names, else its own.
  /// https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
  func endpoint(_ service: String) -> String? {
    let own = current["services"].flatMap { config["services \($0)"] }?.nested[service]
    return own?["endpoint_url"] ?? current["endpoint_url"]
  }

  /// Heads in brackets, then `name = value`; comments have lines of their own.
  private static func sections(_ text: String) -> [String: Section] {
    var sections: [String: Section] = [:]
    var head: String?
    var service: String?
    for line in text.split(whereSeparator: \.isNewline) {
      let plain = trimmed(line)
      if plain.isEmpty || plain.hasPrefix("#") || plain.hasPrefix(";") { continue }
      if line.first == "[", let end = plain.firstIndex(of: "]") {
        let words = CredentialProgram.split(String(plain[..<end].dropFirst())) ?? []
        let name = words.joined(separator: " ")
        sections[name] = sections[name] ?? Section()
        (head, service) = (name, nil)
        continue
      }
      guard let head, let sign = plain.firstIndex(of: "=") else { continue }
      let name = trimmed(plain[..<sign]).lowercased()
      let value = trimmed(plain[plain.index(after: sign)...])
      if line.first?.isWhitespace == true, let service {
        sections[head]?.nested[service, default: [:]][name] = value
      } else {
        sections[head]?.values[name] = value
        service = value.isEmpty ? name : nil
      }
    }
    return sections
  }

  private static func trimmed(_ text: Substring) -> String {
    String(text.drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
  }

  private static func trimmed(_ text: String) -> String { trimmed(text[...]) }
}
