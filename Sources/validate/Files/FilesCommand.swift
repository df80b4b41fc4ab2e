import ArgumentParser
import CLI
import Common
import Logging

/// `validate files`.
struct FilesCommand: Tool {
  static let configuration = CommandConfiguration(
    commandName: "files",
    abstract: "Check PDFs on their own, one line each.",
    usage: "validate files PATH [OPTION]…",
    discussion: """
      Reads PDFs as libqpdf does. Exit code 3: one of them cannot be kept.

        validate files ./pdf
        find . -name '*.pdf' | validate files -

      \(ToolExit.table)
      """)

  @Argument(help: "A file, a folder, or - for names from standard input.")
  var path: String

  @Option(name: .shortAndLong, help: .workers)
  var workers = WorkerCount(8)

  @OptionGroup var log: LogOptions

  func validate() throws {
    if path.isEmpty { throw ValidationError("PATH must not be empty; - is standard input.") }
  }

  func perform(stop: ShutdownSignal, logger: Logger) throws -> ToolExit {
    try FilesRun(workers: workers.value, stop: stop, logger: logger).perform(path)
  }
}
