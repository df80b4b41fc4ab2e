import Common
import Foundation
import Support
import Testing

@testable import driver

@Suite("The settings of a site")
struct SiteTests {
  private func lines(_ text: String) throws -> [String] {
    try Site.lines(of: text, "conveyor.env").map { "\($0.name)=\($0.value)" }
  }

  @Test("Lines of NAME=VALUE, as sh and systemd read them")
  func forms() throws {
    let text = """
      # A comment
        # and one with blanks before it

      CONVEYOR_TO=gs://bucket/path-1,a%20b
      export DB_USER=me
      CONVEYOR_KEY='{id|slug}/$x "y" `z` \\'
      CONVEYOR_STAGE="stage 1"
      CONVEYOR_QUEUE=
      DB_PASSWORD='a#b'\u{20}
      PORTAL_PASSWORD=#5\r
      """
    #expect(
      try lines(text) == [
        "CONVEYOR_TO=gs://bucket/path-1,a%20b", "DB_USER=me",
        "CONVEYOR_KEY={id|slug}/$x \"y\" `z` \\", "CONVEYOR_STAGE=stage 1", "CONVEYOR_QUEUE=",
        "DB_PASSWORD=a#b", "PORTAL_PASSWORD=#5",
      ])
  }

  @Test("Lines that Windows ended are lines, also behind a comment")
  func windows() throws {
    let text = "# Settings of Conveyor\nCONVEYOR_STAGE=county\n\nCONVEYOR_TO='a b'\n# end\n"
    let expected = ["CONVEYOR_STAGE=county", "CONVEYOR_TO=a b"]
    #expect(try lines(text) == expected)
    #expect(try lines(text.replacing("\n", with: "\r\n")) == expected)
    let error = #expect(throws: Fatal.self) {
      try lines("# one\r\nCONVEYOR_STAGE=x\r\nPATH=hidden\r\n")
    }
    #expect(error?.message.contains("line 3: PATH") == true, "\(error?.message ?? "")")
  }

  @Test(
    "What a shell would read another way is refused, with the line and without the value",
    arguments: [
      ("CONVEYOR_TO", "NAME=VALUE"), ("CONVEYOR_TO = x", "NAME=VALUE"), ("=x", "NAME=VALUE"),
      ("CONVEYOR_TO= hidden", "blank"), ("CONVEYOR_TO=hidden path", "single quotes"),
      ("CONVEYOR_TO=hidden # the archive", "single quotes"),
      ("CONVEYOR_TO=~/hidden", "single quotes"),
      ("CONVEYOR_TO=$HOME/hidden", "nothing is replaced"), ("CONVEYOR_TO=\"$hidden\"", "replaced"),
      ("CONVEYOR_TO=`hidden`", "replaced"), ("CONVEYOR_TO=hidden;ls", "single quotes"),
      ("CONVEYOR_TO='hidden", "quotes"), ("CONVEYOR_TO=\"hidden", "quotes"),
      ("CONVEYOR_TO='", "quotes"),
      ("CONVEYOR_TO='a'hidden'b'", "quotes"), ("CONVEYOR_TO=hidden\nCONVEYOR_TO=hidden", "twice"),
      ("PATH=hidden", "PATH is not a setting"), ("LD_PRELOAD=hidden", "not a setting"),
      ("BASH_ENV=hidden", "not a setting"), ("CONVEYOR_BIN=hidden", "not a setting"),
      ("CONVEYER_TO=hidden", "not a setting"), ("1=hidden", "NAME=VALUE"),
    ])
  func refused(_ text: String, _ expected: String) {
    let error = #expect(throws: Fatal.self) { try lines("# first\n\(text)") }
    #expect(error?.code == .configuration)
    #expect(error?.message.contains(expected) == true, "\(error?.message ?? "")")
    #expect(error?.message.contains("conveyor.env, line ") == true)
    #expect(error?.message.contains("hidden") == false)
  }

  @Test("The environment comes before the file, and the file's folder before all others")
  func order() throws {
    let folder = try TemporaryDirectory()
    for name in ["site/stages", "user/conveyor/stages", "share/portals"] {
      try FileManager.default.createDirectory(
        atPath: "\(folder.path)/\(name)", withIntermediateDirectories: true)
    }
    let file = "\(folder.path)/site/conveyor.env"
    try folder.write("CONVEYOR_TO=a\nCONVEYOR_INDEX=b\n", to: "site/conveyor.env")
    let environment = [
      "CONVEYOR_CONFIG": file, "CONVEYOR_INDEX": "", "XDG_CONFIG_HOME": "\(folder.path)/user",
      "CONVEYOR_SHARE": "\(folder.path)/share",
    ]
    let site = try Site(environment: environment)
    #expect(site.file == file)
    #expect(
      site.variables == [
        "CONVEYOR_CONFIG": file, "CONVEYOR_TO": "a",
        "CONVEYOR_STAGES_DIR": "\(folder.path)/site/stages:\(folder.path)/user/conveyor/stages",
        "CONVEYOR_PORTALS_DIR": "\(folder.path)/share/portals",
      ])
    let none = try Site(environment: environment.merging(["CONVEYOR_CONFIG": ""]) { $1 })
    #expect(none.file == nil && none.settings.isEmpty)
    #expect(none.variables["CONVEYOR_STAGES_DIR"] == "\(folder.path)/user/conveyor/stages")
    let own = environment.merging(["CONVEYOR_STAGES_DIR": "mine"]) { $1 }
    #expect(try Site(environment: own).variables["CONVEYOR_STAGES_DIR"] == nil)
  }

  @Test("A file that was named and is not there, is none, or may not be read ends the command")
  func unreadable() throws {
    let folder = try TemporaryDirectory()
    try folder.write([0x41, 0], to: "binary")
    for name in ["none", ".", "binary"] {
      let error = #expect(throws: Fatal.self) {
        try Site(environment: ["CONVEYOR_CONFIG": "\(folder.path)/\(name)"])
      }
      #expect(error?.code == .configuration && error?.message.contains(folder.path) == true)
    }
  }

  @Test("A file that nobody named is read only where it is the user's or root's")
  func owner() throws {
    let folder = try TemporaryDirectory()
    let environment = ["XDG_CONFIG_HOME": folder.path]
    #expect(mkdir("\(folder.path)/conveyor", 0o755) == 0)
    try folder.write("CONVEYOR_TO=a\n", to: "conveyor/conveyor.env")
    let path = "\(folder.path)/conveyor/conveyor.env"
    #expect(try Site(environment: environment).variables["CONVEYOR_TO"] == "a")
    chmod(path, 0o666)
    let error = #expect(throws: Fatal.self) { try Site(environment: environment) }
    #expect(error?.message.contains("written by everybody") == true)
    #expect(error?.message.contains("--config \(path)") == true)
    #expect(try Site(environment: ["CONVEYOR_CONFIG": path]).variables["CONVEYOR_TO"] == "a")
  }
}

@Suite("The files of a new site")
struct SiteFilesTests {
  @Test("They can be read as they are, whatever the values")
  func readable() throws {
    let folder = try TemporaryDirectory()
    let files = try SiteFiles(
      name: "my-county", portal: "https://records.example.org/a?b=c&d", index: "postgres://me@h/d",
      to: "/srv/a b")
    try files.write(into: folder.path)
    let lines = try Site.read("\(folder.path)/conveyor.env").map { "\($0.name)=\($0.value)" }
    #expect(
      lines == [
        "CONVEYOR_STAGE=my-county", "CONVEYOR_INDEX=postgres://me@h/d", "CONVEYOR_TO=/srv/a b",
      ])
    // What is commented out are settings, too.
    let settings = try #require(files.all.first).text.split(separator: "\n").filter {
      $0.hasPrefix("#")
        && $0.dropFirst().prefix { $0.isUppercase || $0 == "_" || $0.isNumber }.count > 4
    }
    #expect(settings.count > 8)
    let active = settings.map { $0.dropFirst() }.filter { !$0.hasPrefix("PGPASSWORD") }.joined(
      separator: "\n")
    #expect(try Site.lines(of: active, "x").count > 8)
    let preflight = Preflight(
      settings: try RunSettings([], for: .run, try Tables.built.get(), environment: [:]),
      programs: Tables.programs(), stagesFolder: "\(folder.path)/stages")
    #expect(try preflight.pipeline("my-county") == ["fetch", "optimize", "upload"])
    var status = stat()
    #expect(stat("\(folder.path)/conveyor.env", &status) == 0 && status.st_mode & 0o777 == 0o600)
  }

  @Test("A file that is there stays, and none is written beside it")
  func there() throws {
    let folder = try TemporaryDirectory()
    #expect(mkdir("\(folder.path)/portals", 0o755) == 0)
    try folder.write("mine\n", to: "portals/x.yaml")
    let files = try SiteFiles(name: "x", portal: "http://a/", index: "i", to: "t")
    let error = #expect(throws: Fatal.self) { try files.write(into: folder.path) }
    #expect(error?.code == .configuration)
    #expect(access("\(folder.path)/conveyor.env", F_OK) != 0)
    #expect(
      try String(contentsOfFile: "\(folder.path)/portals/x.yaml", encoding: .utf8) == "mine\n")
  }

  @Test(
    "Values that no file could hold are refused",
    arguments: [
      ("../x", "http://a/", "t"), ("common", "http://a/", "t"), ("X", "http://a/", "t"),
      ("x", "ftp://a/", "t"), ("x", "http://a/'", "t"), ("x", "http://a/", "a\nb"),
      ("x", "http://a/", ""),
    ])
  func refused(_ name: String, _ portal: String, _ to: String) {
    let error = #expect(throws: Fatal.self) {
      try SiteFiles(name: name, portal: portal, index: "i", to: to)
    }
    #expect(error?.code == .usage)
  }
}

@Suite("Manual pages and completions")
struct ManualTests {
  @Test("The commands are those that the script lists")
  func commands() {
    let help = """
      usage: conveyor COMMAND [OPTION]…

        run --stage NAME    bring a stage's documents
        retry, skip         try documents again
        why ID              say all
        NAME …              run a tool
                            or a plugin
        help [COMMAND]      print this text

      """
    let listed = CommandPage.listed(in: help.split(separator: "\n").map(String.init))
    #expect(listed.map(\.name) == ["run", "retry", "skip", "why", "help"])
    #expect(listed[1].abstract == "Try documents again.")
  }

  @Test("Nothing of a text is a request or an escape of roff")
  func escapes() {
    #expect(ManualPages.escaped("--a\\b'c`") == "\\-\\-a\\eb\\(aqc\\(ga")
    #expect(ManualPages.escaped("a … b → é") == "a ... b \\-> \\[u00E9]")
  }

  @Test("A command's page has its options, examples and exit codes")
  func page() throws {
    let help = try JSON(
      parsing: """
        {"commandName":"take","abstract":"Take things.","discussion":"Takes.\\n\\n  take --all\\n\\nEXIT CODES: 0",
        "arguments":[{"kind":"option","names":[{"kind":"long","name":"mode"},{"kind":"short","name":"m"}],
        "preferredName":{"kind":"long","name":"mode"},"valueName":"how","abstract":"Take so.","allValues":["a","b"],
        "defaultValue":"a"},{"kind":"positional","valueName":"file","isOptional":true,"isRepeating":true}],
        "subcommands":[{"commandName":"back","abstract":"Give back.","shouldDisplay":true,"arguments":[
        {"kind":"flag","names":[{"kind":"long","name":"now"}],"preferredName":{"kind":"long","name":"now"},
        "abstract":"At once."}]}]}
        """)
    let page = try #require(CommandPage(help))
    #expect(page.usage == "conveyor take [FILE…] [OPTION]…")
    #expect(page.examples == ["take --all"] && page.paragraphs == ["Takes."])
    #expect(page.options.map(\.spelling) == ["-m", "--mode"])
    let text = try #require(
      ManualPages(pages: [page], date: "2026-01-02").files.first { $0.name == "conveyor-take.1" }
    ).text
    for part in [
      ".TH CONVEYOR\\-TAKE 1 \"2026-01-02\"", "conveyor\\-take \\- take things\n",
      "\\fB\\-m,\\fR \\fB\\-\\-mode\\fR \\fIhow\\fR",
      "Take so. (values: a, b; default: a)", ".SS conveyor take back", "\\&take \\-\\-all",
      ".B 78\nThe configuration is wrong",
    ] {
      #expect(text.contains(part), "\(part) in \(text)")
    }
    let script = CompletionScript([page])
    #expect(script.bash.contains("'take') subcommands='back' flags='' valued='-m --mode' ;;"))
    #expect(script.bash.contains("'take --mode') COMPREPLY=($(compgen -W 'a b' -- \"$word\")) ;;"))
    #expect(script.fish.contains("-l mode -x -a 'a b' -d 'Take so'"))
    #expect(script.zsh.contains("'--mode:Take so'"))
  }
}
