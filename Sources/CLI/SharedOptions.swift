import ArgumentParser
import Common
import Config

extension ArgumentHelp {
  /// An option that only `--help-all` shows.
  package static func rare(_ abstract: String, valueName: String? = nil) -> ArgumentHelp {
    ArgumentHelp(abstract, valueName: valueName, visibility: .hidden)
  }

  // Options of several tools: one variable without a tool's name sets all of them, so that they
  // have one text.
  package static let dryRun: ArgumentHelp = "Show what would be done, and do nothing."
  package static let index = ArgumentHelp(
    "Use postgres://USER@HOST/NAME or sqlite:PATH.", valueName: "url")
  package static let json: ArgumentHelp = "Print JSON."
  package static let limiter = ArgumentHelp(
    "Share this limiter: a file, postgres:// or redis://.", valueName: "url")
  package static let noRecords: ArgumentHelp = "Write no records: for the end of a pipeline."
  package static let outageLimit = rare(
    "Wait this long for a portal or store that refuses every document, then end the run.",
    valueName: "time")
  package static let progress = rare("Show progress on stderr.")
  package static let root = rare("Use only files below this folder.", valueName: "dir")
  package static let spool = ArgumentHelp(
    "Keep fetched documents here until they are settled.", valueName: "dir")
  package static let state = ArgumentHelp(
    "Use this folder for limiter, checkpoint and spool.", valueName: "dir")
  package static let to = ArgumentHelp(
    "Use gs://BUCKET/PATH, s3://BUCKET/PATH or a folder.", valueName: "url")
}

extension NameSpecification {
  /// The names of `--dry-run`.
  package static let dryRun: NameSpecification = [.customShort("n"), .long]
}

/// The stage that a tool's selection and settings come from.
package struct StageOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Use this stage, by name or file.", valueName: "name"))
  var stage: String?

  @Option(help: .rare("Find stages by name in this folder, or in A:B.", valueName: "dir"))
  var stagesDir = "stages"

  /// Options as the command line gave them.
  package init() {}

  /// The stage, if one was named. Throws where its file is missing or wrong.
  package func load() throws(Fatal) -> Stage? {
    guard let stage else { return nil }
    return try Stage(named: stage, in: stagesDir)
  }
}

/// The portals that documents come from.
package struct PortalOptions: ParsableArguments {
  @Option(
    help: .rare(
      "Use this portal, by name or file; repeatable. (default: the stage's)", valueName: "name"))
  var portal: [String] = []

  /// Where portals are found by name.
  @Option(help: .rare("Find portals by name in this folder, or in A:B.", valueName: "dir"))
  package var portalsDir = "portals"

  /// Options as the command line gave them.
  package init() {}

  /// The names of the portals: those that were named, or else the stage's.
  package func names(_ stage: Stage?) -> [String] {
    portal.isEmpty ? stage?.portals ?? [] : portal
  }
}

/// How the portals are asked, as far as it comes before what their files say.
package struct PortalAccessOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp("Use this address instead of the portal file's.", valueName: "url"))
  package var portalBase: String?

  /// The time between two requests to a host.
  @Option(
    help: ArgumentHelp(
      "Wait this long between two requests to a host. (default: the stage's)", valueName: "time"))
  package var rateLimitDelay: TimeSpan?

  /// Options as the command line gave them.
  package init() {}
}

/// How many connections a tool may have to an index in PostgreSQL.
package struct PoolOptions: ParsableArguments {
  /// At most so many, 2 to 20.
  @Option(help: .rare("Open at most this many connections to PostgreSQL, 2 to 20.", valueName: "n"))
  package var dbPool = 2

  /// Options as the command line gave them.
  package init() {}

  /// Refuses what is out of bounds.
  package func validate() throws {
    guard (2...20).contains(dbPool) else {
      throw ValidationError("--db-pool must be from 2 to 20; it is \(dbPool).")
    }
  }
}
