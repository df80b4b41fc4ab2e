import ArgumentParser
import CLI
import Common
import Index
import Logging

/// `enqueue import`: which file, and how it is read where it does not show that itself.
struct ImportCommand: Tool {
  static let configuration = CommandConfiguration(
    commandName: "import",
    abstract: "Add documents from a file to the index.",
    usage: "enqueue import FILE --index URL [OPTION]…",
    discussion: """
      Reads .csv, .tsv, .json, .jsonl (also .gz), .xlsx. Creates a SQLite index where it is \
      missing, and leaves known documents as they are. Exit code 3: rows were refused.

        enqueue import deeds.csv --index sqlite:index.db
        enqueue import index.xlsx --sheet 2023 --index sqlite:index.db

      \(ToolExit.table)
      """)

  @Argument(help: "The file, or - for standard input.")
  var file: String

  @OptionGroup var place: IndexOptions

  @Option(
    help: "Read the file in this format. (default: by its name and beginning)")
  var format: ImportReader.Layout?

  @Option(
    help: ArgumentHelp(
      "Take a column of the file for this one of the index, or for none; repeatable.",
      valueName: "HEADER=COLUMN"))
  var map: [String] = []

  @Flag(help: "Leave out columns that the index does not know.")
  var ignoreUnknownColumns = false

  @Option(
    help: "Split fields at a character, tab, comma, semicolon or pipe. (default: by the header)",
    transform: { text in
      guard let delimiter = TableSniffer.delimiter(named: text) else {
        throw ValidationError("it must be one character or tab, comma, semicolon or pipe")
      }
      return delimiter
    })
  var delimiter: UInt8?

  @Option(
    help: """
      Read the file as utf-8, utf-16, utf-16be or windows-1252. (default: by its bytes)
      """,
    transform: { text in
      guard let encoding = TextEncoding(name: text) else {
        throw ValidationError("it must be utf-8, utf-16, utf-16be or windows-1252")
      }
      return encoding
    })
  var encoding: TextEncoding?

  @Option(
    name: .customLong("null"),
    help: ArgumentHelp(
      "Take this text for no value, as the empty one; repeatable. (default: \\N, NULL …)",
      valueName: "text"))
  var nulls: [String] = []

  @Option(help: "Read dates in this order; excel: day numbers. (default: by the dates)")
  var dateFormat: DateReader.Order?

  @Option(help: "Read this sheet of an .xlsx file. (default: the first)")
  var sheet: String?

  @Option(help: .progress)
  var progress = ProgressMode.auto

  @OptionGroup var log: LogOptions

  func validate() throws {
    if sheet?.isEmpty == true { throw ValidationError("--sheet must be a name or a number.") }
  }

  func perform(stop: ShutdownSignal, logger: Logger) throws -> ToolExit {
    let importer = Importer(
      path: file, options: try options(), sheet: sheet, progress: progress, stop: stop)
    return try importer.run { [place] in try place.open(creating: true, stop: stop) }
  }

  /// What is known of the file. Throws with exit code 64.
  private func options() throws(Fatal) -> ImportReader.Options {
    var options = ImportReader.Options()
    options.map = try ColumnMap(map)
    options.ignoresUnknown = ignoreUnknownColumns
    options.layout = format
    options.delimiter = delimiter
    options.encoding = encoding
    options.rules.nulls = nulls.isEmpty ? nil : Set(nulls)
    options.rules.dates = DateReader(dateFormat)
    return options
  }
}

extension ImportReader.Layout: ExpressibleByArgument {}
extension DateReader.Order: ExpressibleByArgument {}
