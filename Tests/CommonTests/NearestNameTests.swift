import Common
@testable import Config
import Support
import Testing

@Suite struct NearestNameTests {
  @Test(
    arguments: [
      ("Deed", "DEED"), (" deed ", "DEED"), ("oil gas", "OIL  GAS"), ("DED", "DEED"),
      ("MINERAL DED", "MINERAL DEED"), ("AFFIDAVIT T", #"AFFIDAVIT "T""#), ("PATENT", nil),
      ("", nil), ("-", nil), ("D", nil),
    ] as [(String, String?)])
  func nearest(name: String, expected: String?) {
    let known = ["DEED", "OIL  GAS", "MINERAL DEED", #"AFFIDAVIT "T""#]
    #expect(NearestName.of(name, among: known) == expected)
  }

  @Test(
    arguments: [
      ("{book}", false, nil), ("{Book}", false, "{book}"), ("{pages|pad:4}", false, "{page}"),
      ("{court}", false, nil), ("{court}", true, "there are id, "), ("{folder}", true, nil),
      ("{Folder|or:x}", true, "{folder}"),
    ] as [(String, Bool, String?)])
  func fields(template: String, isClosed: Bool, words: String?) throws {
    let rejection = RecordFieldNames.rejection(
      to: try Template(template), extra: ["folder"], isClosed: isClosed)
    #expect((rejection == nil) == (words == nil))
    #expect(rejection?.contains(words ?? "") ?? true)
  }

  @Test(
    arguments: [
      ([5...5], nil), ([1...300], [238...300]), ([238...238], [238...238]),
      ([1000...Int(Int32.max)], [1000...3971]), ([300...400, 1...2], nil), ([3972...5000], nil),
      ([238...300, 250...310, 311...320], [238...320]),
    ] as [([ClosedRange<Int>], [ClosedRange<Int>]?)])
  func books(asked: [ClosedRange<Int>], expected: [ClosedRange<Int>]?) throws {
    let portals = PortalBooks([.init(name: "mid", books: 238...3971)])
    guard let expected else {
      let error = #expect(throws: Fatal.self) { try portals.served(of: asked) }
      #expect(error?.code == .configuration)
      #expect(error?.message.contains("mid has 238-3971") == true)
      return
    }
    #expect(try portals.served(of: asked) == expected)
  }

  /// A portal that does not say which books it has, or is not there, leaves nothing out.
  @Test func whatIsNotKnownLeavesNothingOut() throws {
    let folder = try TemporaryDirectory()
    try folder.write("document: x\n", to: "all.yaml")
    try folder.write("books: 1-9\ndocument: x\n", to: "some.yaml")
    #expect(try PortalBooks(["all"], in: folder.path) == nil)
    #expect(try PortalBooks(["some", "none"], in: folder.path) == nil)
    #expect(try PortalBooks([], in: folder.path) == nil)
    #expect(try PortalBooks(["some"], in: folder.path)?.portals.first?.books == 1...9)
  }

  @Test func aStageElsewhereExtendsTheDeliveredOne() throws {
    let delivered = try TemporaryDirectory()
    let own = try TemporaryDirectory()
    try delivered.write("limit: 3\n", to: "common.yaml")
    try own.write("extends: common\nbooks: 1-9\nspread: true\n", to: "mine.yaml")
    let stage = try Stage(named: "\(own.path)/mine.yaml", in: delivered.path)
    #expect(stage.selection.limit == 3)
    #expect(stage.selection.spreads)
    try own.write("limit: 4\n", to: "common.yaml")
    #expect(try Stage(named: "\(own.path)/mine.yaml", in: delivered.path).selection.limit == 4)
    try own.write("extends: nothing\n", to: "mine.yaml")
    let error = #expect(throws: Fatal.self) {
      try Stage(named: "\(own.path)/mine.yaml", in: delivered.path)
    }
    #expect(error?.message.contains(own.path) == true)
    #expect(error?.message.contains(delivered.path) == true)
  }
}
