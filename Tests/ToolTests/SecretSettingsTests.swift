import Common
import Foundation
import Support
import Testing

/// Promise P13 through the built programs: a canary as the password in every way that people write one
/// into a URL or a setting, and a search of all that was printed and written for it.
@Suite("Secrets in settings")
struct SecretSettingsTests {
  /// Ways to write a password; `CANARY` stands for it, or for a part of it.
  static let spellings = [
    "postgres://me:CANARY@127.0.0.1:1/n", "postgres://me:pa/CANARY@127.0.0.1:1/n",
    "postgres://me:CANARY/ss@127.0.0.1:1", "postgres://me:a@CANARY@127.0.0.1:1/n",
    "postgres://me:CANARY@b@127.0.0.1:1/n", "postgres://me:CANARY#x@127.0.0.1:1",
    "postgres://me:CANARY?x@127.0.0.1:1", "postgres://me:a CANARY@127.0.0.1:1",
    "postgres://me:CANARY b@127.0.0.1:1", "postgres://me:CANARY",
    "postgresql://CANARY@127.0.0.1:1/n",
    "postgres://me:%41CANARY%40@127.0.0.1:1/n", "postgres://me:Ä日CANARY@127.0.0.1:1/n",
    "postgres://me:CANARY@[::1]:1/n", "postgres://me:CANARY@h1:1,h2:x/n",
    "postgres://me:CANARY@:x/n",
    "postgres://127.0.0.1:1/n?password=CANARY", "postgres://127.0.0.1:1/n?sslpassword=CANARY",
    "postgres://127.0.0.1:1/n?password=a CANARY", "postgres://127.0.0.1:1/n?passwort=CANARY@x",
    "postgres:me:CANARY@127.0.0.1", "postgre://u:CANARY@h", "postgrse://u:a/CANARY@h",
    "POSTGRES://ME:CANARY@h:1/n", "me:CANARY@127.0.0.1", "me:a/CANARY@127.0.0.1/n", "me:a@CANARY@h",
    "host=127.0.0.1 password=CANARY", "host=127.0.0.1 password = 'a CANARY'", "password=CANARY",
    "password='it\\'s CANARY' host=h", "service=x password=CANARY", "host=h PASSWORD=CANARY",
    "jdbc:postgresql://h/n?user=u&password=CANARY", "jdbc:postgresql://u:CANARY@h/n",
    "jdbc:sqlserver://h:1;user=me;password=CANARY", "jdbc:oracle:thin:scott/CANARY@//h:1/x",
    "mysql://me:CANARY@h/n", "mongodb+srv://u:CANARY@h/n", "redis://:CANARY@127.0.0.1:1/0",
    "rediss://u:a/CANARY@127.0.0.1:1", "amqp://u:CANARY@h", "sqlite://me:CANARY@h/n",
    "http://me:CANARY@127.0.0.1:1", "http://me:CANARY#x@127.0.0.1:1",
    "http://me:CANARY/x@127.0.0.1:1",
    "https://me:a@CANARY@127.0.0.1:1", "socks5h://me:CANARY@127.0.0.1:1", "https://CANARY@h:x/",
    "s3://KEY:CANARY@bucket", "s3://KEY:CAN/CANARY@bucket/p", "s3://KEY:CANARY+/=@bucket",
    "gs://me:CANARY@bucket", "file://me:CANARY@h/x", "https://h/a?X-Amz-Signature=CANARY",
    "https://h/a?access_token=CANARY", "https://h:x/a?sig=CANARY", "ftp://me:CANARY@h/x",
    "https://h/a#access_token=CANARY", "sftp://me:CANARY@h", "\u{202E}http://me:CANARY@h",
  ]

  /// Each spelling is tried at a quarter of the places, and each place gets a quarter of the spellings; at all
  /// of them in the long form of the trial `secrecy`, which takes minutes.
  private func isDue(_ spelling: String, _ place: Int) -> Bool {
    let number = Self.spellings.firstIndex(of: spelling) ?? 0
    return (number + place) % 4 == 0
      || ProcessInfo.processInfo.environment["CONVEYOR_EVERY_PLACE"] != nil
  }

  /// Runs a program in a folder of its own, and looks for the canary in all that came of it.
  private func look(
    _ tool: String, _ arguments: [String], _ environment: [String: String] = [:],
    lines: [String] = [],
    comment: String
  ) throws {
    let folder = try TemporaryDirectory()
    let base = ["CONVEYOR_CONNECT_TIMEOUT": "1"]
    let end = try run(
      tool, arguments, lines: lines, environment: environment.merging(base) { one, _ in one },
      directory: folder.path)
    let said = end.text + end.errors
    #expect(!said.contains("CANARY"), "\(tool) \(comment): \(end)")
    #expect(end.code != 1 && end.code < 132, "\(tool) \(comment): \(end)")
    for file in Files.all(in: folder.path) {
      #expect(!file.contains("CANARY"), "\(tool) \(comment) made \(file)")
      let bytes = FileManager.default.contents(atPath: "\(folder.path)/\(file)") ?? Data()
      #expect(bytes.firstRange(of: Array("CANARY".utf8)) == nil, "\(tool) \(comment): in \(file)")
    }
    let folders = FileManager.default.enumerator(atPath: folder.path)
    while let path = folders?.nextObject() as? String {
      #expect(!path.contains("CANARY"), "\(tool) \(comment) made \(path)")
    }
  }

  /// A tool, its arguments, its environment and its input.
  private typealias Place = (
    tool: String, arguments: [String], environment: [String: String], lines: [String]
  )

  private func look(at places: [Place], for spelling: String) throws {
    for (number, place) in places.enumerated() where isDue(spelling, number) {
      try look(
        place.tool, place.arguments, place.environment, lines: place.lines,
        comment: "\(spelling) in \(place.arguments)")
    }
  }

  private static let log = ["--log-file", "log", "--log-level", "trace"]

  @Test("As an index or a store", arguments: spellings)
  func placesOfDocuments(_ spelling: String) throws {
    let document = #"{"id":"1","path":"/etc/hostname"}"#
    let rows = ["source,book,page", "S,1,2"]
    let places: [Place] = [
      ("enqueue", ["count", "--index", spelling] + Self.log, [:], []),
      ("enqueue", ["import", "-", "--index", spelling] + Self.log, [:], rows),
      ("validate", ["report", "--index=\(spelling)"] + Self.log, [:], []),
      ("enqueue", ["count"], ["CONVEYOR_INDEX": spelling], []),
      ("enqueue", ["count", "--index", "postgres:"], ["DATABASE_URL": spelling], []),
      ("upload", ["--to", spelling, "--retries", "0"] + Self.log, [:], [document]),
    ]
    try look(at: places, for: spelling)
  }

  @Test("As a proxy, an endpoint or the address of a document", arguments: spellings)
  func addresses(_ spelling: String) throws {
    let quick = [
      "--state", "state", "--retries", "0", "--rate-limit-delay", "0", "--connect-timeout", "1",
      "--timeout", "2", "--verbose",
    ]
    let document = #"{"id":"1","url":"http://127.0.0.1:1/a.pdf"}"#
    let keys = [
      "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y-CANARY", "AWS_ENDPOINT_URL": spelling,
    ]
    let emulator = ["STORAGE_EMULATOR_HOST": spelling]
    let places: [Place] = [
      ("fetch", quick + ["--proxy", spelling] + Self.log, [:], [document]),
      ("fetch", quick, ["http_proxy": spelling], [document]),
      ("upload", ["check", "--to", "s3://some-bucket", "--retries", "0"], keys, []),
      ("upload", ["check", "--to", "gs://some-bucket", "--retries", "0"], emulator, []),
    ]
    try look(at: places, for: spelling)
  }

  @Test("As anything else, misspelt options and the driver included", arguments: spellings)
  func others(_ spelling: String) throws {
    let driver = "\(sourceTree)/bin/conveyor"
    let bin = ["CONVEYOR_BIN": builtTools]
    let run = ["run", "--stage", "stage-0-test", "--yes"]
    let places: [Place] = [
      ("fetch", ["--workers", spelling], [:], []), ("optimize", ["--idnex", spelling], [:], []),
      ("validate", [spelling], [:], []), ("upload", ["--to", "x", "--retries", spelling], [:], []),
      ("portal", ["--port-file", spelling, "--listen", "nowhere"], [:], []),
      ("fetch", ["--state", spelling] + Self.log, [:], []),
      ("fetch", ["--header", spelling, "--workers", "none"], [:], []),
      (driver, run + ["--index", spelling, "--to", "bucket"], bin, []),
      (driver, run + ["--index", "none.db", "--to", spelling], bin, []),
      (driver, run + ["--index=none.db", "--to=x", "--state", spelling], bin, []),
      (driver, [spelling], bin, []), (driver, ["run", spelling], bin, []),
      (driver, ["run", "--stage", spelling, "--index", "x", "--to", "y"], bin, []),
      (driver, ["demo", "--dir", spelling], bin, []),
    ]
    try look(at: places, for: spelling)
  }

  @Test("As the value of every option of every tool", arguments: toolNames)
  func everyOption(_ tool: String) throws {
    let help = try JSON(parsing: try run(tool, ["--experimental-dump-help"]).text)
    let root = try #require(help["command"])
    // An option of a subcommand alone is looked at there.
    let commands =
      [([], root)]
      + (root["subcommands"]?.array ?? []).map { ([$0["commandName"]?.string ?? ""], $0) }
    var seen: Set<String> = []
    let options = commands.flatMap { words, command in
      (command["arguments"]?.array ?? []).filter {
        $0["kind"]?.string == "option"
          && seen.insert($0["preferredName"]?.description ?? "").inserted
      }.map { (words: words, option: $0) }
    }
    #expect(options.count > 5)
    for (words, option) in options {
      guard let name = option["preferredName"]?["name"]?.string, name != "listen" else { continue }
      // A tool that would wait for ever is stopped by a value that it refuses.
      let stop = tool == "portal" ? ["--documents", "0"] : ["--log-level", "nonsense"]
      try look(tool, words + ["--\(name)", "postgres://me:pa/CANARY@h/n"] + stop, comment: name)
      try look(tool, words + ["--\(name)=host=h password='CANARY x'"] + stop, comment: name)
      guard tool != "portal" else { continue }
      try look(tool, words + ["--\(name)", "http://me:CANARY@127.0.0.1:1/x"], comment: name)
    }
  }

  @Test(
    "What is no header field is refused and not shown",
    arguments: [
      ": CANARY", "X-Api-Key CANARY", "Bad Name: CANARY", "", ":", "Name: CANARY\nOther: CANARY",
      "Na\u{E4}me: CANARY",
    ])
  func headers(_ field: String) throws {
    try look("fetch", ["--header", field], comment: field)
    let end = try run("fetch", ["--header", field])
    #expect(end.code == ToolExit.usage.rawValue, "\(end)")
    #expect(end.errors.contains("header field"), "\(end)")
  }

  @Test("A signature in a document's URL goes no further than the record's own url")
  func signedURLs() throws {
    let folder = try TemporaryDirectory()
    let line = #"{"id":"1","url":"http://127.0.0.1:1/a.pdf?X-Amz-Signature=CANARY&x=1"}"#
    let end = try run(
      "fetch",
      [
        "--state", "state", "--retries", "0", "--rate-limit-delay", "0", "--verbose", "--log-file",
        "log",
      ], lines: [line], directory: folder.path)
    let record = try #require(try end.records.first)
    #expect(record["url"]?.string?.contains("CANARY") == true)
    #expect(record["error"]?.description.contains("CANARY") == false, "\(end)")
    #expect(!end.errors.contains("CANARY"), "\(end)")
    for file in Files.all(in: folder.path) {
      let bytes = FileManager.default.contents(atPath: "\(folder.path)/\(file)") ?? Data()
      #expect(bytes.firstRange(of: Array("CANARY".utf8)) == nil, "in \(file)")
    }
  }
}
