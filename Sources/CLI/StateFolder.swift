import Common
import Glibc

/// Where checkpoint, spool and limiter are. Unless they are named, they have one place for each user, so
/// that two shells in two folders share one polite budget.
public struct StateFolder: Sendable, Equatable {
  /// The folder of checkpoint, spool, log and summary.
  public let path: String
  /// The limiter's file.
  public let limiter: String
  /// What to tell the user, where an earlier version's folder is used.
  public let note: String?

  /// The folder named with `--state`; or else `./state`, where an earlier version left its checkpoint; or
  /// else the user's, in which each index has a folder of its own, called `index`.
  ///
  /// Throws with exit code 78 where nothing says where the user's is.
  public init(
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
  public static func variable(_ name: String) -> String? {
    getenv(name).map { String(cString: $0) }
  }
}
