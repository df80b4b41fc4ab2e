import Common
import Support
import Testing

@testable import fetch

@Suite struct SpoolTests {
  private static let ids = [
    "184223", "7", "../../etc/passwd", "..", ".", "/etc/passwd", "a/b", "a%2Fb", "A", "a", "ü",
    "u\u{308}",
    ".hidden", "-rf", "x.pdf", "a\\b", String(repeating: "x", count: 256),
    String(repeating: "x", count: 255) + "y", String(repeating: "9", count: 256), "con|pipe%d",
  ]

  @Test(arguments: ids) func everyIdHasAPlaceInTheSpool(id: String) throws {
    let directory = try TemporaryDirectory()
    let path = try Spool(root: directory.path).path(of: id)
    let parts = path.dropFirst(directory.path.count + 1).split(separator: "/")
    #expect(path.hasPrefix(directory.path + "/"))
    #expect(parts.count == 2)
    #expect(parts.allSatisfy { $0 != "." && $0 != ".." && $0.utf8.count <= 255 })
    #expect(!parts[1].hasPrefix("."))
  }

  /// Found by StateFolderTests under load: a document met again was refused, because another one of the same
  /// id was just being refused.
  @Test func whoseAnIDIsIsNotForOneThatIsRefusedToSay() throws {
    let ids = IDsInWork()
    let stop = ShutdownSignal()
    #expect(try ids.take("7", for: "a", stop: stop))
    #expect(throws: RecordError.self) { try ids.take("7", for: "b", stop: stop) }
    ids.noteFetched("7")
    ids.leave("7")
    #expect(try ids.take("7", for: "b", stop: stop))
    // It waits for the other one to leave, until the run is stopped.
    stop.request(.interrupted)
    #expect(try !ids.take("7", for: "a", stop: stop))
  }

  @Test func otherIdsHaveOtherPlaces() throws {
    let directory = try TemporaryDirectory()
    let spool = try Spool(root: directory.path)
    #expect(Set(Self.ids.map(spool.path(of:))).count == Self.ids.count)
    #expect(spool.path(of: "184223") == directory.path + "/1842/184223.pdf")
    #expect(spool.path(of: "7") == directory.path + "/0/7.pdf")
  }
}
