import Common
import HTTP
import Synchronization

/// Where a bucket of S3 answers. Pure, but for the region, which a store may correct.
struct AmazonEndpoint: Sendable {
  let scheme: String
  /// What comes before an object's name in a path: the bucket, where it is not in the host's name.
  let root: String
  private let bucket: String
  /// Another store's than Amazon's.
  private let otherHost: String?
  private let current: Region

  private final class Region: Sendable {
    let name: Mutex<String>
    init(_ name: String) { self.name = Mutex(name) }
  }

  init(
    _ bucket: String, _ variable: (String) -> String?, _ profiles: AmazonProfiles
  ) throws(Fatal) {
    let region = Self.region(variable, profiles)
    let text = Self.configured("s3", variable, profiles)
    let named =
      variable("AWS_S3_ADDRESSING_STYLE") ?? profiles.current.nested["s3"]?["addressing_style"]
    let isVirtual: Bool
    switch named?.lowercased() {
    // Names with a dot do not match the certificate of a host below amazonaws.com; another store may know its
    // buckets by path alone.
    case nil, "auto": isVirtual = text == nil && !bucket.contains(".")
    case "path": isVirtual = false
    case "virtual": isVirtual = true
    case let other?:
      throw Fatal(
        .configuration,
        "the addressing style \(Format.quoted(other)) (AWS_S3_ADDRESSING_STYLE or addressing_style of "
          + "the profile) is not known: expected auto, path or virtual")
    }
    self.bucket = bucket
    root = isVirtual ? "" : "\(bucket)/"
    current = Region(region)
    guard let text else {
      scheme = "https"
      otherHost = nil
      return
    }
    let url = try Self.url(text)
    scheme = url.scheme
    let usualPort = url.scheme == "https" ? 443 : 80
    let host = url.port == usualPort ? url.host : url.origin
    otherHost = isVirtual ? "\(bucket).\(host)" : host
  }

  /// Whether it is Amazon's own.
  var isAmazons: Bool { otherHost == nil }

  /// Where requests are signed for.
  var region: String { current.name.withLock(\.self) }

  /// With the port, where it is not the scheme's own.
  var host: String {
    if let otherHost { return otherHost }
    let region = region
    return (root.isEmpty ? "\(bucket)." : "") + "s3.\(region).\(Self.domain(region))"
  }

  /// Goes on in the region that the store names. False where that is not another one.
  func move(to region: String) -> Bool {
    let letters = Set("abcdefghijklmnopqrstuvwxyz0123456789-".utf8)
    guard !region.isEmpty, region.utf8.allSatisfy(letters.contains) else { return false }
    return current.name.withLock { name in
      defer { name = region }
      return name != region
    }
  }

  /// `AWS_REGION`, `AWS_DEFAULT_REGION`, the profile's, else the oldest of all.
  static func region(_ variable: (String) -> String?, _ profiles: AmazonProfiles) -> String {
    variable("AWS_REGION") ?? variable("AWS_DEFAULT_REGION") ?? profiles.current["region"]
      ?? "us-east-1"
  }

  static func domain(_ region: String) -> String {
    region.hasPrefix("cn-") ? "amazonaws.com.cn" : "amazonaws.com"
  }

  /// Another address for a service, where one is set: what is said of the service before what is said of all, and
  /// variables before the profile.
  /// https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
  static func configured(
    _ service: String, _ variable: (String) -> String?, _ profiles: AmazonProfiles
  ) -> String? {
    let isIgnored =
      variable("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")
      ?? profiles.current["ignore_configured_endpoint_urls"]
    if isIgnored?.lowercased() == "true" { return nil }
    return variable("AWS_ENDPOINT_URL_\(service.uppercased())") ?? variable("AWS_ENDPOINT_URL")
      ?? profiles.endpoint(service)
  }

  private static func url(_ text: String) throws(Fatal) -> WebURL {
    guard let url = WebURL(text), url.description.split(separator: "/").count == 2 else {
      throw Fatal(
        .configuration,
        "AWS_ENDPOINT_URL is no http or https URL of a host: \(SecretRedactor.refused(text))")
    }
    guard !url.hasCredentials else {
      throw Fatal(
        .configuration,
        "AWS_ENDPOINT_URL has a user or a password in it: \(SecretRedactor.refused(text)). Set "
          + "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY instead")
    }
    return url
  }
}
