/// What became of an option of earlier versions: most were modes, and are subcommands now. They go on
/// working, in any order with other options.
package enum OldOption: Sendable, Equatable {
  /// A flag that is a subcommand now, or this argument of one: `--report`, `--limiter-status`.
  case flag(subcommand: String, argument: String? = nil)
  /// An option that is a subcommand now, its value the subcommand's argument: `--import FILE`.
  case option(subcommand: String)
  /// Still an option, of the tool alone: it goes with no subcommand. `--settle`.
  case ofToolAlone
  /// An option that has another name now, given without hyphens.
  case renamed(String)
}
