import Common
import Glibc
import Support
import Testing

@testable import portal

@Suite("The sample portal with one's own rows")
struct OwnIndexTests {
  private let folder: TemporaryDirectory

  init() throws { folder = try TemporaryDirectory() }

  private func index(_ text: String, _ name: String) throws -> OwnIndex {
    try folder.write(text, to: name)
    return try OwnIndex(path: "\(folder.path)/\(name)", seed: 7)
  }

  @Test func fromCSV() throws {
    let index = try index(
      """
      source,book,page,instrument_number,Instrument Type,num_pages,grantor_party,file_date,roll
      County,12,5,,PATENT - [PB 12],2,"O'NEAL, ADA",1841-02-03,7
      County,300,4710,62379,,9999,,,8
      County,x,1,,,,,,9

      """, "mine.csv")
    #expect(index.documents.map(\.book) == [12, 300])
    #expect(index.refused.count == 1 && index.refused.reason.contains("line 4"))
    let first = index.documents[0]
    #expect(first.type.parsed == "PATENT" && first.grantor == "O'NEAL, ADA")
    #expect(first.pageCount == 2 && first.fileDate == "1841-02-03" && first.instrument == nil)
    #expect(index.documents[1].instrument == 62379)
    #expect(index.documents[1].pageCount == OwnIndex.mostPages)
    #expect(index.documents[1].page == 4710, "the index and the portal agree")
    let catalogue = Catalogue(index.documents, seed: 7)
    #expect(catalogue.document(instrument: 62379)?.number == 2)
    #expect(catalogue.document(book: 12, page: 5)?.number == 1)
    #expect(
      Route(path: "/historical-books/0012/0005.pdf", query: "", in: catalogue)
        == .scan(first, pages: 1...2))
  }

  @Test func fromJSONLines() throws {
    let index = try index(
      #"{"source":"S","book":400,"page":3,"instrument_number":"77","clerk":"x"}"# + "\n",
      "mine.jsonl")
    #expect(index.documents.map(\.instrument) == [77])
  }

  @Test func fromSQLiteWhateverTheStatus() throws {
    try folder.write(
      """
      CREATE TABLE index_documents (id INTEGER PRIMARY KEY, source TEXT, book, page, clerk TEXT,
        download_status TEXT);
      INSERT INTO index_documents (source, book, page, download_status) VALUES
        ('S', 240, 1, 'completed'), ('S', 241, 2, NULL), ('S', NULL, 3, 'pending');
      """, to: "make.sql")
    let made = system("sqlite3 '\(folder.path)/mine.db' < '\(folder.path)/make.sql'")
    try #require(made == 0)
    let index = try OwnIndex(path: "\(folder.path)/mine.db", seed: 7)
    #expect(index.documents.map(\.book) == [240, 241])
    #expect(index.refused.count == 1)
  }

  @Test(arguments: [
    ("", "empty.csv"), ("source,book,page\n", "head.csv"), ("book,page\n1,2\n", "lacks.csv"),
    ("not json\n", "bad.jsonl"),
  ])
  func nothingToServeIsSaid(text: String, name: String) throws {
    #expect(throws: Fatal.self) { try index(text, name) }
  }

  @Test func namesThatTheFontDoesNotHave() throws {
    let index = try index(
      "source,book,page,instrument_type_parsed,grantor_party\nS,300,1,地契 – “X”,Łukasz 🙂\n",
      "odd.csv")
    let document = try #require(index.documents.first)
    let text = DeedText(document, page: 1, seed: 7)
    #expect((text.head + [text.title] + text.body).allSatisfy { $0.allSatisfy(\.isASCII) })
    #expect(LookUpPage(document, 7).html.contains("地契 – “X”"))
    #expect(try !ScanStore(seed: 7, bulkSize: 0).scan(document, pages: 1...1).bytes.isEmpty)
  }
}
