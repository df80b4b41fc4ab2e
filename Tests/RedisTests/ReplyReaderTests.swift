import Support
import Testing

@testable import Redis

/// Bytes become replies, in whatever chunks they come.
@Suite struct ReplyReaderTests {
  private func read(_ text: String, chunk: Int) throws -> [RedisReply] {
    var reader = ReplyReader()
    var replies: [RedisReply] = []
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      reader.fill { $0 += rest.prefix(chunk) }
      rest = rest.dropFirst(chunk)
      while let reply = try reader.next() { replies.append(reply) }
    }
    return replies
  }

  @Test(arguments: [1, 2, 3, 7, 1000])
  func `replies of all kinds are read, however they are cut`(chunk: Int) throws {
    let text =
      "+OK\r\n:-42\r\n$-1\r\n*-1\r\n$0\r\n\r\n$6\r\na\r\nb\r\n\r\n*0\r\n-NOGROUP no such\r\n"
      + "*3\r\n$1\r\na\r\n*2\r\n:1\r\n$-1\r\n+x\r\n+\r\n"
    #expect(
      try read(text, chunk: chunk) == [
        .text(Array("OK".utf8)), .integer(-42), .null, .null, .text([]),
        .text(Array("a\r\nb\r\n".utf8)), .list([]), .error("NOGROUP no such"),
        .list([
          .text(Array("a".utf8)), .list([.integer(1), .null]), .text(Array("x".utf8)),
        ]), .text([]),
      ])
  }

  @Test(arguments: [
    "?\r\n", "HTTP/1.1 400 Bad Request\r\n", "\r\n", ":\r\n", ":1.5\r\n",
    ":99999999999999999999\r\n",
    "$-2\r\n", "$8388609\r\n", "$x\r\n", "*1048577\r\n", "*-7\r\n", "$1\r\nab\r\n", "+a\rb\r\n",
    String(repeating: "*1\r\n", count: 9), "%1\r\n+a\r\n+b\r\n", "\u{15}\u{3}\u{1}\0\u{2}\u{2}\r\n",
  ])
  func `what is no reply is refused`(text: String) {
    #expect(throws: ReplyReader.Malformed.self) { try read(text, chunk: 1000) }
    #expect(throws: ReplyReader.Malformed.self) { try read(text, chunk: 1) }
  }

  @Test func `a line without an end is not collected for ever`() {
    #expect(throws: ReplyReader.Malformed.self) {
      try read("+" + String(repeating: "a", count: 70_000), chunk: 1000)
    }
  }

  @Test func `a megabyte that comes in small chunks is read in no time`() throws {
    let text = "*2\r\n$1000000\r\n" + String(repeating: "x", count: 1_000_000) + "\r\n:1\r\n"
    let replies = try read(text, chunk: 100)
    #expect(replies.first?.list.first?.bytes?.count == 1_000_000)
  }
}
