import Common
import Foundation
import Support
import Testing

/// Files as people export them, made by other software where that is at hand: what is understood, what
/// is refused, and that no row is lost without a count.
@Suite("enqueue import of exports as people have them")
struct ExportsTests {
  struct Export: Sendable, CustomTestStringConvertible {
    let name: String
    /// What makes `file`, for sh(1) in an empty folder.
    let script: String
    var file = "a.csv"
    var options: [String] = []
    /// New, there already, refused.
    let counts: [Int]
    /// `book|page|instrument_number|file_date|grantor_party` of what is stored; not compared if empty.
    var stored: [String] = []
    /// Words that are said.
    var said: [String] = []
    var testDescription: String { name }
  }

  /// printf(1) of lines.
  private static func lines(_ lines: String..., end: String = "\\n") -> String {
    "printf '" + lines.map { $0 + end }.joined() + "' > a.csv"
  }

  private static let header = "source,book,page,instrument_number,file_date,grantor_party"

  /// One row with a value in one column.
  private static func numbers(_ text: String) -> String {
    lines("source,book,page,instrument_number", "S,1,2,\(text)")
  }

  private static func dates(_ texts: String...) -> String {
    "printf 'source;book;page;file_date\\n' > a.csv; "
      + texts.enumerated().map { "printf '%s\\n' 'S;1;\($0.offset + 1);\($0.element)' >> a.csv" }
      .joined(separator: "; ")
  }

  private static let python = "/usr/bin/python3 -c"

  private static let delimiters: [Export] = [
    Export(
      name: "semicolons", script: lines("source;book;page", "S;1;2"), counts: [1, 0, 0],
      said: ["a table with semicolons"]),
    Export(
      name: "tabs in a .csv", script: lines("source\\tbook\\tpage", "S\\t1\\t2"),
      counts: [1, 0, 0],
      said: ["with tabs"]),
    Export(
      name: "commas in a .tsv", script: lines("source,book,page", "S,1,2") + "; mv a.csv a.tsv",
      file: "a.tsv", counts: [1, 0, 0], said: ["with commas"]),
    Export(
      name: "vertical bars", script: lines("source|book|page", "S|1|2"), counts: [1, 0, 0],
      said: ["vertical bars"]),
    Export(
      name: "sep=", script: lines("sep=;", "source;book;page", "S;1;2"), counts: [1, 0, 0],
      said: ["its header on line 2"]),
    Export(
      name: "a delimiter that is given", script: lines("source^book^page", "S^1^2"),
      options: ["--delimiter", "^"], counts: [1, 0, 0]),
    Export(
      name: "Python's csv with a dialect of its own",
      script:
        "\(python) \"import csv; w = csv.writer(open('a.csv', 'w'), delimiter='|', quoting=csv.QUOTE_ALL); "
        + "w.writerows([['source', 'book', 'page'], ['A|B', 1, 2]])\"", counts: [1, 0, 0]),
    Export(
      name: "sqlite3 -csv -header",
      script:
        "sqlite3 -csv -header :memory: \"SELECT 'S' source, 1 book, 2 page, NULL instrument_number, "
        + "'1951-03-04' file_date, 'SMITH, J' grantor_party\" > a.csv", counts: [1, 0, 0],
      stored: ["1|2||1951-03-04|SMITH, J"]),
    Export(
      name: "sqlite3 -tabs",
      script: "sqlite3 -tabs -header :memory: \"SELECT 'S' source, 1 book, 2 page\" > a.csv",
      counts: [1, 0, 0]),
    Export(
      name: "sqlite3 -json",
      script:
        "sqlite3 -json :memory: \"SELECT 'S' source, 1 book, 2 page UNION SELECT 'S', 1, 3\" > a.csv",
      counts: [2, 0, 0], said: ["a JSON array"]),
  ]

  private static let encodings: [Export] =
    ["UTF-16LE", "UTF-16BE", "UTF-16"].map {
      Export(
        name: $0,
        script: lines(
          "source,book,page,instrument_number,file_date,grantor_party", "S,1,2,,,Müller")
          + "; iconv -f UTF-8 -t \($0) a.csv > b; mv b a.csv", counts: [1, 0, 0],
        stored: ["1|2|||Müller"],
        said: ["UTF-16"])
    } + [
      Export(
        name: "Windows-1252",
        script: lines(header, "S,1,2,,,Müller – Sons", "S,1,3,,,x")
          + "; iconv -f UTF-8 -t WINDOWS-1252 a.csv > b; mv b a.csv", counts: [2, 0, 0],
        stored: ["1|2|||Müller – Sons", "1|3|||x"], said: ["1 line read as Windows-1252"]),
      Export(
        name: "Windows-1252 that is said",
        script: lines(header, "S,1,2,,,Müller")
          + "; iconv -f UTF-8 -t WINDOWS-1252 a.csv > b; mv b a.csv",
        options: ["--encoding", "cp1252"],
        counts: [1, 0, 0], stored: ["1|2|||Müller"], said: ["Windows-1252"]),
      Export(
        name: "not the encoding that is said",
        script: lines(header, "S,1,2,,,Müller", "S,1,3,,,x")
          + "; iconv -f UTF-8 -t WINDOWS-1252 a.csv > b; mv b a.csv",
        options: ["--encoding", "utf-8"],
        counts: [1, 0, 1], said: ["a.csv:2: refused: field 6 is not UTF-8"]),
      Export(
        name: "a byte order mark", script: lines("\\357\\273\\277source,book,page", "S,1,2"),
        counts: [1, 0, 0]),
      Export(
        name: "a byte order mark in JSON lines",
        script: "printf '\\357\\273\\277{\"source\":\"S\",\"book\":1,\"page\":2}\\n' > a.jsonl",
        file: "a.jsonl",
        counts: [1, 0, 0]),
      Export(
        name: "PowerShell's UTF-16 JSON",
        script: "printf '[{\"source\":\"S\",\"book\":1,\"page\":2}]' | iconv -t UTF-16 > a.json",
        file: "a.json",
        counts: [1, 0, 0]),
      Export(
        name: "CR alone", script: lines("source,book,page", "S,1,2", "S,1,3", end: "\\r"),
        counts: [2, 0, 0]),
      Export(
        name: "CRLF", script: lines("source,book,page", "S,1,2", end: "\\r\\n"), counts: [1, 0, 0]),
      Export(
        name: "no line end",
        script: lines("source,book,page", "S,1,2", end: "\\n") + "; truncate -s -1 a.csv",
        counts: [1, 0, 0]),
    ]

  private static let values: [Export] =
    [
      ("62379.0", "62379"), ("6.2379E4", "62379"), ("\"62,379\"", "62379"), ("'\\''0055", "55"),
      ("0055", "55"),
      (" 55 ", "55"), ("+55", "55"), ("=\"0055\"", "55"), ("\\\\N", ""), ("NULL", ""), ("nan", ""),
      ("", ""),
    ].map { text, number in
      Export(
        name: "the number \(text)", script: numbers(text), counts: [1, 0, 0],
        stored: ["1|2|\(number)||"])
    }
    + ["6.2E4", "62379.5", "1.23457E+11", "62379a"].map {
      Export(
        name: "the number \($0)", script: numbers($0), counts: [0, 0, 1],
        said: ["a.csv:2: refused: instrument_number must be a whole number"])
    } + [
      Export(
        name: "a null that is said", script: lines(header, "S,1,2,none,,NULL"),
        options: ["--null", "none"],
        counts: [1, 0, 0], stored: ["1|2|||NULL"]),
      Export(
        name: "pandas",
        script: "\(python) \"import json; print(json.dumps([dict(source='S', book=1.0, "
          + "page='2', instrument_number=62379.0, file_date=None, grantor_party=float('nan'))]).replace('NaN', 'null'))\" > a.csv",
        counts: [1, 0, 0], stored: ["1|2|62379||"], said: ["a JSON array"]),
      Export(
        name: "a JSON array that breaks off",
        script: "printf '[{\"source\":\"S\",\"book\":1,\"page\":2},\\n{\"source\":\"S\",' > a.json",
        file: "a.json", counts: [1, 0, 2], said: ["a.json:2: refused", "unterminated array"]),
      Export(
        name: "pandas' index", script: lines(",source,book,page,Unnamed: 4", "0,S,1,2,"),
        counts: [1, 0, 0]),
      Export(
        name: "padded texts", script: lines(header, "S   ,1   ,2,,,SMITH   "), counts: [1, 0, 0],
        stored: ["1|2|||SMITH"]),
    ]

  private static let days: [Export] =
    [
      ("3/4/1951 12:00:00 AM", "1951-03-04"), ("1951-03-04T00:00:00Z", "1951-03-04"),
      ("4-MAR-1951", "1951-03-04"), ("March 4, 1951", "1951-03-04"), ("04.03.1951", "1951-03-04"),
      ("19510304", "1951-03-04"), ("1951/3/4", "1951-03-04"),
      ("1951-03-04 00:00:00.000", "1951-03-04"),
    ].map { text, day in
      Export(
        name: "the day \(text)", script: dates(text), counts: [1, 0, 0], stored: ["1|1||\(day)|"])
    }
    + ["00/00/0000", "0000-00-00", "18691", "04-MAR-51", "3/4/51", "unknown", "2/30/1951"].map {
      Export(
        name: "the day \($0)", script: dates($0), counts: [1, 0, 0], stored: ["1|1|||"],
        said: [
          "1 value that could not be read were left empty: file_date 1 (first on line 2: \"\($0)\")"
        ])
    } + [
      Export(
        name: "days with the day first", script: dates("3/4/1951", "25/12/1951"),
        counts: [2, 0, 0],
        stored: ["1|1||1951-04-03|", "1|2||1951-12-25|"], said: ["have the day first"]),
      Export(
        name: "days with the month first", script: dates("3/4/1951", "12/25/1951"),
        counts: [2, 0, 0],
        stored: ["1|1||1951-03-04|", "1|2||1951-12-25|"],
        said: ["like 3/4/1951 have the month first"]),
      Export(
        name: "days that do not show it", script: dates("3/4/1951"), counts: [1, 0, 0],
        said: ["are taken to have the month first", "--date-format dmy"]),
      Export(
        name: "days of both kinds", script: dates("3/4/1951", "12/25/1951", "25/12/1951"),
        counts: [3, 0, 0],
        stored: ["1|1|||", "1|2||1951-12-25|", "1|3||1951-12-25|"],
        said: ["those with two readings are left empty"]),
      Export(
        name: "what is said of days", script: dates("3/4/51", "04-MAR-51"),
        options: ["--date-format", "dmy"],
        counts: [2, 0, 0], stored: ["1|1||1951-04-03|", "1|2||1951-03-04|"]),
      Export(
        name: "Excel's days", script: dates("18691", "1", "61"),
        options: ["--date-format", "excel"],
        counts: [3, 0, 0], stored: ["1|1||1951-03-04|", "1|2||1900-01-01|", "1|3||1900-03-01|"]),
    ]

  private static let rows: [Export] = [
    Export(
      name: "fewer and more empty fields",
      script: lines(header, "S,1,2", "S,1,3,,,,,,", "S,1,4,,,x,y"),
      counts: [2, 0, 1],
      said: ["a.csv:4: refused: 7 fields instead of 6", "1 row with fewer fields"]),
    Export(
      name: "a file that is cut off",
      script: lines(header, "S,1,2,,,x", "S,1,3") + "; truncate -s -1 a.csv",
      counts: [1, 0, 1], said: ["the file ends in this row"]),
    Export(
      name: "blank rows and comments",
      script: lines("# made by hand", "", header, "", "S,1,2,,,x", ",,,,,", "# end"),
      counts: [1, 0, 0],
      said: ["1 blank row passed over", "1 comment passed over", "header on line 3"]),
    Export(
      name: "ended by Ctrl+Z and padded with NULs",
      script: lines(header, "S,1,2,,,x") + "; printf '\\032\\0\\0\\0' >> a.csv",
      counts: [1, 0, 0], said: ["1 blank row passed over"]),
    Export(
      name: "two exports in one file",
      script: lines(header, "S,1,2,,,x", header, "S,1,2,,,x", "S,1,3,,,x"),
      counts: [2, 1, 0], said: ["1 repeated header passed over"]),
    Export(
      name: "a title above",
      script: lines("Madison County,,,,,", "Index of 2023,,,,,", header, "S,1,2,,,x"),
      counts: [1, 0, 0], said: ["header on line 3"]),
    Export(
      name: "a quote that is never closed",
      script: lines(header, "S,1,2,,,\"SMITH", "S,1,3,,,x", "S,1,4,,,y"),
      counts: [2, 0, 1], said: ["a.csv:2: refused: unclosed quote"]),
    Export(
      name: "a quote that another closes",
      script: lines(header, "S,1,2,,,\"SMITH", "S,1,3,,,x", "S,1,4,,,y\""),
      counts: [2, 0, 1], stored: ["1|3|||x", "1|4|||y\""],
      said: ["a.csv:2: refused: unclosed quote: line 3 is a row of its own"]),
    Export(
      name: "a field of several lines",
      script: lines(header, "S,1,2,,,\"SMITH", "and, sons\"", "S,1,4,,,y"),
      counts: [2, 0, 0], stored: ["1|2|||SMITH\nand, sons", "1|4|||y"]),
    Export(
      name: "PostgreSQL's end of data",
      script: lines("source\\tbook\\tpage", "S\\t1\\t\\\\N", "S\\t1\\t2", "\\\\."),
      counts: [1, 0, 1], said: ["a.csv:2: refused: page is missing"]),
  ]

  static let all = delimiters + encodings + values + days + rows

  @Test("is understood, and each row is accounted for", arguments: all)
  func exports(_ export: Export) throws {
    let folder = try TemporaryDirectory()
    let made = try run("/bin/sh", ["-c", export.script], directory: folder.path)
    #expect(made.code == 0, "\(made)")
    let end = try run(
      "enqueue", ["import", export.file, "--index", "index.db"] + export.options,
      directory: folder.path)
    let (new, known, refused) = (export.counts[0], export.counts[1], export.counts[2])
    #expect(
      end.errors.contains(
        "imported \(new) new documents, \(known) already known, \(refused) rows refused"),
      "\(end)")
    #expect(end.code == (refused > 0 ? ToolExit.documentsFailed : .success).rawValue, "\(end)")
    #expect(end.errors.components(separatedBy: ": refused: ").count - 1 == refused, "\(end)")
    for words in export.said { #expect(end.errors.contains(words), "\(end)") }
    let columns = "book, page, instrument_number, file_date, grantor_party"
    let rows = try run(
      "/usr/bin/sqlite3",
      ["\(folder.path)/index.db", "SELECT \(columns) FROM index_documents ORDER BY page"])
    if !export.stored.isEmpty {
      #expect(rows.text == export.stored.map { $0 + "\n" }.joined(), "\(end)")
    }
    let total = try run(
      "/usr/bin/sqlite3", ["\(folder.path)/index.db", "SELECT count(*) FROM index_documents"])
    #expect(total.text == "\(new)\n")
  }

  /// A workbook with two sheets, as Excel writes one: shared texts, a date as a number with a format.
  private static let workbook = """
    import sys, zipfile
    def sheet(*rows):
        cells = "".join("<row r='%d'>%s</row>" % (number, "".join(row)) for number, row in enumerate(rows, 1))
        return "<worksheet xmlns='http://schemas.openxmlformats.org/spreadsheetml/2006/main'><sheetData>" + cells + "</sheetData></worksheet>"
    def text(place, value): return "<c r='%s' t='inlineStr'><is><t>%s</t></is></c>" % (place, value)
    def number(place, value, style=0): return "<c r='%s' s='%d'><v>%s</v></c>" % (place, style, value)
    head = [text("A1", "source"), text("B1", "Book"), text("C1", "page"), text("D1", "Instrument Number"), text("E1", "File Date")]
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    kinds = "application/vnd.openxmlformats-officedocument.spreadsheetml."
    with zipfile.ZipFile(sys.argv[1], "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr("[Content_Types].xml", f"<Types xmlns='{package}/content-types'><Default Extension='rels' ContentType='application/vnd.openxmlformats-package.relationships+xml'/><Override PartName='/xl/workbook.xml' ContentType='{kinds}sheet.main+xml'/><Override PartName='/xl/worksheets/sheet1.xml' ContentType='{kinds}worksheet+xml'/><Override PartName='/xl/worksheets/sheet2.xml' ContentType='{kinds}worksheet+xml'/><Override PartName='/xl/styles.xml' ContentType='{kinds}styles+xml'/></Types>")
        book.writestr("_rels/.rels", f"<Relationships xmlns='{package}/relationships'><Relationship Id='rId1' Type='{office}/officeDocument' Target='xl/workbook.xml'/></Relationships>")
        book.writestr("xl/workbook.xml", f"<workbook xmlns='{main}' xmlns:r='{office}'><sheets><sheet name='2022' sheetId='1' r:id='rId1'/><sheet name='New ones' sheetId='2' r:id='rId2'/></sheets></workbook>")
        book.writestr("xl/_rels/workbook.xml.rels", f"<Relationships xmlns='{package}/relationships'><Relationship Id='rId1' Type='{office}/worksheet' Target='worksheets/sheet1.xml'/><Relationship Id='rId2' Type='{office}/worksheet' Target='worksheets/sheet2.xml'/><Relationship Id='rId3' Type='{office}/styles' Target='styles.xml'/></Relationships>")
        book.writestr("xl/styles.xml", f"<styleSheet xmlns='{main}'><cellXfs count='2'><xf numFmtId='0'/><xf numFmtId='14' applyNumberFormat='1'/></cellXfs></styleSheet>")
        book.writestr("xl/worksheets/sheet1.xml", sheet(head, [text("A2", "S"), number("B2", 1), number("C2", 2), number("D2", 62379), number("E2", 18691, 1)]))
        book.writestr("xl/worksheets/sheet2.xml", sheet(head, [text("A2", "S"), number("B2", 7), number("C2", "8.0")], [text("A3", "S"), text("B3", "none"), number("C3", 9)]))
    """

  @Test("A spreadsheet is read through xlsx2csv, a sheet at a time")
  func spreadsheets() throws {
    let folder = try TemporaryDirectory()
    let made = try run("/usr/bin/python3", ["-c", Self.workbook, "\(folder.path)/a.xlsx"])
    #expect(made.code == 0, "\(made)")
    func imports(_ options: [String], file: String = "a.xlsx", path: String? = nil) throws
      -> Finished
    {
      try run(
        "enqueue", ["import", file, "--index", "index.db"] + options,
        environment: path.map { ["PATH": $0] } ?? [:], directory: folder.path)
    }
    let first = try imports([])
    #expect(first.code == 0, "\(first)")
    #expect(
      first.errors.contains("imported 1 new documents, 0 already known, 0 rows refused"),
      "\(first)")
    let row = try run(
      "/usr/bin/sqlite3",
      [
        "\(folder.path)/index.db",
        "SELECT book, page, instrument_number, file_date FROM index_documents",
      ])
    #expect(row.text == "1|2|62379|1951-03-04\n")
    for sheet in ["2", "New ones"] {
      let second = try imports(["--sheet", sheet])
      #expect(second.code == ToolExit.documentsFailed.rawValue, "\(second)")
      #expect(second.errors.contains("1 rows refused"), "\(second)")
    }
    let wrong = try imports(["--sheet", "2099"])
    #expect(wrong.code == ToolExit.configuration.rawValue, "\(wrong)")
    let missing = try imports([], path: "/nowhere")
    #expect(missing.code == ToolExit.configuration.rawValue, "\(missing)")
    #expect(missing.errors.contains("apt-get install xlsx2csv"), "\(missing)")
    // Damaged: told, and not as an import that is done.
    let bytes = FileManager.default.contents(atPath: "\(folder.path)/a.xlsx") ?? Data()
    try folder.write(Array(bytes.prefix(bytes.count / 2)), to: "b.xlsx")
    let damaged = try imports([], file: "b.xlsx")
    #expect(damaged.code == ToolExit.configuration.rawValue, "\(damaged)")
  }

  @Test("What is no text is named")
  func binaries() throws {
    let folder = try TemporaryDirectory()
    let zip = """
      import sys, zipfile
      with zipfile.ZipFile(sys.argv[1], "w") as book:
          book.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
      """
    #expect(try run("/usr/bin/python3", ["-c", zip, "\(folder.path)/a.ods"]).code == 0)
    try folder.write([0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1], to: "a.xls")
    try folder.write(Array("SQLite format 3\0".utf8), to: "a.db")
    for (file, words) in [
      ("a.ods", "OpenDocument"), ("a.xls", "old Excel workbook"), ("a.db", "a SQLite database"),
    ] {
      let end = try run(
        "enqueue", ["import", file, "--index", "index.db"], directory: folder.path)
      #expect(end.code == ToolExit.configuration.rawValue, "\(end)")
      #expect(end.errors.contains(words), "\(end)")
    }
    #expect(!Files.all(in: folder.path).contains("index.db"))
  }

  @Test("upload --from-list keeps folders, so that two files of one name are two objects")
  func folders() throws {
    let folder = try TemporaryDirectory()
    for path in ["a/1.pdf", "b/1.pdf", "a-1.pdf", "1.pdf"] {
      try FileManager.default.createDirectory(
        atPath: "\(folder.path)/\(path)", withIntermediateDirectories: true)
      try FileManager.default.removeItem(atPath: "\(folder.path)/\(path)")
      try folder.write(path, to: path)
    }
    let names = ["a/1.pdf", "./b/1.pdf", "a-1.pdf", "1.pdf", "../\(folder.path)/x.pdf"]
    let end = try run(
      "upload", ["--from-list", "--to", "bucket"], lines: names, directory: folder.path)
    #expect(
      Files.all(in: "\(folder.path)/bucket").filter { $0.hasSuffix(".pdf") }
        == ["1.pdf", "a-1.pdf", "a/1.pdf", "b/1.pdf"], "\(end)")
    #expect(end.code == ToolExit.documentsFailed.rawValue, "\(end)")
    #expect(end.text.contains("store_rejected"), "\(end)")
  }

  @Test("Ctrl+C before the header is whole is an interruption, and no wrong file")
  func interruptedInput() throws {
    let folder = try TemporaryDirectory()
    let pipe = "\(folder.path)/pipe"
    #expect(mkfifo(pipe, 0o600) == 0)
    // Open for both, so that neither side waits for the other.
    let writer = open(pipe, O_RDWR | O_CLOEXEC)
    defer { close(writer) }
    let program = try Program("enqueue", ["import", pipe, "--index", "\(folder.path)/index.db"])
    #expect(write(writer, "sour", 4) == 4)
    let isTaken = {
      var left: Int32 = 0
      return ioctl(writer, UInt(FIONREAD), &left) == 0 && left == 0
    }
    #expect(eventually { isTaken() })
    program.signal(SIGINT)
    let end = program.wait(within: 120)
    #expect(end.code == ToolExit.interrupted.rawValue, "\(end)")
    #expect(!Files.all(in: folder.path).contains("index.db"))
  }

  /// As large workbooks take minutes, a program that takes them for ever stands in for xlsx2csv.
  @Test("Ctrl+C ends the reading of a spreadsheet")
  func interruptedSpreadsheet() throws {
    let folder = try TemporaryDirectory()
    // So many rows that the header is looked for, and the index made (64 KiB).
    try folder.write(
      """
      #!/bin/sh
      echo source,book,page
      page=1
      while [ $page -le 9000 ]; do echo S,1,$page; page=$((page + 1)); done
      exec sleep 600

      """, to: "xlsx2csv")
    #expect(chmod("\(folder.path)/xlsx2csv", 0o700) == 0)
    try folder.write(Array("PK\u{03}\u{04} and no more".utf8), to: "a.xlsx")
    let path = "\(folder.path):/usr/bin:/bin"
    let program = try Program(
      "enqueue", ["import", "a.xlsx", "--index", "index.db"], environment: ["PATH": path],
      directory: folder.path)
    #expect(eventually { Files.all(in: folder.path).contains("index.db") })
    program.signal(SIGINT)
    let end = program.wait(within: 120)
    #expect(end.code == ToolExit.interrupted.rawValue, "\(end)")
    #expect(end.errors.contains("imported "), "\(end)")
  }
}
