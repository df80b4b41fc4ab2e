import Common
import Foundation
import Config
import Support
import Testing

@Suite("The stages that come with the project")
struct ShippedStageTests {
  private static let folder = "\(sourceTree)/stages"

  private func stage(_ name: String) throws -> Stage {
    try Stage(named: name, in: Self.folder)
  }

  /// What the table of stages says.
  private struct Expected: Sendable {
    let name: String
    var books: [ClosedRange<Int>] = []
    var priorities: [Int] = []
    var limit: Int?
    var retriesFailed = false
    var portals = ["historical", "mid"]
  }

  private static let table: [Expected] = [
    Expected(name: "stage-0-test", books: [1...49, 238...299], limit: 20),
    Expected(name: "stage-1-small", books: [1...49, 238...299], priorities: [1, 2], limit: 2000),
    Expected(name: "stage-2-medium", books: [1...3971], priorities: [1, 2], limit: 50_000),
    Expected(name: "stage-3-large", books: [238...3971], priorities: [3], portals: ["mid"]),
    Expected(name: "stage-4-retry", retriesFailed: true),
    Expected(name: "stage-historical-all", books: [1...237], portals: ["historical"]),
    Expected(name: "stage-mid-filtered", books: [238...3971], portals: ["mid"]),
  ]

  @Test("Each selects what it should", arguments: table)
  private func selection(_ expected: Expected) throws {
    let stage = try stage(expected.name)
    #expect(stage.name == expected.name)
    #expect(stage.selection.books == expected.books)
    #expect(stage.selection.priorities == expected.priorities)
    #expect(stage.selection.limit == expected.limit)
    #expect(stage.selection.retriesFailed == expected.retriesFailed)
    #expect(stage.selection.sources == [])
    #expect(stage.selection.types.isEmpty == (expected.name != "stage-mid-filtered"))
    #expect(stage.portals == expected.portals)
    #expect(!stage.description.isEmpty)
  }

  @Test("All share the rest", arguments: table.map(\.name))
  func shared(_ name: String) throws {
    let stage = try stage(name)
    #expect(stage.pipeline == ["fetch", "optimize", "upload"])
    #expect(stage.workers == 5)
    #expect(stage.rateLimitDelay == 0.5)
    let folders = [1, 237, 238, 999, 1000, 3971, 999_999].map { stage.folder(ofBook: $0) ?? "" }
    #expect(
      folders == [
        "historical", "historical", "mid-early", "mid-early", "mid-recent", "mid-recent",
        "mid-recent",
      ])
    #expect(stage.folder(ofBook: 0) == nil)
  }

  @Test func noStageFileIsMissedHere() throws {
    let files = try FileManager.default.contentsOfDirectory(atPath: Self.folder)
    #expect(Set(files) == Set(Self.table.map { "\($0.name).yaml" } + ["common.yaml"]))
  }

  @Test func theFilteredStageHasThe56Types() throws {
    let list = try String(
      contentsOfFile: "\(sourceTree)/Tests/Fixtures/stage-mid-filtered.types.txt", encoding: .utf8)
    let expected = list.split(separator: "\n").map(String.init)
    let types = try stage("stage-mid-filtered").selection.types
    #expect(expected.count == 56)
    #expect(types == expected)
    #expect(Set(types).count == 56)
    #expect(!types.contains("DEED OF TRUST"))
    // Spellings that YAML or a careless hand would lose.
    for exact in [
      #"AFFIDAVIT "T""#, #"MISCELLANEOUS "C""#, "- [DEED 90W]", "ASSIGN OIL GAS  MIN",
      "MINERAL RIGHT  ROYA", "REVOCATION  CANCELL", "Transfer on Death Deed", "AMENDMENT(T)",
    ] {
      #expect(types.contains(exact))
    }
  }

  @Test(arguments: [
    ("DEED", 285, 55, "documents/mid-early/deed/0285-0055.pdf"),
    ("MINERAL_DEED", 1000, 12_345, "documents/mid-recent/mineral-deed/1000-12345.pdf"),
    ("", 7, 1, "documents/historical/unknown/0007-0001.pdf"),
  ])
  func objectsAreNamedAsUsersKnowThem(
    _ type: String, _ book: Int, _ page: Int, _ expected: String
  ) throws {
    let stage = try stage("stage-2-medium")
    let fields = [
      "document_type": type, "book": String(book), "page": String(page),
      "folder": stage.folder(ofBook: book) ?? "",
    ]
    #expect(try Template(#require(stage.key)).fill { fields[$0] } == expected)
  }
}

@Suite("Reading stage files strictly")
struct StageFileTests {
  private let folder: TemporaryDirectory

  init() throws { folder = try TemporaryDirectory() }

  private func stage(_ text: String) throws -> Stage {
    try folder.write(text, to: "mine.yaml")
    return try Stage(path: "\(folder.path)/mine.yaml")
  }

  @Test(
    "What is wrong is named, with its file",
    arguments: [
      ("book: [1-2]", #"unknown setting "book""#),
      ("typs: [DEED]", #"unknown setting "typs""#),
      ("books: [1-x]", "books"),
      ("books: [9-1]", "books"),
      ("books: [-5]", "books"),
      ("books: {from: 1}", "books"),
      ("priorities: [5]", "priorities"),
      ("status: done", "status"),
      ("since: 4.3.1951", "since"), ("until: 1951-02-30", "until"),
      ("status: failed\nclasses: [netwrk]", "classes"), ("classes: [network]", "classes"),
      ("limit: 0", "limit"),
      ("limit: many", "limit"),
      ("workers: 0", "workers"),
      ("workers: 513", "workers"),
      ("rate-limit-delay: -1", "rate-limit-delay"),
      ("folders: {a: b}", "folders.a"),
      ("folders: [1-2]", "folders"),
      ("key: [a, b]", "key"),
      ("- books", "top level"),
      ("books: [1", "YAML"),
      ("books: 1-2\nbooks: 3-4", "books"),
      ("extends: nobody", "nobody.yaml"),
      ("extends: mine", "extends"),
    ])
  func refused(_ text: String, _ expected: String) throws {
    do {
      _ = try stage(text)
      Issue.record("\(text) was read")
    } catch let error as Fatal {
      #expect(error.code == .configuration)
      #expect(error.message.contains(expected), "\(error.message)")
      #expect(error.message.contains(folder.path))
    }
  }

  @Test func aStageThatIsNotThere() {
    #expect(throws: Fatal.self) { try Stage(named: "nobody", in: folder.path) }
  }

  @Test func aFileMayAlsoBeNamedByItsPath() throws {
    try folder.write("limit: 3", to: "mine.yaml")
    let path = "\(folder.path)/mine.yaml"
    #expect(try Stage(named: path, in: "/nowhere").selection.limit == 3)
    #expect(try Stage(named: "mine", in: folder.path).name == "mine")
  }

  @Test func whatAFileSaysGoesBeforeWhatItExtends() throws {
    try folder.write("books: [1-9]\nlimit: 5\nworkers: 7\ntypes: [A]", to: "base.yaml")
    let dated = try self.stage("since: 1951-03-04\nuntil: 1951-12-31").selection
    #expect(dated.since == Day("1951-03-04") && dated.until == Day("1951-12-31"))
    let retry = try self.stage("status: failed\nclasses: [network, unclassified]").selection
    #expect(retry.errorClasses == ["network", "unclassified"])
    let stage = try stage("extends: base\nlimit: 6\ntypes: ['B  C', \"D\"]")
    #expect(stage.selection.books == [1...9])
    #expect(stage.selection.limit == 6)
    #expect(stage.selection.types == ["B  C", "D"])
    #expect(stage.workers == 7)
  }

  /// A book is a 32-bit number: further on there is none, and sums of ranges must stay numbers.
  @Test(
    arguments: [
      ("0-9223372036854775807", 0...2_147_483_647), ("238-3000000000", 238...2_147_483_647),
      ("1000-", 1000...2_147_483_647), ("2147483647", 2_147_483_647...2_147_483_647),
      ("2147483648", nil), ("3000000000-", nil), ("5-99999999999999999999", nil), ("--5", nil),
    ] as [(String, ClosedRange<Int>?)])
  func rangesEndWhereBooksDo(_ text: String, _ expected: ClosedRange<Int>?) {
    #expect(Stage.range(text) == expected)
  }

  @Test func aFileIsReadWholeOrNotAtAll() throws {
    let comments = String(repeating: "# so many words\n", count: 1 << 16)
    #expect(comments.utf8.count == SettingsFile.maximumBytes)
    let error = #expect(throws: Fatal.self) { try stage(comments + "books: [1-2]\n") }
    #expect(error?.code == .configuration)
    #expect(error?.message.contains("has more than") == true, "\(error?.message ?? "")")
    let books = "books: [1-2]\n"
    let whole = comments.dropFirst(books.utf8.count + 1)
    #expect(try stage("#" + whole + books).selection.books == [1...2])
  }

  @Test func textsStayTexts() throws {
    let types = try stage(
      """
      types:
        - no
        - 0x1F
        - 1.0
        - ~x
        - "null"
        - ' padded '
      """
    ).selection.types
    #expect(types == ["no", "0x1F", "1.0", "~x", "null", " padded "])
  }

  @Test func aliasesAreFollowed() throws {
    let stage = try stage("types: &t [A, B]\nsources: *t")
    #expect(stage.selection.sources == ["A", "B"])
  }

  @Test("What a stage excludes is read beside what it selects")
  func excluded() throws {
    let parent = "exclude: [DEED OF TRUST, LIEN]\n"
    #expect(try stage(parent).selection.excludedTypes == ["DEED OF TRUST", "LIEN"])
    #expect(try stage(parent + "types: [A]").selection.types == ["A"])
    #expect(throws: Fatal.self) { try stage("exclude:") }
  }

  @Test("A filter that is written down and empty is not the same as none")
  func emptyFilter() {
    #expect(throws: Fatal.self) { try stage("books:\nlimit: 3") }
    #expect(throws: Fatal.self) { try stage("types: []") }
  }

  @Test(arguments: [
    ("55", 55...55), ("238-3971", 238...3971), ("1000-", 1000...2_147_483_647), ("0-0", 0...0),
  ])
  func ranges(_ text: String, _ expected: ClosedRange<Int>) {
    #expect(Stage.range(text) == expected)
  }

  @Test(arguments: ["", "-", "-5", "a", "1-2-3", "3-2", " 1", "1 - 2", "99999999999999999999"])
  func notRanges(_ text: String) { #expect(Stage.range(text) == nil) }
}
