import ArgumentParser
import Common
import Config

/// The stage that a tool's selection and settings come from: the same options in every tool.
package struct StageOptions: ParsableArguments {
  @Option(help: "A stage: a name in the stages folder, or a path to a file.")
  var stage: String?

  @Option(help: "Where stages are found by name.")
  var stagesDir = "stages"

  /// Options as the command line gave them.
  package init() {}

  /// The stage, if one was named. Throws where its file is missing or wrong.
  package func load() throws(Fatal) -> Stage? {
    guard let stage else { return nil }
    return try Stage(named: stage, in: stagesDir)
  }
}
