import Common
import Crypto

/// Who we are to S3.
struct AmazonCredentials: Sendable, Equatable {
  let accessKey: String
  let secretKey: Secret
  /// The token of temporary credentials.
  let sessionToken: Secret?
}

/// Signature Version 4 (https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html).
/// Our own, because Debian's libcurl 7.88 leaves out the hash of the body and does not bring the query
/// into its canonical form, so that most signatures are wrong.
struct AmazonSigner: Sendable {
  let credentials: AmazonCredentials
  let region: String
  /// What is asked.
  var service = "s3"

  /// What is signed, each part as it goes over the wire.
  struct Subject: Sendable {
    var method: String
    /// With the port, where it is not the scheme's own.
    var host: String
    /// Percent-encoded once: S3 does not encode it again.
    var path: String
    /// Names and values before encoding.
    var query: [(name: String, value: String)] = []
    var headers: [(name: String, value: String)] = []
    /// SHA-256 of the body in hexadecimal digits.
    var bodySHA256: String
  }

  /// The header fields to send, the signature among them. `time` like `20261123T183035Z`.
  func headers(for subject: Subject, at time: String) -> [(name: String, value: String)] {
    var headers = subject.headers
    headers.append(("x-amz-content-sha256", subject.bodySHA256))
    headers.append(("x-amz-date", time))
    if let token = credentials.sessionToken {
      headers.append(("x-amz-security-token", token.reveal()))
    }
    let signed = (headers + [("host", subject.host)])
      .map { (name: $0.name.lowercased(), value: Self.trimmed($0.value)) }
      .sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    let names = signed.map(\.name).joined(separator: ";")
    let canonical = [
      subject.method, subject.path, Self.encoded(subject.query),
      signed.map { "\($0.name):\($0.value)\n" }.joined(), names, subject.bodySHA256,
    ].joined(separator: "\n")
    let scope = "\(time.prefix(8))/\(region)/\(service)/aws4_request"
    let text = "AWS4-HMAC-SHA256\n\(time)\n\(scope)\n\(Digest.sha256(canonical.utf8))"
    var key = Array("AWS4\(credentials.secretKey.reveal())".utf8)
    for part in [String(time.prefix(8)), region, service, "aws4_request", text] {
      key = Signing.hmacSHA256(Array(part.utf8), key: key)
    }
    headers.append(
      (
        "Authorization",
        "AWS4-HMAC-SHA256 Credential=\(credentials.accessKey)/\(scope), "
          + "SignedHeaders=\(names), Signature=\(Digest.hex(key))"
      ))
    return headers
  }

  /// A query in its canonical form, which is also the form that is sent.
  static func encoded(_ query: [(name: String, value: String)]) -> String {
    query.map { (Format.percentEncoded($0.name), Format.percentEncoded($0.value)) }
      .sorted { $0.0 == $1.0 ? $0.1 < $1.1 : $0.0 < $1.0 }
      .map { "\($0.0)=\($0.1)" }.joined(separator: "&")
  }

  /// Without blanks at the ends, and with single ones within.
  private static func trimmed(_ value: String) -> String {
    value.split(whereSeparator: { $0 == " " || $0 == "\t" }).joined(separator: " ")
  }

  /// A path whose parts are percent-encoded, with its slashes.
  static func encodedPath(_ name: String) -> String {
    "/"
      + name.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
      .map { Format.percentEncoded(String(Substring($0))) }.joined(separator: "/")
  }

  /// A time as signatures have it, from nanoseconds since 1970.
  static func time(_ nanoseconds: Int64) -> String {
    Time.timestamp(nanoseconds).prefix(19).filter { $0 != "-" && $0 != ":" } + "Z"
  }
}
