import ArgumentParser
import CLI
import Common
import Logging
import Stages
import Store

/// The command `upload`: its options, and what they mean.
@main
struct Upload: Tool {
  static let configuration = CommandConfiguration(
    commandName: "upload",
    abstract:
      "Puts each document's file into a store, whole or not at all, and never over another.",
    discussion: """
      Reads one JSON record per line and writes it with "upload" added: where the file is now, its \
      size and its checksums. The file is the newest that the record names: optimize.path, \
      fetch.path or path. Nothing is deleted.

      EXAMPLES:
        fetch … | upload --to file:///srv/archive --stage stage-0-test
        ls *.pdf | upload --from-list --to ./archive

      \(ExitCode.table)
      """)

  @Option(help: "The store: file:///some/directory, or a path.")
  var to: String

  @Option(help: "How an object's key is made (default: the stage's key, else {id}.pdf).")
  var key: String?

  @Option(help: "The stage whose key and folders to use.")
  var stage: String?

  @Option(help: "Where the stage files are.")
  var stagesDir = "stages"

  @Option(name: .shortAndLong, help: "Documents at a time.")
  var workers = 8

  @Flag(help: "Replace an object that has other content, instead of refusing.")
  var overwrite = false

  @Flag(help: "Add the URL that would be written, and write nothing.")
  var dryRun = false

  @Flag(help: "The input is plain names of files; a record is made for each.")
  var fromList = false

  @OptionGroup var log: LogOptions

  func validate() throws {
    guard (1...256).contains(workers) else {
      throw ValidationError("--workers has to be from 1 to 256, and is \(workers).")
    }
    if let key {
      do { _ = try Template(key) } catch { throw ValidationError("--key: \(error).") }
    }
  }

  func perform(stop: Stop, logger: Logger) throws -> Common.ExitCode {
    let stage = try stage.map { try Stage(named: $0, in: stagesDir) }
    let store = try openStore(to)
    let keys = try KeyRule(template(of: stage), stage: stage)
    let loop = StageLoop(
      tool: "upload", workers: workers, stop: stop, logger: logger,
      lines: fromList ? .fileNames : .records)
    return loop.run { [overwrite, dryRun] number in
      var logger = logger
      logger[metadataKey: "worker"] = "\(number)"
      return Uploader(
        store: store, keys: keys, overwrites: overwrite, isDryRun: dryRun, logger: logger)
    }
  }

  private func template(of stage: Stage?) -> String {
    // A file name has its ending already.
    key ?? stage?.key ?? (fromList ? "{id}" : "{id}.pdf")
  }
}
