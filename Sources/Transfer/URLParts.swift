/// An http or https URL in its parts, each as it is sent: ASCII, percent-encoded where it has to be.
struct URLParts: Sendable, Hashable {
  var scheme = ""
  var user = ""
  var password = ""
  var host = ""
  /// `nil` for the scheme's own.
  var port: Int?
  /// Between the slashes; never empty.
  var path: [String] = [""]
  /// What follows the question mark; `nil` without one.
  var query: String?

  static func defaultPort(_ scheme: String) -> Int { scheme == "https" ? 443 : 80 }

  var hasCredentials: Bool { !user.isEmpty || !password.isEmpty }

  /// The URL without its fragment, with `userinfo` in front of the host.
  func text(userinfo: String) -> String {
    let colon = port.map { ":\($0)" } ?? ""
    let mark = query.map { "?\($0)" } ?? ""
    return "\(scheme)://\(userinfo)\(host)\(colon)/\(path.joined(separator: "/"))\(mark)"
  }

  var text: String {
    guard hasCredentials else { return text(userinfo: "") }
    return text(userinfo: password.isEmpty ? "\(user)@" : "\(user):\(password)@")
  }
}
