import CLI
import Glibc

/// One program, two roles: the tool, and the process that it looks into PDFs with. The second has
/// no options, no environment and no signal handling, so it is recognized before any of them.
@main
enum Program {
  static func main() {
    if CommandLine.arguments.dropFirst().first == WorkerMain.flag { exit(WorkerMain.run()) }
    Optimize.main()
  }
}
