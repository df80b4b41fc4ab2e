import Common
import Glibc
import Index
import Support
import Testing

@testable import Index

@Suite struct ImportTests {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  @Test func anImportPassesOverAllColumnsOfTheIndexItself() {
    #expect(ImportedColumns.passedOver.isSuperset(of: PostgresSchema.added))
  }

  /// Rows as `column=value`, refusals as `line: reason`.
  private func read(
    _ text: String, _ layout: ImportReader.Layout = .csv, map: [String] = [],
    ignoringUnknown: Bool = false
  ) throws -> [String] {
    try directory.write(text, to: "rows")
    let file = open("\(directory.path)/rows", O_RDONLY)
    defer { close(file) }
    var options = ImportReader.Options()
    options.layout = layout
    options.map = try ColumnMap(map)
    options.ignoresUnknown = ignoringUnknown
    var reader = try ImportReader(descriptor: file, options)
    var items: [String] = []
    while let item = try reader.next() {
      switch item {
      case .refused(let line, let reason): items.append("\(line): \(reason)")
      case .row(let row, _):
        items.append(
          row.values.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value ?? "null")" }
            .joined(separator: " "))
      }
    }
    return items
  }

  @Test func aBadRowCostsOnlyItself() throws {
    let text = """
      source,book,page,download_priority
      S,1,2,
      S,0,2,
      S,one,2,
      S,1
      ,1,2,
      S,1,2,5
      S, 3 ,4,1
      S,99999999999,1,1
      """
    #expect(
      try read(text) == [
        "book=1 page=2 source=S",
        "3: book must be a whole number from 1, not \"0\"",
        "4: book must be a whole number from 1, not \"one\"",
        "5: page is missing: 2 fields instead of 4",
        "6: source is missing",
        // Only what identifies a document refuses it.
        "book=1 page=2 source=S",
        "book=3 download_priority=1 page=4 source=S",
        "9: book must be a whole number from 1, not \"99999999999\"",
      ])
  }

  @Test(arguments: [
    ("source,book,page,judge", "unknown columns in the header: \"judge\""),
    ("source,Book,book,page", "appears twice"), ("source,page", "lacks the columns book"),
    ("", "is empty"), ("\"source", "cannot read"),
  ])
  func headersThatAreNotOurs(header: String, message: String) throws {
    let error = #expect(throws: Fatal.self) { try read(header) }
    #expect(error?.code == .configuration)
    #expect(error?.message.contains(message) == true)
  }

  @Test func headersAsPeopleWriteThem() throws {
    let text =
      "ID\tSource\tBook Volume\tBOOK\t page\tInstrument Type\tJudge\n"
      + "7\tS\tW\t1\t2\tASSIGN OIL GAS  MIN - [X]\tB\n"
    #expect(
      try read(text, .tsv, ignoringUnknown: true) == [
        "book=1 book_volume=W instrument_type_parsed=ASSIGN OIL GAS  MIN "
          + "instrument_type_raw=ASSIGN OIL GAS  MIN - [X] page=2 source=S"
      ])
  }

  @Test func headersThatAreMapped() throws {
    let row =
      "book=1 file_date=1951-03-04 instrument_type_parsed=DEED instrument_type_raw=DEED - [X] "
      + "page=2 source=S"
    let map = ["Origin=source", "Kind of Deed=Instrument Type", "recorded-on=file_date", "Judge="]
    let header = "Origin,Book,Page,Kind Of Deed,Recorded On,Judge"
    #expect(try read("\(header)\nS,1,2,DEED - [X],3/4/1951,B\n", map: map) == [row])
    let line =
      #"{"Origin":"S","book":1,"page":2,"Kind of Deed":"DEED - [X]","Recorded On":"1951-03-04T00:00:00"}"#
    #expect(try read(line, .jsonl, map: map) == [row])
    // A name that is mapped away does not mean what it would by itself.
    #expect(
      try read("source,book,page,lot\nS,1,2,3\n", map: ["lot="]) == ["book=1 page=2 source=S"])
  }

  @Test(arguments: [
    (["Origin"], ToolExit.usage, "HEADER=COLUMN"), (["=source"], .usage, "HEADER=COLUMN"),
    (["Origin=sauce"], .usage, "no column \"sauce\""), (["a=lot", "A=sec"], .usage, "twice"),
    (["id=lease_token"], .usage, "no column"),
    (["Orijin=lot"], .configuration, "\"orijin\"; it has \"source\""),
    (["book=page"], .configuration, "page appears twice"),
  ])
  func mapsThatAreWrong(map: [String], code: ToolExit, message: String) throws {
    let error = #expect(throws: Fatal.self) { try read("source,book,page\n", map: map) }
    #expect(error?.code == code)
    #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
  }

  @Test func linesOfJSON() throws {
    let text = """
      {"source":"S","book":1,"page":"2","gin":null,"id":"9","book_page_mismatch":true}

      not json
      {"source":"S","book":1.5,"page":2}
      {"source":"S","book":1,"page":2,"judge":"B"}
      {"source":["S"],"book":1,"page":2}
      [1]
      {"source":"S","book":3,"page":4,"downloaded_at":"2026-11-23T18:30:35.123Z"}
      """
    let items = try read(text, .jsonl)
    #expect(items.count == 7)
    #expect(items[0] == "book=1 book_page_mismatch=1 page=2 source=S")
    #expect(items[1].hasPrefix("3: "))
    #expect(items[2] == "4: book must be a whole number from 1, not \"1.5\"")
    #expect(items[3] == "5: unknown column \"judge\"")
    #expect(items[4] == "6: source must be a string or a number")
    #expect(items[5] == "7: not a JSON object")
    #expect(items[6] == "book=3 downloaded_at=2026-11-23 18:30:35.123 page=4 source=S")
  }

  @Test(arguments: [
    ("DEED OF TRUST - [DOT 3972]", "DEED OF TRUST"), ("- [DEED 90W]", "- [DEED 90W]"),
    ("ASSIGN OIL GAS  MIN - [X] - Y", "ASSIGN OIL GAS  MIN"), ("DEED", "DEED"), ("", ""),
    ("AGREEMENT-DEEDS", "AGREEMENT-DEEDS"), (" - [X]", " - [X]"), ("A - ", "A"),
    ("A -", "A -"), (" - ", " - "), ("Übergabe - x", "Übergabe"),
  ])
  func typesAreParsed(raw: String, parsed: String) {
    #expect(ImportedColumns.parsedType(raw) == parsed)
  }

  @Test(arguments: [
    ("book_page_mismatch", "t", "1"), ("book_page_mismatch", "No", "0"),
    ("book_page_mismatch", "2", nil), ("download_status", "in_progress", "pending"),
    ("download_status", "completed", "completed"), ("download_status", "done", nil),
    ("downloaded_at", "2026-11-23", "2026-11-23"),
    ("downloaded_at", "2026-11-23 18:30:35", "2026-11-23 18:30:35"),
    ("downloaded_at", "23.11.2026", "2026-11-23"), ("downloaded_at", "2026-02-30", nil),
    ("file_date", "1951-03-04", "1951-03-04"), ("file_date", " 3/4/1951 ", "1951-03-04"),
    ("file_date", "12/31/1999", "1999-12-31"), ("file_date", "1951-03-04 00:00:00", "1951-03-04"),
    ("file_date", "1951-03-04T00:00:00Z", "1951-03-04"), ("file_date", "2/29/1951", nil),
    ("file_date", "13/1/1951", nil), ("file_date", "3/4/51", nil), ("file_date", "1836", nil),
    ("file_date", "1951-03-04 nonsense", nil),
    ("downloaded_at", "2026-11-23 18:30", "2026-11-23 18:30:00"),
    ("gin", "-5", "-5"), ("gin", "9223372036854775807", "9223372036854775807"),
    ("gin", "9223372036854775808", nil), ("gin", "1 2", nil), ("num_pages", "0", "0"),
    ("description", "two\nlines", "two\nlines"), ("description", "a\0b", nil),
    ("nonsense", "x", nil),
  ])
  func valuesAreChecked(column: String, text: String, kept: String?) {
    #expect(((try? ImportedColumns.clean(text, column)) ?? nil) == kept)
  }

  /// Found by `Tests/Fuzz`: a bracket that closes nothing was read again and again.
  @Test(arguments: [
    "[{\"source\":\"S\",\"book\":1,\"page\":2}}]", "[]}", "[]]", "[}]", "[{},}}]x]",
    "[{\"a\":\"b\\\"}]",
    "[{\"source\":\"S,\"book\":1}},{\"a\":\"]}\\\"\"},{}]",
  ])
  func anArrayHasAnEnd(text: String) throws {
    try directory.write(text, to: "rows")
    let file = open("\(directory.path)/rows", O_RDONLY)
    defer { close(file) }
    var options = ImportReader.Options()
    options.layout = .jsonl
    var reader = try ImportReader(descriptor: file, options)
    var items = 0
    while try reader.next() != nil, items <= text.utf8.count { items += 1 }
    #expect((1...text.utf8.count).contains(items))
  }

  @Test(arguments: [
    ("a.csv", ImportReader.Layout.csv), ("b/a.TSV", .tsv), ("a.jsonl", .jsonl),
    ("a.ndjson", .jsonl), ("a.json", .jsonl), ("a.csv.gz", .csv), ("a.tsv.GZ", .tsv),
    ("a.jsonl.gz", .jsonl),
    ("gz", .csv), ("a.gz", .csv), ("-", .csv), ("tsv", .tsv), ("a.b.txt", .csv),
  ])
  func layoutsFollowFromNames(path: String, layout: ImportReader.Layout) {
    #expect(ImportReader.Layout(path: path) == layout)
  }
}
