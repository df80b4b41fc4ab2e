import ArgumentParser
import Common
import Index

/// How a file to import is read, where it does not show that itself.
struct ImportOptions: ParsableArguments {
  @Option(help: "How the file is written: csv, tsv or jsonl. (default: by its name and beginning)")
  var format: ImportReader.Layout?

  @Option(
    help: ArgumentHelp(
      "What a column of the file is in the index; without COLUMN it is left out. May be repeated.",
      valueName: "HEADER=COLUMN"))
  var map: [String] = []

  @Flag(help: "Leave out columns that the index does not know.")
  var ignoreUnknownColumns = false

  @Option(
    help:
      "What is between fields: a character, or tab, comma, semicolon, pipe. (default: by the header)",
    transform: { text in
      guard let delimiter = TableSniffer.delimiter(named: text) else {
        throw ValidationError(
          "--delimiter has to be one character or tab, comma, semicolon or pipe, and is "
            + Format.quoted(text))
      }
      return delimiter
    })
  var delimiter: UInt8?

  @Option(
    help: """
      The file's encoding: utf-8, utf-16, utf-16be or windows-1252. (default: what its bytes show)
      """,
    transform: { text in
      guard let encoding = TextEncoding(name: text) else {
        throw ValidationError(
          "--encoding has to be utf-8, utf-16, utf-16be or windows-1252, and is "
            + Format.quoted(text))
      }
      return encoding
    })
  var encoding: TextEncoding?

  @Option(
    name: .customLong("null"),
    help:
      "A text that stands for no value, besides the empty one; may be repeated. (default: \\N, NULL …)"
  )
  var nulls: [String] = []

  @Option(
    help: """
      How dates are written: mdy, dmy, ymd (also with years of two digits), or excel (day numbers). \
      (default: by the dates)
      """)
  var dateFormat: DateReader.Order?

  @Option(help: "The sheet of an .xlsx file, by name or number. (default: the first)")
  var sheet: String?

  /// Throws where something was said about a file, and none is imported.
  func check(isImporting: Bool) throws {
    let isSaid =
      format != nil || ignoreUnknownColumns || !map.isEmpty || delimiter != nil || encoding != nil
      || !nulls.isEmpty || dateFormat != nil || sheet != nil
    if isSaid, !isImporting {
      throw ValidationError(
        "--format, --map, --ignore-unknown-columns, --delimiter, --encoding, --null, --date-format and "
          + "--sheet go with --import")
    }
    if sheet?.isEmpty == true { throw ValidationError("--sheet has to be a name or a number") }
  }

  /// What is known of the file. Throws with exit code 64.
  func options() throws(Fatal) -> ImportReader.Options {
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
