import Testing

@testable import dashboard

/// Who may ask what, decided from the request alone.
@Suite("Access to the dashboard")
struct AccessTests {
  private let token = String(repeating: "7f", count: 32)
  private var access: Access { Access(host: "127.0.0.1", port: 8800, token: token) }

  private func request(
    _ method: String = "GET", _ path: String = "/", _ fields: [String: String] = [:],
    host: String? = "127.0.0.1:8800", query: [String: String] = [:]
  ) -> Request {
    var request = Request(method: method, path: path, query: query, fields: fields)
    request.fields["host"] = host
    return request
  }

  private func status(_ verdict: Access.Verdict) -> Int {
    switch verdict {
    case .open: 200
    case .enter: 303
    case .refused(let status, _): status
    }
  }

  @Test(
    "Only the dashboard's own names are answered",
    arguments: [
      ("127.0.0.1:8800", 200), ("localhost:8800", 200), ("LOCALHOST:8800", 200),
      ("[::1]:8800", 200), ("127.0.0.1", 403), ("127.0.0.1:8801", 403), ("evil.example:8800", 403),
      ("127.0.0.1:8800.evil.example", 403), ("localhost:8800@evil.example", 403), ("", 403),
      ("localhost.:8800", 403), ("0.0.0.0:8800", 403), (nil, 403),
    ])
  func hosts(_ host: String?, _ expected: Int) {
    let verdict = access.judge(
      request("GET", "/", ["authorization": "Bearer \(token)"], host: host))
    #expect(status(verdict) == expected)
  }

  @Test(
    "A form's fields are decoded as browsers encode them, and what is none stays",
    arguments: [
      ("a=x+y%21", "x y!"), ("a=%C3%A9%2B", "é+"), ("a=%+1", "% 1"), ("a=%4", "%4"),
      ("a=100%", "100%"), ("a=%ff", "%ff"), ("a", ""), ("b=1&a=2=3", "2=3"),
    ])
  func form(_ body: String, _ value: String) {
    var request = request("POST", "/control")
    request.body = Array(body.utf8)
    #expect(request.form["a"] == value)
  }

  @Test("A host that is named twice is none")
  func twice() {
    var twice = request("GET", "/", ["authorization": "Bearer \(token)"])
    twice.repeated = ["host"]
    #expect(status(access.judge(twice)) == 403)
  }

  @Test("Without the token or its cookie nothing is shown but that it lives")
  func tokens() {
    let cookie = "\(access.cookieName)=\(access.cookie)"
    let cases: [(Request, Int)] = [
      (request(), 401), (request("GET", "/healthz"), 200), (request("GET", "/api/status"), 401),
      (request("GET", "/metrics"), 401), (request("GET", "/style.css"), 401),
      (request("GET", "/", ["cookie": cookie]), 200),
      (request("GET", "/", ["cookie": "a=b; \(cookie); c=d"]), 200),
      (request("GET", "/", ["cookie": cookie.uppercased()]), 401),
      (request("GET", "/", ["cookie": "\(cookie)0"]), 401),
      (request("GET", "/", ["cookie": "\(access.cookieName)=\(token)"]), 401),
      (request("GET", "/", ["authorization": "Bearer \(token)"]), 200),
      (request("GET", "/", ["authorization": token]), 401),
      (request("GET", "/", ["authorization": "Basic \(token)"]), 401),
      (request(query: ["token": token]), 303), (request(query: ["token": "x"]), 401),
      (request(query: ["token": ""]), 401),
      // Only the page takes a token in its address: logs and histories keep those.
      (request("GET", "/api/status", query: ["token": token]), 401),
      (request("PUT", "/", ["cookie": cookie]), 405),
      (request("GET", "/healthz", host: "evil.example"), 403),
    ]
    for (request, expected) in cases {
      #expect(status(access.judge(request)) == expected, "\(request)")
    }
  }

  @Test("What changes something, or opens a socket, comes from the dashboard's own page")
  func origins() {
    let cookie = "\(access.cookieName)=\(access.cookie)"
    let own = "http://127.0.0.1:8800"
    let origins: [(String?, Int)] = [
      (own, 200), (nil, 403), ("null", 403), ("http://127.0.0.1:8801", 403),
      ("https://127.0.0.1:8800", 403), ("http://localhost:8800", 403), ("http://evil.example", 403),
      ("http://127.0.0.1:8800.evil.example", 403), ("http://evil.example/\(own)", 403), ("", 403),
    ]
    for (origin, expected) in origins {
      for (method, extra) in [("POST", [:]), ("GET", ["upgrade": "websocket"])] {
        var fields = extra.merging(["cookie": cookie]) { $1 }
        fields["origin"] = origin
        #expect(
          status(access.judge(request(method, "/", fields))) == expected, "\(origin ?? "none")")
      }
    }
    // A program brings the token of its own accord, and no origin.
    let bearer = ["authorization": "Bearer \(token)"]
    #expect(status(access.judge(request("POST", "/control", bearer))) == 200)
    let foreign = bearer.merging(["origin": "http://evil.example"]) { $1 }
    #expect(status(access.judge(request("POST", "/control", foreign))) == 403)
    // A token in the address is for reading.
    #expect(status(access.judge(request("POST", "/", query: ["token": token]))) == 403)
  }

  @Test("Behind a proxy it is known by the proxy's name, too, and the cookie goes over https alone")
  func proxy() {
    let access = Access(
      host: "10.0.0.5", port: 8800, token: token, proxy: "https://Dash.example.org")
    let fields = [
      "cookie": "\(access.cookieName)=\(access.cookie)", "origin": "https://dash.example.org",
    ]
    #expect(status(access.judge(request("POST", "/", fields, host: "dash.example.org"))) == 200)
    #expect(status(access.judge(request("POST", "/", fields, host: "10.0.0.5:8800"))) == 403)
    #expect(access.cookieField.hasSuffix("HttpOnly; SameSite=Strict; Secure"))
    #expect(self.access.cookieField.hasSuffix("HttpOnly; SameSite=Strict"))
  }

  @Test("The cookie does not betray the token, and another port's is another")
  func cookies() {
    #expect(!access.cookieField.contains(token))
    #expect(access.cookieName != Access(host: "127.0.0.1", port: 8801, token: token).cookieName)
    #expect(Access.newToken() != Access.newToken() && Access.newToken().count == 64)
  }

  @Test("A form is decoded as browsers send it")
  func forms() {
    var request = Request(method: "POST", path: "/control")
    request.body = Array("why=clerk%27s+office%3Cb%3E&for=&x=%ZZ&=&host=a%3A443".utf8)
    #expect(
      request.form == [
        "why": "clerk's office<b>", "for": "", "x": "%ZZ", "": "", "host": "a:443",
      ])
  }

  @Test("Addresses to listen on")
  func addresses() {
    #expect(Address("127.0.0.1:8800")?.isLoopback == true)
    #expect(Address("localhost:0")?.host == "127.0.0.1")
    #expect(Address("[::1]:8800")?.description == "[::1]:8800")
    #expect(Address("0.0.0.0:8800")?.isLoopback == false)
    for text in ["", "8800", "127.0.0.1", "127.0.0.1:", ":8800", "127.0.0.1:66000", "a:-1"] {
      #expect(Address(text) == nil, "\(text)")
    }
  }
}
