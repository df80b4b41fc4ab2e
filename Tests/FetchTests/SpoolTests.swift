import Common
import Glibc
import Logging
import Support
import Testing

@testable import Checkpoint
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

  /// Rows of the checkpoint leave out the path that follows from the id.
  @Test func theCheckpointKnowsTheUsualPlace() throws {
    let spool = try Spool(root: "/nowhere", isDryRun: true)
    for length in [1, 2, 3, 6, 101, 102, 103, 150, 151, 256] {
      let id = String(repeating: "9", count: length)
      let usual = StoredValues.usualPath(id)
      #expect(length > 102 ? usual == nil : usual == spool.relativePath(of: id), "\(length)")
    }
    for id in Self.ids where Int(id) == nil { #expect(StoredValues.usualPath(id) == nil) }
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

  /// Other tools remove files, or make them smaller; what was there before the run counts, too.
  @Test func roomIsWaitedFor() throws {
    let directory = try TemporaryDirectory()
    let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let old = directory.path + "/12/1234.pdf"
    try Spool.makeDirectories(directory.path + "/12")
    try directory.write(String(repeating: "x", count: 300_000), to: "12/1234.pdf")
    let room = SpoolRoom(limit: 500_000, root: directory.path, logger: quiet)
    let stop = ShutdownSignal()
    try room.enter(stop)
    try directory.write(String(repeating: "x", count: 150_000), to: "12/1235.pdf")
    room.leave(150_000)
    // Now another one does not fit, until the first is gone.
    let isIn = Latch()
    let isStarted = startThread {
      try? room.enter(stop)
      isIn.happen()
    }
    try #require(isStarted)
    #expect(isIn.sleep(seconds: 0.2))
    #expect(unlink(old) == 0)
    #expect(!isIn.sleep(seconds: 60))
    // 150,000 there, 150,000 on the way, and the next may be as large: 450,000.
    try room.enter(stop)
    let isOver = Latch()
    let isAlsoStarted = startThread {
      #expect(throws: RecordError.stopped) { try room.enter(stop) }
      isOver.happen()
    }
    try #require(isAlsoStarted)
    #expect(isOver.sleep(seconds: 0.2))
    stop.request(.interrupted)
    #expect(!isOver.sleep(seconds: 60))
  }

  @Test func aDocumentLargerThanTheRoomComesAlone() throws {
    let directory = try TemporaryDirectory()
    let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let room = SpoolRoom(limit: 1, root: directory.path, logger: quiet)
    try room.enter(ShutdownSignal())
    room.leave(nil)
    try room.enter(ShutdownSignal())
    let free = SpoolRoom(limit: nil, root: directory.path, logger: quiet)
    for _ in 0..<1000 { try free.enter(ShutdownSignal()) }
  }
}
