import Common
import Support
import Testing

/// Found by `--index postgres://me:pa/ss@…`, which was printed: what does not parse was shown whole
/// (promise P13).
@Suite struct SecretRedactorTests {
  /// What may be shown of a setting; `CANARY` is in none of it.
  static let settings: [(String, String)] = [
    ("postgres://me:CANARY@db/madison", "postgres://***@db/madison"),
    (
      "postgres://me:CANARY@db:5432/madison?sslmode=require",
      "postgres://***@db:5432/madison?sslmode=require"
    ),
    ("postgres://CANARY@db", "postgres://***@db"),
    ("postgres://me:pa/CANARY@db", "postgres://***"),
    ("postgres://me:CANARY/ss@db/n", "postgres://***"),
    ("postgres://me:a@CANARY@db", "postgres://***"),
    ("postgres://me:CANARY#x@db", "postgres://***"),
    ("postgres://me:CANARY?x@db", "postgres://***"),
    ("postgres://me:a b CANARY@db", "postgres://***"),
    ("postgres://me:CANARY x@db", "postgres://***"), ("postgres://me:CANARY", "postgres://***"),
    ("postgres://me:CAN%41RY-CANARY@db", "postgres://***@db"),
    ("postgre://u:CANARY@h", "postgre://***@h"),
    ("postgres://me:CANARY@[::1]:5432/n", "postgres://***@[::1]:5432/n"),
    ("postgres://me:Ä日CANARY@db", "postgres://***@db"),
    ("postgres://me:CANARY@h1:1,h2:2/n", "postgres://***@h1:1,h2:2/n"),
    ("postgres://db/n?password=CANARY", "postgres://db/n?password=***"),
    ("postgres://db/n?sslpassword=CANARY&x=1", "postgres://db/n?sslpassword=***&x=1"),
    ("postgres://db/n?password=a CANARY", "postgres://***"),
    ("postgres:me:CANARY@db", "postgres://***"), ("me:CANARY@db", "***@db"),
    ("me:CAN/CANARY@db", "***"),
    ("host=db password=CANARY", "***"), ("password = 'a CANARY'", "***"),
    ("password=CANARY", "password=***"),
    ("dbname=n password='it\\'s CANARY' host=h", "***"),
    ("jdbc:postgresql://h/n?user=u&password=CANARY", "jdbc:postgresql://h/n?user=u&password=***"),
    ("jdbc:sqlserver://h:1433;user=me;password=CANARY;x=1", "jdbc://***"),
    ("jdbc:oracle:thin:scott/CANARY@//h:1521/x", "jdbc://***"),
    ("http://me:CANARY@proxy:3128", "http://***@proxy:3128"),
    ("http://me:CANARY#x@proxy", "http://***"),
    ("socks5h://me:CANARY@proxy", "socks5h://***@proxy"),
    ("s3://KEY:CANARY@bucket/p", "s3://***@bucket/p"),
    ("s3://KEY:CAN/CANARY+x@bucket", "s3://***"),
    ("redis://:CANARY@h:6379/0", "redis://***@h:6379/0"),
    ("rediss://u:CANARY@h", "rediss://***@h"),
    ("https://h/a?X-Amz-Signature=CANARY", "https://h/a?X-Amz-Signature=***"),
    ("https://h/a?b=1&access_token=CANARY#x", "https://h/a?b=1&access_token=***#x"),
    ("https://h/a?sig=CANARY&se=1", "https://h/a?sig=***&se=1"),
    ("https://h/a?key=CANARY", "https://h/a?key=***"),
    ("https://h/a?X-Goog-Signature=CANARY", "https://h/a?X-Goog-Signature=***"),
    ("HTTP://ME:CANARY@H/", "HTTP://***@H/"),
    ("mongodb+srv://u:CANARY@h/d", "mongodb+srv://***@h/d"),
    ("https://CANARY@github.com/x", "https://***@github.com/x"),
  ]

  @Test(arguments: settings)
  func aSettingIsShownSafely(setting: String, shown: String) {
    #expect(SecretRedactor.setting(setting) == shown)
    #expect(SecretRedactor.looksSecret(setting))
    for message in [
      "cannot open \"\(setting)\": no such thing", "(\(setting)) is none", setting,
      "x \(setting), y",
    ] where !setting.contains(" ") {
      #expect(
        !SecretRedactor.message(message).contains("CANARY"), "\(SecretRedactor.message(message))")
    }
    #expect(!Format.quoted(setting, limit: 20).contains("CANARY"))
  }

  @Test(arguments: [
    "sqlite:/srv/index.db", "index.db", "/srv/me@home/index.db", "https://example.org/a.pdf?id=5",
    "https://example.org:8443/a.pdf", "gs://bucket/a@b.pdf", "file:///srv/a:b@c", "C: drive",
    "postgres://db:5432/madison", "https://[::1]:443/x", "bob@example.org",
    "expected postgres://USER@HOST:PORT/NAME, sqlite:PATH", "184223: portal_error: 500",
    "--map \"id=lease\": the index has no column", "a.csv:3: refused: book has to be 1",
    "http://127.0.0.1:9000: no answer", "x-mode: fast", "the bearer of the deed",
    "Basic authentication",
  ])
  func whatIsNoSecretStays(text: String) {
    #expect(SecretRedactor.message(text) == text)
  }

  @Test(arguments: [
    "Authorization: Bearer CANARY-0123", "said Bearer CANARY-0123 to me",
    "Authorization: Basic CANARY0=",
    #"{"access_token": "CANARY", "x": 1}"#, #"{"password":"a\"CANARY"}"#, "Cookie: a=b; sid=CANARY",
    "X-Api-Key: CANARY", "PGPASSWORD=CANARY psql", "AWS_SECRET_ACCESS_KEY=CANARY",
    "X-Auth-Token: CANARY",
    "proxy-authorization: CANARY", "the server said secret=CANARY",
  ])
  func valuesWithTheNameOfASecretAreHidden(text: String) {
    let shown = SecretRedactor.message(text)
    #expect(!shown.contains("CANARY"), "\(shown)")
    #expect(shown.contains("***"))
  }

  @Test(arguments: [
    ("postgres://db/n", true), ("host=db dbname=n", true), ("user=me", true), ("me:pw@db", true),
    ("redis://db", true), ("state", false), ("/srv/state", false), ("./a=b", false),
    ("C:state", false),
    ("state@home", false),
  ])
  func addressesAreToldFromPaths(text: String, isAddress: Bool) {
    #expect(SecretRedactor.looksLikeAddress(text) == isAddress)
  }

  @Test func errorsAndLogsGoThroughIt() {
    let text = "no answer from postgres://me:CANARY@db/n"
    #expect(!Fatal(.other, text).message.contains("CANARY"))
    #expect(!RecordError(.network, text).message.contains("CANARY"))
    let invalid = InputLine(
      Array(#"{"url":"http://me:CANARY@h/", oops"#.utf8), number: 1, tool: "x")
    if case .invalid(let json, _) = invalid {
      #expect(!json.description.contains("CANARY"))
    } else {
      Issue.record("it was a record")
    }
  }

  /// What Swift makes of a value by itself reached people as `RecordError(tool: "", kind: …`.
  @Test func errorsAreQuotedInWords() {
    struct Odd: Error { let inside = "x" }
    #expect("\(RecordError(.network, "no answer"))" == "no answer")
    #expect(Fatal(describing: RecordError(.network, "no answer")).message == "no answer")
    let odd = Fatal(describing: Odd()).message
    #expect(odd.contains("Odd") && !odd.contains("inside"))
  }

  /// What is told at once is what reading all of it would say.
  @Test func plainAddressesHideNothing() {
    let plain = [
      "http://a.example/x", "https://h:8080/a/b-c_d~1.pdf", "https://h", "http://h:1/%20",
    ]
    for address in plain { #expect(SecretRedactor.isPlainAddress(address), "\(address)") }
    let others = ["ftp://h/", "https://h:x/", "http://h/?a=b", "http://h/a@b", "http:///x", "h"]
    for address in others { #expect(!SecretRedactor.isPlainAddress(address), "\(address)") }
    let words = [
      "http", "https", "://", ":", "/", "//", "@", "token", "password", "key", "h", ".", "8080",
      "80", "=",
      "-", "a", "?", "s3", " ", "%", "+", "~", "_",
    ]
    var dice = SeededRandom(seed: 1)
    for _ in 0..<20_000 {
      let start = ["http://", "https://", ""].randomElement(using: &dice) ?? ""
      let rest = (0..<Int.random(in: 1...6, using: &dice)).map { _ in
        words.randomElement(using: &dice) ?? ""
      }
      let text = start + rest.joined()
      if SecretRedactor.isPlainAddress(text) {
        #expect(!SecretRedactor.looksSecret(text), "\(text)")
        #expect(SecretRedactor.message(text) == text)
      }
    }
  }
}

/// Who may read a secret's file beside its owner. `make test-image` reads one as Kubernetes mounts it.
@Suite struct SecretFileModeTests {
  struct Case: Sendable {
    let others: SecretFile.Others
    let owner: UInt32
    let reader: UInt32
    let mode: UInt32
    let isTaken: Bool
  }

  @Test(arguments: [
    // Root's, lent to the group of a pod.
    Case(others: .group, owner: 0, reader: 10001, mode: 0o440, isTaken: true),
    Case(others: .group, owner: 0, reader: 10001, mode: 0o640, isTaken: true),
    Case(others: .group, owner: 0, reader: 10001, mode: 0o444, isTaken: false),
    // One's own, which chmod mends; and somebody else's.
    Case(others: .group, owner: 10001, reader: 10001, mode: 0o440, isTaken: false),
    Case(others: .group, owner: 10001, reader: 10001, mode: 0o400, isTaken: true),
    Case(others: .group, owner: 0, reader: 0, mode: 0o640, isTaken: false),
    Case(others: .group, owner: 1000, reader: 10001, mode: 0o440, isTaken: false),
    Case(others: .everybody, owner: 1000, reader: 10001, mode: 0o440, isTaken: true),
    Case(others: .everybody, owner: 0, reader: 10001, mode: 0o404, isTaken: false),
  ])
  func `root lends a secret to a group, and nobody else does`(_ one: Case) {
    let forbidden = one.others.forbidden(owner: one.owner, reader: one.reader)
    #expect((one.mode & forbidden == 0) == one.isTaken)
  }
}
