import Testing

@testable import portal

@Suite struct RequestTests {
  private func parse(_ text: String) throws(BadRequest) -> Request {
    try Request(parsing: Array(text.utf8))
  }

  @Test func `a request is read`() throws {
    let request = try parse(
      "GET /a%20b?x=1&y HTTP/1.1\r\nHost: h\r\nX-Two: a\r\nx-two:  b \r\nRange: bytes=5-")
    #expect(request.path == "/a b")
    #expect(request.query == "x=1&y")
    #expect(request.headers == ["host": "h", "x-two": "a, b", "range": "bytes=5-"])
    #expect(request.keepsAlive && !request.isHead)
    #expect(try parse("HEAD http://h:80/a HTTP/1.1\r\nHost: h").path == "/a")
  }

  @Test(arguments: [
    ("GET / HTTP/1.1\r\nHost: h\r\nConnection: close", false),
    ("GET / HTTP/1.0", false),
    ("GET / HTTP/1.0\r\nConnection: Keep-Alive", true),
    ("GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 5", false),
  ])
  func `a connection goes on if both sides can`(text: String, keepsAlive: Bool) throws {
    #expect(try parse(text).keepsAlive == keepsAlive)
  }

  @Test(arguments: [
    ("", 400), ("GET", 400), ("GET /", 400), ("GET / HTTP/1.1", 400), ("GET  / HTTP/1.1", 400),
    ("GET / FTP/1", 400), ("GET / HTTP/2.0\r\nHost: h", 505), ("POST / HTTP/1.1\r\nHost: h", 405),
    ("GET x HTTP/1.1\r\nHost: h", 400), ("GET / HTTP/1.1\r\nHost", 400),
    ("GET / HTTP/1.1\r\nHost : h", 400), ("GET / HTTP/1.1\r\nHost: h\r\n folded", 400),
    ("GET / HTTP/1.1\nHost: h", 400), ("GET /\u{0} HTTP/1.1\r\nHost: h", 400),
    ("GET http://h HTTP/1.1\r\nHost: h", 400),
  ])
  func `bad requests get a status`(text: String, status: Int) {
    #expect { try parse(text) } throws: { ($0 as? BadRequest)?.status == status }
  }

  @Test func `bytes that are not UTF-8 are refused`() {
    #expect(throws: BadRequest.self) {
      try Request(parsing: Array("GET /".utf8) + [0xFF] + Array(" HTTP/1.0".utf8))
    }
  }

  @Test func `queries are decoded as forms`() {
    let query = Query("a=1+2&b=%41%zz&a=3%20&c&=x")
    #expect(query["a"] == "3")
    #expect(query["b"] == "A%zz")
    #expect(query["c"] == "")
    #expect(query["d"] == nil)
    #expect(Query("do_search=Submit+Query")["do_search"] == "Submit Query")
  }
}

@Suite struct HeadBufferTests {
  @Test func `heads are found in chunks of any size`() throws {
    let text = "\r\nGET /1 HTTP/1.0\r\n\r\nGET /2 HTTP/1.0\r\nA: b\r\n\r\nGET"
    for size in 1...text.utf8.count {
      var buffer = HeadBuffer()
      var heads: [String] = []
      var rest = Array(text.utf8)[...]
      while !rest.isEmpty {
        buffer.append(rest.prefix(size))
        rest = rest.dropFirst(size)
        while let head = try buffer.next() { heads.append(String(decoding: head, as: UTF8.self)) }
      }
      #expect(heads == ["GET /1 HTTP/1.0", "GET /2 HTTP/1.0\r\nA: b"])
      #expect(!buffer.isEmpty)
    }
  }

  @Test func `a head without end is refused, in one chunk or many`() {
    var buffer = HeadBuffer()
    #expect { () throws in
      for _ in 0..<100 {
        buffer.append([UInt8](repeating: 65, count: 1000))
        _ = try buffer.next()
      }
    } throws: { ($0 as? BadRequest)?.status == 431 }
    var whole = HeadBuffer()
    whole.append([UInt8](repeating: 65, count: 20_000) + Array("\r\n\r\n".utf8))
    #expect(throws: BadRequest.self) { try whole.next() }
  }
}
