import Common
import Glibc
import HTTP
import Support
import Synchronization
import Testing

@testable import Store

/// What all identities have in common.
@Suite("Parts of identities")
struct IdentityPartsTests {
  @Test(
    arguments: [
      ("a b  c", ["a", "b", "c"]), ("'a b' \"c d\"e", ["a b", "c de"]),
      (#"a\ b "\$x" '\n'"#, ["a b", #"\$x"#, #"\n"#]),
      (#""a\"b" ''"#, [#"a"b"#, ""]), ("", []), ("'a", nil), ("a\\", nil),
    ] as [(String, [String]?)])
  func aCommandIsSplitAsAShellDoes(_ command: String, _ expected: [String]?) {
    #expect(CredentialProgram.split(command) == expected)
  }

  @Test(
    arguments: [
      ("1970-01-01T00:01:00Z", 60.0), ("1970-01-01T01:01:00+01:00", 60),
      ("1970-01-01T00:01:00.123456789Z", 60),
      ("1970-01-01T00:01:00UTC", 60), ("1969-12-31T23:31:00-00:30", 60), ("1970-01-01", nil),
      ("soon", nil), ("", nil),
    ] as [(String, Double?)])
  func momentsAreRead(_ text: String, _ expected: Double?) {
    #expect(IdentityExchange.seconds(until: text, now: 0) == expected)
  }

  private struct Numbers: Identity {
    let lifetime: Double
    let count = Counter()
    final class Counter: Sendable { let value = Atomic<Int>(0) }
    var name: String { "numbers" }
    func issue(_ exchange: IdentityExchange) throws -> Issued<Int> {
      Issued(credential: count.value.add(1, ordering: .relaxed).newValue, lifetime: lifetime)
    }
    func advice(_ refusal: IdentityRefusal) -> String { "" }
  }

  /// Credentials that hold for less than five minutes are not asked for with each request.
  @Test func shortOnesAreRenewedAtHalfOfTheirTime() throws {
    let clock = Mutex<Int64>(0)
    let live = LiveCredentials(
      Numbers(lifetime: 120), StoreGate("s3://b", StoreSettings()), now: { clock.withLock { $0 } })
    for (seconds, expected) in [(0, 1), (59, 1), (61, 2), (62, 2), (120, 2), (122, 3)]
      as [(Int64, Int)]
    {
      clock.withLock { $0 = seconds * 1_000_000_000 }
      #expect(try live.current() == expected, "after \(seconds) s")
    }
  }

  private struct Comes: Identity {
    let first: Int
    let count = Numbers.Counter()
    var name: String { "a machine" }
    func issue(_ exchange: IdentityExchange) throws -> Issued<Int> {
      let number = count.value.add(1, ordering: .relaxed).newValue
      if number < first || number == first + 1 {
        throw MissingServer(
          failure: RetryableFailure(reason: "gone", isWithoutConnection: true),
          end: Fatal(.permission, "none"))
      }
      return Issued(credential: number, lifetime: 60)
    }
    func advice(_ refusal: IdentityRefusal) -> String { "" }
  }

  /// A machine's server that never answered is not there; one that did comes back.
  @Test func aServerThatAnsweredOnceIsWaitedFor() throws {
    let settings = StoreSettings.identified(by: [:])
    let never = LiveCredentials(Comes(first: 9), StoreGate("s3://b", settings))
    let error = #expect(throws: Fatal.self) { _ = try never.current() }
    #expect(error?.message == "none")
    let clock = Mutex<Int64>(0)
    let once = LiveCredentials(
      Comes(first: 1), StoreGate("s3://b", settings), now: { clock.withLock { $0 } })
    #expect(try once.current() == 1)
    clock.withLock { $0 = 100_000_000_000 }
    #expect(try once.current() == 3)
  }

  @Test(arguments: ["sleep 100", "head -c 2000000 /dev/zero"])
  func aProgramThatDoesNotEndIsEnded(_ command: String) throws {
    let program = try CredentialProgram(command, place: "a test", timeout: 0.2)
    var settings = StoreSettings()
    settings.environment = { $0 == "PATH" ? "/usr/bin:/bin" : nil }
    #expect(throws: RetryableFailure.self) { _ = try program.run(settings) }
    let missing = try CredentialProgram("no-such-program", place: "a test", timeout: 1)
    let error = #expect(throws: Fatal.self) { _ = try missing.run(settings) }
    #expect(error?.code == .configuration)
  }

  /// Closing its output is not yet the end of a program.
  @Test func aProgramThatSaysAllAndGoesOnIsEnded() throws {
    let folder = try TemporaryDirectory()
    try folder.write("#!/bin/sh\necho '{}'\nexec >&-\nexec sleep 600\n", to: "helper")
    #expect(chmod("\(folder.path)/helper", 0o700) == 0)
    let program = try CredentialProgram("\(folder.path)/helper", place: "a test", timeout: 0.5)
    let error = #expect(throws: RetryableFailure.self) { _ = try program.run(StoreSettings()) }
    #expect(error?.reason.contains("did not end") == true, "\(error?.reason ?? "")")
    var settings = StoreSettings()
    settings.stop = ShutdownSignal()
    settings.stop.request(.interrupted)
    let stopped = #expect(throws: RecordError.self) { _ = try program.run(settings) }
    #expect(stopped?.kind == .interrupted)
  }

  /// Whatever a server has for a time, it is no time or a far one, and no trap.
  @Test(
    arguments: [
      "1970-01-01T00:00:00+9223372036854775807:00", "1970-01-01T00:00:00-00:9223372036854775807",
      "1970-01-01T00:00:00+25:99", "2147483647-99-99T99:99:99Z", "99999999999-01-01T00:00:00Z",
    ])
  func oddMomentsAreNoTrap(_ text: String) {
    let seconds = IdentityExchange.seconds(until: text, now: 0)
    #expect(seconds == nil || text.hasPrefix("2147483647"))
  }

  /// As of a portal: the longest of several, and a date by the clock of who wrote it.
  @Test func aStoreIsWaitedForAsItAsks() {
    func wait(_ fields: [(name: String, value: String)]) -> Double? {
      let head = ResponseHead(status: 503, headers: fields)
      return RetryableFailure(StoreResponse(head: head, body: []), "busy").retryAfter
    }
    #expect(wait([("Retry-After", "1"), ("Retry-After", "30")]) == 30)
    let date = "Mon, 01 Jan 2001 00:00:"
    #expect(wait([("Date", date + "00 GMT"), ("Retry-After", date + "20 GMT")]) == 20)
    #expect(wait([]) == nil)
  }

  /// Also where its answer breaks off.
  @Test(
    arguments: ["429 Slow down", "503 Slow Down", "500 Oops"], [ScriptedServer.Step.close, .reset])
  func aStoreIsWaitedForWhateverBecomesOfTheBody(status: String, end: ScriptedServer.Step) throws {
    let server = try ScriptedServer { _, _ in
      [.send("HTTP/1.1 \(status)\r\nRetry-After: 30\r\nContent-Length: 9\r\n\r\nx"), end]
    }
    let url = try #require(WebURL(server.url))
    var transfer = try Transfer(TransferSettings())
    var failure: RetryableFailure?
    do throws(TransferError) { _ = try transfer.send(Request(url), into: Ignoring()) } catch {
      failure = try RetryableFailure(error, "")
    }
    #expect(failure?.retryAfter == 30)
  }

  private final class Ignoring: BodySink {
    func begin(_ head: ResponseHead) -> Bool { true }
    func receive(_ bytes: UnsafeRawBufferPointer) -> Bool { true }
  }
}
