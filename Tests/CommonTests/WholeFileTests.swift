import Files
import Glibc
import Support
import Synchronization
import Testing

@Suite("Whole files")
struct WholeFileTests {
  private let folder: TemporaryDirectory

  init() throws { folder = try TemporaryDirectory() }

  private func text(_ name: String) -> String { TextFile.lines("\(folder.path)/\(name)").joined() }

  private func type(_ name: String) -> mode_t {
    var status = stat()
    return lstat("\(folder.path)/\(name)", &status) == 0 ? status.st_mode & S_IFMT : 0
  }

  @Test("A new one has its mode, one that was there is replaced, and nothing else stays behind")
  func files() throws {
    try WholeFile.write(Array("one".utf8), to: "\(folder.path)/a", mode: 0o600)
    var status = stat()
    #expect(stat("\(folder.path)/a", &status) == 0 && status.st_mode & 0o777 == 0o600)
    try WholeFile.write(Array("two".utf8), to: "\(folder.path)/a")
    #expect(text("a") == "two")
    #expect(Folders.names(in: folder.path) == ["a"])
  }

  @Test("A link stays one, and what it leads to is replaced")
  func links() throws {
    #expect(mkdir("\(folder.path)/real", 0o700) == 0)
    #expect(symlink("real/file", "\(folder.path)/link") == 0)
    // The first time it leads nowhere yet.
    for word in ["one", "two"] {
      try WholeFile.write(Array(word.utf8), to: "\(folder.path)/link")
      #expect(text("link") == word)
    }
    try folder.write("three", to: "real/other")
    #expect(symlink("real/other", "\(folder.path)/second") == 0)
    try WholeFile.write(Array("four".utf8), to: "\(folder.path)/second")
    #expect(type("second") == S_IFLNK)
    #expect(text("real/other") == "four")
  }

  @Test("What is no file takes the bytes, and stays what it is")
  func pipes() throws {
    let path = "\(folder.path)/pipe"
    #expect(mkfifo(path, 0o600) == 0)
    // Open for both, so that the writer need not wait for a reader.
    let reader = open(path, O_RDWR | O_CLOEXEC)
    defer { close(reader) }
    try WholeFile.write(Array("words".utf8), to: path)
    var bytes = [UInt8](repeating: 0, count: 16)
    #expect(read(reader, &bytes, bytes.count) == 5)
    #expect(type("pipe") == S_IFIFO)
    try WholeFile.write(Array("lost".utf8), to: "/dev/null")
    var status = stat()
    #expect(lstat("/dev/null", &status) == 0 && status.st_mode & S_IFMT == S_IFCHR)
  }

  @Test("An open descriptor goes on in the same file")
  func descriptors() throws {
    let descriptor = open("\(folder.path)/out", O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
    defer { close(descriptor) }
    #expect(writeAll(Array("before, ".utf8), to: descriptor) == 0)
    try WholeFile.write(Array("between, ".utf8), to: "/proc/self/fd/\(descriptor)")
    #expect(writeAll(Array("behind".utf8), to: descriptor) == 0)
    #expect(text("out") == "before, between, behind")
  }

  @Test("What cannot be written leaves what was there, and says why")
  func failures() throws {
    #expect(mkdir("\(folder.path)/folder", 0o700) == 0)
    for (name, code) in [("folder", EISDIR), ("missing/file", ENOENT), ("folder/", EISDIR)] {
      let error = #expect(throws: FileError.self) {
        try WholeFile.write([1], to: "\(folder.path)/\(name)")
      }
      #expect(error?.code == code, "\(name)")
    }
    #expect(Folders.names(in: folder.path) == ["folder"])
  }
}
