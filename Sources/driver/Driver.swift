import Files
import ArgumentParser
import CLI
import Common
import Glibc
import Subprocesses

/// What `bin/conveyor` asks: the script finds this program and composes the pipeline, and what has to be decided
/// is decided here (docs/architecture.md, "The driver").
@main
struct Driver: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "conveyor-driver",
    abstract: "Decide for the script bin/conveyor what to run, and how it ended.",
    discussion: ToolExit.table,
    subcommands: [
      Find.self, PrepareRun.self, PrepareWork.self, Judge.self, End.self, Follow.self, Examine.self,
      Plan.self, Options.self,
    ])

  static func main() {
    StandardDescriptors.hold()
    do {
      try AddressSpace.watch(tool: "conveyor")
      let arguments = Array(CommandLine.arguments.dropFirst())
      try prepare(arguments, KnownSecrets.environment())
      var command = try parseAsRoot(arguments)
      try command.run()
    } catch let ended as Preflight.Ended {
      Glibc.exit(ended.status)
    } catch let fatal as Fatal {
      say(Format.printable(fatal.message))
      Glibc.exit(fatal.code.rawValue)
    } catch {
      end(with: error)
    }
  }

  static func say(_ line: String) { Console.write("conveyor: \(line)\n") }

  static func programs() -> Programs {
    Programs(environment: KnownSecrets.environment(), beside: ProgramPath.ownFolder)
  }

  /// The table of what the tools that are installed say of themselves.
  static func table(_ programs: Programs) throws -> OptionTable {
    var help: [String: JSON] = [:]
    for tool in OptionTable.tools {
      let dump = try programs.run(tool, ["--experimental-dump-help"])
      guard dump.status == 0 else { throw Preflight.Ended(status: dump.status) }
      guard let json = try? JSON(parsing: dump.text) else {
        throw Fatal(
          .configuration, "the tool \(tool) does not describe its options. Build it again.")
      }
      help[tool] = json
    }
    return OptionTable(help: help)
  }

  /// What a command line asks for, and what that needs.
  static func preflight(
    _ command: RunSettings.Command, _ words: [String]
  ) throws -> Preflight {
    let programs = programs()
    let settings = try RunSettings(
      words, for: command, try table(programs), environment: programs.environment)
    let folder = programs.environment["CONVEYOR_STAGES_DIR"] ?? "stages"
    return Preflight(settings: settings, programs: programs, stagesFolder: folder)
  }
}

/// `find NAME`: prints where a tool or a plugin is.
struct Find: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Print the path of a tool or of a plugin.")

  @Argument(help: "Its name: fetch, or stamp for conveyor-stamp.")
  var name: String

  func run() throws { try Console.answer("\(try Driver.programs().find(name))\n") }
}
