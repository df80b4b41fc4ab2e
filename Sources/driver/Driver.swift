import Files
import ArgumentParser
import CLI
import Common
import Glibc

/// What `bin/conveyor` asks: the script finds this program and composes the pipeline, and what has to be decided
/// is decided here (docs/architecture.md, "The driver").
@main
struct Driver: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "conveyor-driver",
    abstract: "Decide for the script bin/conveyor what to run, and how it ended.",
    discussion: ToolExit.table,
    subcommands: [
      Find.self, Plan.self, PlanWork.self, Judge.self, End.self, Examine.self, Options.self,
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
    let own = ProgramFolder.own()
    return Programs(environment: KnownSecrets.environment(), beside: own)
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

/// Where a program is.
enum ProgramFolder {
  /// The folder of the program that runs.
  static func own() -> String {
    guard let path = realpath("/proc/self/exe", nil) else { return "." }
    defer { free(path) }
    let text = String(cString: path)
    return text.lastIndex(of: "/").map { String(text[..<$0]) } ?? "."
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
