import Common
import Glibc

/// Where checkpoint, spool and limiter are. Unless they are named, they have one place for each user, so
/// that two shells in two folders share one polite budget.
package struct StateFolder: Sendable, Equatable {
  /// The folder of checkpoint, spool, log and summary.
  package let path: String
  package let limiter: String
  /// What to tell the user, where an earlier version's folder is used.
  package let note: String?

  /// The folder named with `--state`; or else `./state`, where an earlier version left its checkpoint; or
  /// else the user's, in which each index has a folder of its own, called `index`.
  ///
  /// Throws with exit code 78 where nothing says where the user's is.
  package init(
    named: String?, index: String? = nil, environment: (String) -> String? = Self.variable
  ) throws(Fatal) {
    if let named {
      path = named
      limiter = "\(named)/limiter.sqlite"
      note = nil
      return
    }
    let user = try Self.ofUser(environment)
    limiter = "\(user)/limiter.sqlite"
    guard access("state/checkpoint.sqlite", F_OK) != 0 else {
      path = "state"
      note = """
        using ./state, which an earlier version made in this folder, with the limiter of all runs, \
        \(limiter); name a folder with --state to use another one
        """
      return
    }
    path = index.map { "\(user)/\($0)" } ?? user
    note = nil
  }

  /// `$XDG_STATE_HOME/conveyor`, or `~/.local/state/conveyor` (XDG Base Directory Specification 0.8, which
  /// also has relative paths ignored).
  private static func ofUser(_ environment: (String) -> String?) throws(Fatal) -> String {
    if let folder = environment("XDG_STATE_HOME"), folder.hasPrefix("/") {
      return "\(folder)/conveyor"
    }
    guard let home = environment("HOME"), home.hasPrefix("/") else {
      throw Fatal(
        .configuration,
        """
        cannot tell where the state folder is: neither XDG_STATE_HOME nor HOME is set. Name one with \
        --state
        """)
    }
    return "\(home == "/" ? "" : home)/.local/state/conveyor"
  }

  /// A variable of this process's environment.
  package static func variable(_ name: String) -> String? {
    getenv(name).map { String(cString: $0) }
  }
}

/// Options that name a file or a folder that is written to. An address given by mistake must not
/// become the name of one: it may hold a password. Nor must an empty text, as of a variable of a shell that is not
/// set: `--state ""` would be the root of the file system.
enum LocalPaths {
  static let options: Set<String> = [
    "csv", "html", "log", "log-file", "metrics-file", "output-dir", "port-file", "samples", "spool",
    "state", "summary", "token-file",
  ]

  /// Throws with exit code 64 for such an option whose value is the address of a server, or empty.
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
    guard !value.isEmpty else {
      throw Fatal(.usage, "--\(option) must be a path; it is empty. Name a path.")
    }
    guard SecretRedactor.looksLikeAddress(value) else { return }
    throw Fatal(
      .usage,
      "--\(option) must be a path on this machine, and \(SecretRedactor.setting(value)) is an "
        + "address. Name a path.")
  }
}
