import Common

/// File URLs without a host (RFC 8089): percent-encoded UTF-8 between slashes.
public enum FileURL {
  /// How each of them begins.
  static let scheme = "file://"

  /// The URL of an absolute path without `.` and `..`.
  static func url(ofPath path: String) -> String {
    let segments = path.utf8.split(separator: UInt8(ascii: "/"))
    return scheme + segments.map { "/" + Format.percentEncoded(String(Substring($0))) }.joined()
  }

  /// The absolute path that a URL names; `nil` where it has a host, a query, a part `.` or `..`, a
  /// NUL, or what is not UTF-8.
  public static func path(of url: String) -> String? {
    guard url.utf8.starts(with: (scheme + "/").utf8) else { return nil }
    var bytes: [UInt8] = []
    var rest = url.utf8.dropFirst(scheme.utf8.count)
    while let byte = rest.popFirst() {
      switch byte {
      case UInt8(ascii: "%"):
        guard let high = rest.popFirst(), let low = rest.popFirst(),
          let value = value(high, low), value != 0, value != UInt8(ascii: "/")
        else { return nil }
        bytes.append(value)
      case UInt8(ascii: "?"), UInt8(ascii: "#"), 0: return nil
      default: bytes.append(byte)
      }
    }
    let dots: [[UInt8]] = [Array(".".utf8), Array("..".utf8)]
    let segments = bytes.split(separator: UInt8(ascii: "/"))
    guard !segments.contains(where: { dots.contains(Array($0)) }) else { return nil }
    return String(validating: bytes, as: UTF8.self)
  }

  private static func value(_ high: UInt8, _ low: UInt8) -> UInt8? {
    guard let high = Character(Unicode.Scalar(high)).hexDigitValue,
      let low = Character(Unicode.Scalar(low)).hexDigitValue
    else { return nil }
    return UInt8(high << 4 + low)
  }
}
