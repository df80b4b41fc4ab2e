import Files
import Common
import Glibc
import Index
import Support
import Testing

@Suite struct UnpackingTests {
  /// As the tools do: in any order of the tests, a reader that goes is an error of write(2).
  init() { signal(SIGPIPE, SIG_IGN) }

  /// More than the pipe and all buffers hold.
  private static let text = (0..<60_000).map { "line \($0)\n" }.joined()

  /// What `gzip`, nobody's code of ours, makes of a file.
  private func packed(_ text: String, in directory: TemporaryDirectory) throws -> [UInt8] {
    try directory.write(text, to: "plain")
    try #require(system("gzip -f -k '\(directory.path)/plain'") == 0)
    return try contents("\(directory.path)/plain.gz")
  }

  private func contents(_ path: String) throws -> [UInt8] {
    let file = open(path, O_RDONLY)
    try #require(file >= 0)
    defer { close(file) }
    return Self.read(file)
  }

  private static func read(_ file: Int32, atMost limit: Int = .max) -> [UInt8] {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while bytes.count < limit, case let count = Glibc.read(file, &buffer, buffer.count), count > 0 {
      bytes += buffer.prefix(count)
    }
    return bytes
  }

  private func unpacked(_ bytes: [UInt8]) throws -> (answer: [UInt8], damage: Fatal?) {
    let directory = try TemporaryDirectory()
    try directory.write(bytes, to: "input")
    let file = open("\(directory.path)/input", O_RDONLY)
    defer { close(file) }
    return try withUnpacked(file) { Self.read($0) }
  }

  @Test func whatIsPackedComesOutWhole() throws {
    let bytes = try packed(Self.text, in: TemporaryDirectory())
    let (answer, damage) = try unpacked(bytes + bytes)
    #expect(damage == nil)
    #expect(answer == Array((Self.text + Self.text).utf8))
  }

  @Test(arguments: ["", "\u{1F}", "a", "plain text", text])
  func whatIsNotPackedPasses(plain: String) throws {
    let (answer, damage) = try unpacked(Array(plain.utf8))
    #expect(damage == nil)
    #expect(answer == Array(plain.utf8))
  }

  @Test func whatIsCutOffIsTold() throws {
    let bytes = try packed(Self.text, in: TemporaryDirectory())
    let (answer, damage) = try unpacked(Array(bytes.dropLast(bytes.count / 2)))
    #expect(damage?.code == .inputOutput)
    #expect(damage?.message.contains("cut off") == true)
    #expect(answer.count > 0)
    #expect(Array(Self.text.utf8).starts(with: answer))
  }

  @Test func whatIsDamagedIsTold() throws {
    var bytes = try packed(Self.text, in: TemporaryDirectory())
    bytes.replaceSubrange(
      bytes.count / 2..<bytes.count / 2 + 200, with: repeatElement(0xFF, count: 200))
    let (_, damage) = try unpacked(bytes)
    #expect(damage?.message.contains("damaged") == true)
  }

  /// Otherwise it would wait for ever for somebody to read on.
  @Test func aReaderMayGo() throws {
    let directory = try TemporaryDirectory()
    _ = try packed(Self.text, in: directory)
    let file = open("\(directory.path)/plain.gz", O_RDONLY)
    defer { close(file) }
    let (answer, damage) = try withUnpacked(file) { Self.read($0, atMost: 10).prefix(6) }
    #expect(Array(answer) == Array("line 0".utf8))
    #expect(damage == nil)
    #expect(throws: Fatal.self) {
      try withUnpacked(file) { _ in throw Fatal(.other, "it thought better of it") }
    }
  }

  /// It was not the input that ended.
  @Test func aReaderWhoGoesDamagesNothing() throws {
    let directory = try TemporaryDirectory()
    let packed = try packed(Self.text, in: directory)
    var ends: [Int32] = [-1, -1]
    try #require(pipe(&ends) == 0)
    defer { for end in ends { close(end) } }
    // The rest is still to come when the reader has gone. A pipe holds 64 KiB (pipe(7)): what is written
    // into it before anybody reads has to be less.
    let beginning = packed[..<min(packed.count / 2, 1 << 15)]
    try #require(writeAll(Array(beginning), to: ends[1]) == 0)
    let (answer, damage) = try withUnpacked(ends[0]) { Self.read($0, atMost: 10).prefix(6) }
    #expect(Array(answer) == Array("line 0".utf8))
    #expect(damage == nil)
  }

  /// Somebody at a terminal, or `tail -f`, who has not written the next line yet.
  @Test func aReaderMayGoBeforeTheInputGoesOn() throws {
    var ends: [Int32] = [-1, -1]
    try #require(pipe(&ends) == 0)
    defer { for end in ends { close(end) } }
    try #require(writeAll(Array("a,b\n".utf8), to: ends[1]) == 0)
    #expect(throws: Fatal.self) {
      try withUnpacked(ends[0]) { plain in
        _ = Self.read(plain, atMost: 4)
        throw Fatal(.other, "there is no column b")
      }
    }
  }
}
