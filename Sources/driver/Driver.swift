import ArgumentParser
import CLI
import Common
import Files
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
      PrepareRun.self, PrepareWork.self, Judge.self, End.self, Follow.self, Examine.self,
      Plan.self, Options.self, Init.self, About.self, Manual.self, Completions.self,
    ])

  static func main() {
    StandardDescriptors.hold()
    do {
      try AddressSpace.watch(tool: "conveyor")
      var arguments = Array(CommandLine.arguments.dropFirst())
      takeConfiguration(from: &arguments)
      // What ends a run has its variables already, and the file may be another one by then.
      if !["judge", "end", "follow"].contains(arguments.first) { try site.get().adopt() }
      if arguments.first == "start" { try become(Array(arguments.dropFirst())) }
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

  /// What `conveyor.env` and the folders say: read before the first use of the environment.
  static let site = Result { () throws(Fatal) in
    try Site(environment: KnownSecrets.environment())
  }

  /// `--config FILE` among the options of a run is the file's name; the script gives it in the environment.
  private static func takeConfiguration(from arguments: inout [String]) {
    guard ["run", "work", "doctor", "plan"].contains(arguments.first) else { return }
    let option = "--config"
    guard let place = arguments.firstIndex(where: { $0 == option || $0.hasPrefix("\(option)=") })
    else { return }
    let joined = arguments[place].dropFirst(option.count + 1)
    guard arguments[place] != option || place + 1 < arguments.endIndex else { return }
    setenv("CONVEYOR_CONFIG", arguments[place] == option ? arguments[place + 1] : String(joined), 1)
    arguments.removeSubrange(place...(arguments[place] == option ? place + 1 : place))
  }

  /// `start NAME WORD…`: this process becomes a tool or a plugin, with the site's settings in its environment. The
  /// words are that program's, so that they are not looked at here.
  private static func become(_ words: [String]) throws(Fatal) {
    guard let name = words.first else { throw Fatal(.usage, "start what? The name of a tool.") }
    let tool = Programs.aliases[name]
    let path = try programs().find(tool ?? name)
    var arguments =
      ([path] + (tool == nil ? words.dropFirst() : words[...])).map { strdup($0) } + [nil]
    execv(path, &arguments)
    throw Fatal(.other, "cannot start \(path): \(String(cString: strerror(errno)))")
  }

  static func programs() -> Programs {
    Programs(environment: KnownSecrets.environment(), beside: ProgramPath.ownFolder)
  }

  /// The table of what the tools that are installed say of themselves.
  static func table(_ programs: Programs) throws -> OptionTable {
    var help: [String: JSON] = [:]
    for tool in OptionTable.tools { help[tool] = try programs.help(of: tool) }
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
