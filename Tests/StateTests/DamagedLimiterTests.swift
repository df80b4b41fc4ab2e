@testable import Limiter
import Common
import Foundation
import GRDB
import Support
import Synchronization
import Testing

/// What a power cut leaves of a file that nobody synced.
@Suite struct DamagedLimiterTests {
  private struct Place {
    let directory: TemporaryDirectory
    var path: String { directory.path + "/limiter.sqlite" }

    /// A limiter that was in use, with a pause that a portal asked for.
    init() throws {
      directory = try TemporaryDirectory()
      let limiter = try Limiter(at: .file(path))
      for host in 1...40 {
        _ = try limiter.waitForSlot(
          host: "host\(host):80", pace: RateLimit(delay: 0.001), stop: ShutdownSignal())
      }
      _ = try limiter.refuse(host: "paused:80", retryAfter: 3000, base: 1)
    }

    func content() throws -> [UInt8] { try DamagedLimiterTests.bytes(path) }
  }

  private static func bytes(_ path: String) throws -> [UInt8] {
    Array(try Data(contentsOf: URL(fileURLWithPath: path)))
  }

  @Test(arguments: [
    "zeros for the first page", "cut to its head", "cut to a page", "a page of zeros",
    "noise at the end", "noise in front", "noise in the head",
  ])
  func aDamagedFileIsMadeAnewAndPausesStay(damage: String) throws {
    let place = try Place()
    let good = try place.content()
    var bytes = good
    let noise = (0..<256).map { UInt8(truncatingIfNeeded: $0 * 167 + 13) }
    switch damage {
    case "zeros for the first page":
      bytes.replaceSubrange(0..<4096, with: [UInt8](repeating: 0, count: 4096))
    case "cut to its head": bytes = Array(bytes.prefix(100))
    case "cut to a page": bytes = Array(bytes.prefix(4096))
    case "a page of zeros":
      bytes.replaceSubrange(4096..<8192, with: [UInt8](repeating: 0, count: 4096))
    case "noise at the end": bytes.replaceSubrange(4096..<4352, with: noise)
    case "noise in front": bytes.replaceSubrange(0..<100, with: noise.prefix(100))
    default: bytes.replaceSubrange(100..<108, with: noise.prefix(8))
    }
    #expect(bytes != good)
    try place.directory.write(bytes, to: "limiter.sqlite")
    try place.directory.write("not a journal", to: "limiter.sqlite-journal")
    let words = Mutex<[String]>([])
    let limiter = try Limiter(at: .file(place.path)) { word in words.withLock { $0.append(word) } }
    #expect(words.withLock { $0.count } == 1)
    #expect(words.withLock { $0.first?.contains("made anew") } == true)
    #expect(try Self.bytes(place.path + "-damaged") == bytes)
    #expect(
      try limiter.start(host: "paused:80", pace: RateLimit(delay: 1), stop: ShutdownSignal())
        == .paused)
    #expect(
      try limiter.start(host: "paused:80", pace: RateLimit(delay: 0), stop: ShutdownSignal())
        == .paused)
    #expect(
      try limiter.waitForSlot(host: "host1:80", pace: RateLimit(delay: 1), stop: ShutdownSignal()))
    // The next one finds nothing wrong.
    _ = try Limiter(at: .file(place.path)) { Issue.record("again: \($0)") }
  }

  @Test(arguments: ["a letter to somebody, and no database at all. ", "%PDF-1.4 "])
  func somethingElseIsLeftAsItIs(text: String) throws {
    let directory = try TemporaryDirectory()
    let content = Array(String(repeating: text, count: 50).utf8)
    try directory.write(content, to: "letter")
    let error = #expect(throws: Fatal.self) {
      try Limiter(at: .file(directory.path + "/letter"))
    }
    #expect(error?.code == .inputOutput)
    #expect(try Self.bytes(directory.path + "/letter") == content)
  }

  @Test func aPauseOfTheLastStartOfTheMachineHolds() throws {
    let place = try Place()
    try DatabaseQueue(path: place.path).write {
      try $0.execute(sql: "UPDATE hosts SET boot_id = 'another', paused_until_wall = 0")
    }
    let limiter = try Limiter(at: .file(place.path))
    #expect(
      try limiter.start(host: "paused:80", pace: RateLimit(delay: 1), stop: ShutdownSignal())
        == .paused)
    let status = try #require(try limiter.status().first { $0.host == "paused:80" })
    #expect(status.pause > 2900 && status.refusals == 1)
  }
}

@Suite struct LimiterLocationTests {
  @Test(arguments: [
    ("state/limiter.sqlite", LimiterLocation.file("state/limiter.sqlite")),
    ("/var/lib/a:b/limiter", .file("/var/lib/a:b/limiter")), ("./host=1", .file("./host=1")),
    ("limiter", .file("limiter")), ("a=b.sqlite", .file("a=b.sqlite")),
    ("dir/host=x", .file("dir/host=x")), ("my limiter", .file("my limiter")),
    ("sqlite:limiter.db", .file("limiter.db")),
    ("postgres:", .database("postgres:")), ("POSTGRES://a@b/c", .database("POSTGRES://a@b/c")),
    ("postgresql://a:b@c/d", .database("postgresql://a:b@c/d")),
    ("REDIS://a@b/1", .redis("REDIS://a@b/1")), ("rediss://:p@b", .redis("rediss://:p@b")),
    ("unix:/run/redis.sock", .redis("unix:/run/redis.sock")),
  ])
  func isReadAsItIsMeant(text: String, location: LimiterLocation) throws {
    #expect(try LimiterLocation(text) == location)
  }

  @Test(arguments: [
    "host=db password=s3cret", "password=s3cret", "user=me dbname=x", "dbname=x\tpassword=s3cret",
    "mysql://me:s3cret@db/x", "amqp://:s3cret@db/0", "redis+s://s3cret@db",
    "jdbc:postgresql://me:s3cret@db",
    "http://me:s3cret@db", "mongodb+srv://s3cret@db", "file:limiter?key=s3cret", "mssql:s3cret",
    "Server=db;Password=s3cret", "Data Source=db;Pwd=s3cret", "://s3cret", "me:s3cret://db",
    "", ":memory:", "a\ns3cret", "postgres ://me:s3cret@db",
  ])
  func whatIsNeitherIsRefusedUnsaid(text: String) {
    let error = #expect(throws: Fatal.self) { try LimiterLocation(text) }
    #expect(error?.code == .usage)
    #expect(error?.message.contains("s3cret") == false)
    #expect(error?.message.contains("--limiter") == true)
  }
}
