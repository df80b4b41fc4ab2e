import Common

/// Options that name a file or a folder that is written to. An address given by mistake must not
/// become the name of one: it may hold a password.
enum LocalPaths {
  static let options: Set<String> = [
    "csv", "html", "log", "log-file", "metrics-file", "output-dir", "port-file", "spool", "state",
    "summary",
  ]

  /// Throws with exit code 64 for such an option whose value is the address of a server.
  static func check(_ arguments: [String]) throws(Fatal) {
    var option: String?
    for argument in arguments {
      if argument == "--" { return }
      if let name = option { try check(name, argument) }
      option = nil
      guard argument.hasPrefix("--") else { continue }
      let parts = argument.dropFirst(2).split(
        separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let name = String(parts.first ?? "")
      guard options.contains(name) else { continue }
      if parts.count == 2 { try check(name, String(parts[1])) } else { option = name }
    }
  }

  private static func check(_ option: String, _ value: String) throws(Fatal) {
    guard SecretRedactor.looksLikeAddress(value) else { return }
    throw Fatal(
      .usage,
      "--\(option) has to be a path on this machine, and \(SecretRedactor.setting(value)) is an "
        + "address. Name a path.")
  }
}
