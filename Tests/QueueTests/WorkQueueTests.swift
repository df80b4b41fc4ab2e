import Common
import Glibc
import Logging
import Redis
import Support
import Synchronization
import Testing

@testable import queue

/// The queue, against a real Redis: what each step leaves behind.
@Suite(.enabled(if: RedisServer.isInstalled)) struct WorkQueueTests {
  private static let number = Atomic<Int>(0)

  /// A queue that only one test uses.
  private func queue(_ server: RedisServer? = nil) throws -> WorkQueue {
    let name = "q\(Self.number.add(1, ordering: .relaxed).newValue)"
    return try WorkQueue(
      (server ?? RedisServer.shared.get()).url(), name: name, retryTimeout: 20,
      stop: ShutdownSignal()
    ) { _ in }
  }

  private func text(_ text: String) -> [UInt8] { Array(text.utf8) }

  private func take(_ queue: WorkQueue, _ consumer: String, _ count: Int = 10) throws
    -> [WorkQueue.Entry]
  {
    var cursor = "0-0"
    return try queue.take(for: consumer, count: count, cursor: &cursor)
  }

  @Test func `what is sent is taken once, and answered once`() throws {
    let queue = try queue()
    try queue.live("head", details: .object([:]))
    let ids = try queue.send((1...5).map { ($0, text("line \($0)")) }, run: "head")
    let first = try take(queue, "a", 3)
    let second = try take(queue, "b")
    #expect(first.map(\.number) == [1, 2, 3] && second.map(\.number) == [4, 5])
    #expect(
      first[0]
        == WorkQueue.Entry(
          id: ids[0], delivery: 1, run: "head", number: 1, line: text("line 1")))
    #expect(try take(queue, "a").isEmpty)
    #expect(try queue.held(by: "a") == Set(ids[..<3]))
    let answers = (first + second).map {
      WorkQueue.Answer($0, by: $0.number < 4 ? "a" : "b", line: text("done \($0.number)"))
    }
    #expect(try queue.give(answers) == [true, true, true, true, true])
    #expect(try queue.give(answers) == [false, false, false, false, false])
    let results = try queue.results("head", count: 10, waiting: 1)
    #expect(results.map(\.line) == (1...5).map { text("done \($0)") })
    try queue.forget(results, of: "head")
    #expect(try queue.results("head", count: 10, waiting: 0).isEmpty)
    #expect(try queue.missing(ids) == Set(ids))
    #expect(try queue.held(by: "a").isEmpty)
  }

  @Test func `an answer counts only from who has the entry, by this delivery`() throws {
    let server = try RedisServer()
    let queue = try queue(server)
    _ = try queue.send([(1, text("x"))], run: "head")
    let entry = try #require(try take(queue, "a").first)
    // What `a` held is another's after a while without a sign.
    try queue.release([entry.id], of: "a")
    #expect(try take(queue, "a").first?.delivery == 1)
    #expect(try queue.release([entry.id], of: "b") == 0)
    #expect(try take(queue, "b").isEmpty)
    try queue.release([entry.id], of: "a")
    let other = try #require(try take(queue, "b").first)
    #expect(other.id == entry.id)
    #expect(try queue.give([.init(entry, by: "a", line: text("late"))]) == [false])
    let older = WorkQueue.Entry(
      id: other.id, delivery: other.delivery + 1, run: "head", number: 1, line: [])
    #expect(try queue.give([.init(older, by: "b", line: text("forged"))]) == [false])
    // A renewal is no delivery, and takes nothing from anybody.
    try queue.renew([entry.id], of: "a")
    try queue.renew([entry.id], of: "b")
    #expect(try queue.give([.init(other, by: "b", line: text("done"))]) == [true])
    try server.cli("FLUSHALL")
    #expect(try queue.give([.init(other, by: "b", line: text("done"))]) == [false])
  }

  @Test func `a consumer that holds something is not deleted`() throws {
    let server = try RedisServer()
    let queue = try queue(server)
    _ = try queue.send([(1, text("x"))], run: "head")
    let entry = try #require(try take(queue, "a").first)
    try queue.leave("a")
    #expect(try queue.status()["workers"]?.array?.count == 1)
    #expect(try queue.give([.init(entry, by: "a", line: text("done"))]) == [true])
    try queue.leave("a")
    #expect(try queue.status()["workers"]?.array?.isEmpty == true)
  }

  @Test func `a head takes back what waits, and what is worked on only where it must`() throws {
    let queue = try queue()
    let ids = try queue.send((1...3).map { ($0, text("x")) }, run: "head")
    let taken = try take(queue, "a", 1)
    #expect(try queue.withdraw(ids, all: false) == Set(ids[1...]))
    #expect(try queue.withdraw(ids, all: true) == [ids[0]])
    #expect(try queue.give([.init(taken[0], by: "a", line: [])]) == [false])
    #expect(try take(queue, "a").isEmpty)
  }

  @Test func `a run whose head has gone is dead, and is cleared but for what is worked on`() throws
  {
    let queue = try queue()
    try queue.live("old", details: .object(["process": .string("gone")]))
    try queue.live("new", details: .object([:]))
    _ = try queue.send((1...600).map { ($0, text("x")) }, run: "old")
    let other = try queue.send([(1, text("y"))], run: "new")
    let taken = try take(queue, "a", 1)
    #expect(try queue.deadRuns { _ in false } == [])
    #expect(try queue.deadRuns { $0["process"]?.string == "gone" } == ["old"])
    #expect(try !queue.isAlive("old") && queue.isAlive("new"))
    #expect(try queue.clear("old") == 1)
    #expect(try queue.give([.init(taken[0], by: "a", line: text("done"))]) == [true])
    #expect(try queue.clear("old") == 0)
    #expect(try queue.results("old", count: 9, waiting: 0).map(\.line) == [text("done")])
    try queue.end("old")
    #expect(try queue.deadRuns { _ in true } == ["new"])
    #expect(try take(queue, "a").map(\.id) == other)
  }

  @Test
  func
    `a Redis that was killed and started has everything, and one that was emptied is filled again`()
    throws
  {
    // With `everysec` a write waits for a sync that is under way, and the answer does not (aof.c).
    let server = try RedisServer("--appendfsync", "always")
    let queue = try queue(server)
    let ids = try queue.send((1...50).map { ($0, text("x")) }, run: "head")
    let start = try queue.serverStart()
    server.order("stop")
    server.order("start")
    #expect(try queue.missing(ids).isEmpty)
    #expect(try queue.serverStart() != start)
    #expect(try take(queue, "a", 100).count == 50)
    try server.cli("FLUSHALL")
    // The group is made anew.
    #expect(try take(queue, "a").isEmpty)
    #expect(try queue.missing(ids).count == 50)
    _ = try queue.send([(1, text("x"))], run: "head")
    #expect(try take(queue, "a").count == 1)
  }

  @Test func `what another program has put into the stream is taken, and is no head's`() throws {
    let queue = try queue()
    _ = try queue.ask([
      RedisCommand("XADD", queue.work, "*", "foo", "bar"),
      RedisCommand("XADD", queue.work, "*", "run", "r", "n", "99999999999999999999", "r", "x"),
    ])
    let taken = try take(queue, "a")
    #expect(taken.count == 2)
    for entry in taken { #expect(try !queue.isAlive(entry.run)) }
    try queue.drop(taken, of: "a")
    #expect(try queue.held(by: "a").isEmpty && take(queue, "b").isEmpty)
  }

  /// What reads it can be ended by the system at any line: a folder is the shortest way to that.
  @Test func `an input that cannot be read ends the head with its reason`() throws {
    let input = open("/", O_RDONLY | O_CLOEXEC)
    let output = open("/dev/null", O_WRONLY | O_CLOEXEC)
    defer {
      close(input)
      close(output)
    }
    let stop = ShutdownSignal()
    do {
      let head = Head(queue: try queue(), window: 3, stop: stop, logger: Logger(label: "test"))
      _ = try head.run(input: input, output: output)
    } catch let error as Fatal {
      #expect(error.code == .inputOutput)
    }
    #expect(stop.isRequested)
  }

  @Test(
    arguments: [
      ("1795000000000-0", true), ("0-1", true), ("18446744073709551615-18446744073709551615", true),
      ("x", false), ("", false), ("1", false), ("1-", false), ("-1", false), ("1-2-3", false),
      ("+1-0", false), ("1-0 ", false), ("18446744073709551616-0", false), ("*", false),
    ])
  func `a record that names no entry did not come from the queue`(
    entry: String, isTicket: Bool
  ) throws {
    let text = """
      {"id":"1","queue":{"entry":"\(entry)","delivery":1,"consumer":"c","run":"r","number":1}}
      """
    let record = try #require(DocumentRecord(line: Array(text.utf8)))
    #expect((Ticket(record) != nil) == isTicket)
  }

  @Test(arguments: ["", "a b", "a*", "a/b", "ü", String(repeating: "a", count: 65), "{a}"])
  func `a name is plain`(name: String) throws {
    let url = try RedisServer.shared.get().url()
    let error = #expect(throws: Fatal.self) {
      try WorkQueue(url, name: name, retryTimeout: 0, stop: ShutdownSignal()) { _ in }
    }
    #expect(error?.code == .usage)
  }
}
