import Files
import Common
import Crypto
import Glibc
import Testing

@testable import Store

@Suite("A directory as a store")
struct FileStoreTests {
  private let files: Files
  private let root: String
  private let store: any ObjectStore

  init() throws {
    files = try Files()
    root = files.directory + "/store"
    store = try openStore(root)
  }

  private func leftovers() -> [String] { Files.tree(root).filter { $0.hasSuffix(".part") } }

  @Test func aCheckWritesNothing() throws {
    #expect(try store.check(CheckPlan(writes: true)).findings == ["\(root) will be made"])
    #expect(access(root, F_OK) != 0)
    // Root may write anywhere.
    guard geteuid() != 0 else { return }
    let nowhere = try openStore("/proc/self/archive")
    #expect(throws: Fatal.self) { _ = try nowhere.check(CheckPlan(writes: true)) }
  }

  @Test func putThenFind() throws { try StoreConformance.putThenFind(store, files) }
  @Test func nothing() throws {
    // A store that is not there says nothing about any document.
    let missing = #expect(throws: Fatal.self) {
      try StoreConformance.nothingIsWhereNothingWasPut(store)
    }
    #expect(missing?.code == .inputOutput)
    _ = try store.create()
    try StoreConformance.nothingIsWhereNothingWasPut(store)
  }

  @Test func sizes() throws { try StoreConformance.emptyAndLargeFiles(store, files) }
  @Test func sameAgain() throws { try StoreConformance.sameAgainIsSkipped(store, files) }
  @Test func overwrite() throws { try StoreConformance.overwriteReplaces(store, files) }
  @Test func listing() throws { try StoreConformance.listsInOrder(store, files) }
  @Test func readingBack() throws { try StoreConformance.readsBack(store, files) }

  /// What an unmounted disk leaves is an empty folder, or none.
  @Test(arguments: [true, false]) func aStoreThatIsTakenAwayEndsTheRun(_ isEmptyFolderLeft: Bool)
    throws
  {
    let file = try files.document("x")
    let object = try store.put(file, at: try ObjectKey("a/b"), metadata: [:], overwrite: false)
    try #require(rename(root, root + "-away") == 0)
    if isEmptyFolderLeft { try #require(mkdir(root, 0o755) == 0) }
    let putting = #expect(throws: Fatal.self) {
      _ = try store.put(file, at: try ObjectKey("a/c"), metadata: [:], overwrite: false)
    }
    let looking = #expect(throws: Fatal.self) { _ = try store.info(at: object.url) }
    for error in [putting, looking] {
      #expect(error?.code == .inputOutput)
      #expect(error?.message.contains("Mount it again") == true)
    }
    #expect(access(root + "/a", F_OK) != 0)
    if isEmptyFolderLeft { try #require(rmdir(root) == 0) }
    try #require(rename(root + "-away", root) == 0)
    #expect(try store.info(at: object.url)?.bytes == 1)
  }

  /// Whoever has only the URL knows no root; but the folder of a document was made with it.
  @Test func aFolderThatIsGoneIsNotAMissingDocument() throws {
    let file = try files.document("x")
    let object = try store.put(file, at: try ObjectKey("a/b"), metadata: [:], overwrite: false)
    try #require(rename(root, root + "-away") == 0)
    let store = try Stores().holding(object.url)
    let error = #expect(throws: RecordError.self) { _ = try store.info(at: object.url) }
    #expect(error?.kind == .storeUnavailable && error?.counts == false)
    try #require(rename(root + "-away", root) == 0)
    try #require(unlink(root + "/a/b") == 0)
    #expect(try store.info(at: object.url) == nil)
  }

  @Test(
    arguments: [
      (ENOSPC, ToolExit.inputOutput, "free some space"), (EDQUOT, .inputOutput, "free some space"),
      (EROFS, .inputOutput, "read-only"), (ESTALE, .inputOutput, "Mount it again"),
      (ENOTCONN, .inputOutput, "Mount it again"), (EIO, .inputOutput, "kernel's log"),
      (EFBIG, .inputOutput, "ulimit -f"), (EMFILE, .inputOutput, "ulimit -n"),
      (EACCES, .permission, "writable"), (ENODEV, .inputOutput, "Mount it again"),
    ])
  func whatTheMachineHasIsEverybodys(_ code: Int32, _ exit: ToolExit, _ advice: String) {
    let fatal = FileError("write", "/srv/x", code: code).atDestination as? Fatal
    #expect(fatal?.code == exit)
    #expect(fatal?.message.contains(advice) == true)
  }

  @Test func onlyFilesOfOursAreListed() throws {
    #expect(throws: Fatal.self) { _ = try store.list("") }
    let file = try files.document("x")
    let object = try store.put(file, at: try ObjectKey("a/b"), metadata: [:], overwrite: false)
    try Files.write("half", to: root + "/a/.conveyor-17.part")
    try #require(symlink(files.directory, root + "/a/link") == 0)
    try #require(symlink(root + "/a/b", root + "/a/other") == 0)
    try #require(mkfifo(root + "/a/pipe", 0o600) == 0)
    try #require(mkdir(root + "/empty", 0o700) == 0)
    let lister = try store.list("")
    #expect(try lister.next()?.map(\.url) == [object.url])
    #expect(try lister.next() == nil)
  }

  @Test func elsewhere() throws {
    try StoreConformance.refusesURLsOfOtherPlaces(store)
    let url = try store.url(of: try ObjectKey("a")) + "/%2e%2e/b"
    #expect(throws: RecordError.self) { _ = try store.info(at: url) }
  }

  @Test func conflict() throws {
    try StoreConformance.otherContentIsAConflict(store, files)
    #expect(leftovers().isEmpty)
  }

  @Test func unusableSources() throws {
    try StoreConformance.unusableSources(store, files)
    #expect(leftovers().isEmpty)
  }

  @Test func races() throws {
    try StoreConformance.oneOfManyWins(store, files)
    try StoreConformance.manyOfTheSame(store, files)
    #expect(leftovers().isEmpty)
  }

  @Test func aNameLongerThanTheFileSystemTakesIsRefused() throws {
    let file = try files.document("x")
    for (length, isAccepted) in [(255, true), (256, false)] {
      let key = try ObjectKey("a/" + String(repeating: "n", count: length))
      if isAccepted {
        #expect(try store.put(file, at: key, metadata: [:], overwrite: false).bytes == 1)
        continue
      }
      let error = #expect(throws: RecordError.self) {
        _ = try store.put(file, at: key, metadata: [:], overwrite: false)
      }
      #expect(error?.kind == .storeRejected)
      #expect(throws: RecordError.self) { _ = try store.url(of: key) }
    }
  }

  /// Something that is not a file of ours is in the way, at each place where it could be.
  @Test(arguments: ["file", "directory", "link", "dangling link", "fifo", "parent is a file"])
  func whatIsInTheWayIsLeftAlone(_ obstacle: String) throws {
    let key = try ObjectKey("folder/object.pdf")
    let path = root + "/folder/object.pdf"
    mkdir(root, 0o755)
    if obstacle == "parent is a file" {
      try Files.write("precious", to: root + "/folder")
    } else {
      mkdir(root + "/folder", 0o755)
    }
    let target = try files.document("precious").path
    switch obstacle {
    case "file": try Files.write("precious", to: path)
    case "directory": mkdir(path, 0o755)
    case "link": symlink(target, path)
    case "dangling link": symlink(root + "/nowhere", path)
    case "fifo": mkfifo(path, 0o600)
    default: break
    }
    let before = Files.tree(root)
    let file = try files.document("new")
    let error = #expect(throws: RecordError.self) {
      _ = try store.put(file, at: key, metadata: [:], overwrite: false)
    }
    #expect(error?.kind == .storeConflict)
    #expect(Files.tree(root) == before)
    #expect(try files.text(target) == "precious")
  }

  @Test func aStoreThatIsAFileIsAConfigurationError() throws {
    let path = try files.document("x").path
    for root in [path, path + "/below"] {
      let error = #expect(throws: Fatal.self) { _ = try openStore(root) }
      #expect(error?.code == .configuration)
    }
  }

  @Test(.enabled(if: geteuid() != 0, "root may write everywhere"))
  func aDirectoryThatMayNotBeWrittenEndsTheRun() throws {
    mkdir(root, 0o555)
    let file = try files.document("x")
    let error = #expect(throws: Fatal.self) {
      _ = try store.put(file, at: try ObjectKey("a"), metadata: [:], overwrite: false)
    }
    #expect(error?.code == .permission)
  }

  @Test(arguments: [
    (ENOSPC, ToolExit.inputOutput), (EDQUOT, .inputOutput), (EROFS, .inputOutput),
    (EMFILE, .inputOutput), (EIO, .inputOutput), (EACCES, .permission), (EPERM, .permission),
  ])
  func theMachinesTroubleEndsTheRun(_ code: Int32, _ expected: ToolExit) throws {
    let fatal = try #require(FileError("write", "/store/a", code: code).atDestination as? Fatal)
    #expect(fatal.code == expected)
    #expect(fatal.message.contains("/store/a"))
  }

  @Test(arguments: ["a b", "100%", "a?b#c", "é", "日本語/🗂", "x;y=z", "a+b&c", "\u{202E}x"])
  func urlsComeBackAsTheirPaths(_ key: String) throws {
    let file = try files.document("x")
    let object = try store.put(file, at: try ObjectKey(key), metadata: [:], overwrite: false)
    #expect(object.url.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F })
    #expect(FileURL.path(of: object.url) == root + "/" + key)
    #expect(try store.info(at: object.url)?.bytes == 1)
    #expect(try Stores().holding(object.url).info(at: object.url)?.bytes == 1)
  }
}

@Suite("Which store a URL names")
struct OpeningTests {
  @Test(arguments: [
    ("file:///srv/archive", "file:///srv/archive/k"), ("/srv/archive", "file:///srv/archive/k"),
    ("/srv/./a/../archive//", "file:///srv/archive/k"), ("/", "file:///k"),
    ("file:///", "file:///k"), ("file:///srv/a%20b", "file:///srv/a%20b/k"),
    ("/srv/a b", "file:///srv/a%20b/k"), ("/../..", "file:///k"),
  ])
  func directories(_ name: String, _ expected: String) throws {
    #expect(try openStore(name).url(of: try ObjectKey("k")) == expected)
  }

  @Test(arguments: [
    ("gs://bucket", "gs://bucket/k"), ("gs://bucket/", "gs://bucket/k"),
    ("gs://bucket/a b/c/", "gs://bucket/a b/c/k"),
  ])
  func buckets(_ name: String, _ expected: String) throws {
    var settings = StoreSettings()
    settings.environment = { $0 == "STORAGE_EMULATOR_HOST" ? "localhost:1" : nil }
    #expect(try openStore(name, settings).url(of: try ObjectKey("k")) == expected)
  }

  @Test func aRelativePathIsTakenFromTheWorkingDirectory() throws {
    let url = try openStore("archive").url(of: try ObjectKey("k"))
    #expect(url.hasPrefix("file:///"))
    #expect(url.hasSuffix("/archive/k"))
  }

  @Test(arguments: [
    "", "gs://", "gs:bucket", "gs://Bucket", "gs://b/../c", "gs:///key", "s3://", "https://host/",
    "file:relative", "file:/one",
    "file://host/share", "file://", "file:///a/../b", "file:///a?b", "file:///a%2fb", "file:///%00",
    "file:///%zz", "file:///%ff", "a\0b",
  ])
  func nothingElse(_ name: String) {
    let error = #expect(throws: Fatal.self) { _ = try openStore(name) }
    #expect(error?.code == .configuration)
  }
}
