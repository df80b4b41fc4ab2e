import Common
import Glibc
import Synchronization

/// File URLs without a host (RFC 8089): percent-encoded UTF-8 between slashes.
package enum FileURL {
  /// How each of them begins.
  static let scheme = "file://"

  /// The URL of an absolute path without `.` and `..`.
  static func url(ofPath path: String) -> String {
    let segments = path.utf8.split(separator: UInt8(ascii: "/"))
    return scheme + segments.map { "/" + Format.percentEncoded(String(Substring($0))) }.joined()
  }

  /// The absolute path that a URL names; `nil` where it has a host, a query, a part `.` or `..`, a
  /// NUL, or what is not UTF-8.
  package static func path(of url: String) -> String? {
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

/// Knows a store's directory again, so that nothing goes into the empty folder that an unmounted disk
/// leaves behind, and nothing is taken for missing that is only away (promise P15).
final class RootWatch: Sendable {
  private struct Identity: Equatable {
    let device: UInt
    let node: UInt
  }

  private let first = Mutex<Identity?>(nil)

  /// Looks at the directory. Throws ``Fatal`` where it was there before, and is not, or is another one.
  func look(at root: String) throws(Fatal) {
    var status = stat()
    let now = stat(root, &status) == 0 ? Identity(device: status.st_dev, node: status.st_ino) : nil
    let code = errno
    try first.withLock { first throws(Fatal) in
      guard let before = first else {
        first = now
        return
      }
      guard now != before else { return }
      let why =
        now == nil ? String(cString: strerror(code)) : "another directory is in its place"
      throw Fatal(
        .inputOutput,
        "the store \(root) is not what it was when this run began: \(why). Mount it again, then run the "
          + "same command again")
    }
  }
}
