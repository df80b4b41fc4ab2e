import CLI
import Glibc
import Inspection

/// One program, two roles: the tool, and the process that looks into PDFs for `validate files`. The second
/// has no options, no environment and no signals of ours, so that it is told apart before any of them.
@main
enum Program {
  static func main() {
    if CommandLine.arguments.dropFirst().first == Inspector.flag {
      exit(Inspector.answerQuestions { FileInspection.finding(at: $0).json })
    }
    Validate.main()
  }
}
