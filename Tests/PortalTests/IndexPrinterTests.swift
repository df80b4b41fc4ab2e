import Common
import Testing

@testable import portal

@Suite struct IndexPrinterTests {
  private let affidavit = Document(
    number: 3, instrument: nil, book: 285, indexPage: 550, page: 55,
    type: InstrumentType(parsed: "AFFIDAVIT \"T\""), isTyped: true, fileDate: "1931-02-03",
    pageCount: 2, indexPageCount: nil, imageCount: 1, grantor: "DOE, JANE", grantee: "ROE",
    priority: 2)

  @Test func `a field with quotes or commas is quoted in CSV`() {
    let printer = IndexPrinter(layout: .csv)
    #expect(
      printer.line(affidavit) == #"""
        DuProcess,500003,,285,285,550,"AFFIDAVIT ""T"" - [AT 285]","AFFIDAVIT ""T""",\#
        AFFIDAVIT_T,1931-02-03,,"DOE, JANE",ROE,2
        """#)
    #expect(printer.header?.split(separator: ",").count == 14)
    #expect(printer.header?.hasPrefix("source,gin,instrument_number,book_volume,book,page") == true)
  }

  @Test func `a row of JSON lines has numbers as numbers and null for what is missing`() throws {
    let printer = IndexPrinter(layout: .jsonl)
    let row = try JSON(parsing: printer.line(affidavit))
    #expect(printer.header == nil)
    #expect(row["page"]?.int == 550)
    #expect(row["instrument_number"] == .null)
    #expect(row["instrument_type_parsed"]?.string == "AFFIDAVIT \"T\"")
  }

  @Test(arguments: [
    ("MINERAL DEED", "MINERAL_DEED"), ("ASSIGN OIL GAS  MIN", "ASSIGN_OIL_GAS_MIN"),
    ("Transfer on Death Deed", "TRANSFER_ON_DEATH_DEED"), ("- [DEED 90W]", "DEED_90W"),
  ])
  func `types are normalised`(parsed: String, normalised: String) {
    #expect(InstrumentType(parsed: parsed).normalised == normalised)
  }

  @Test func `raw types name the kind of book and the book`() {
    #expect(InstrumentType.deedOfTrust.raw(book: 3970) == "DEED OF TRUST - [DOT 3970]")
    #expect(InstrumentType(parsed: "- [DEED 90W]").raw(book: 300) == "- [DEED 90W]")
  }
}
