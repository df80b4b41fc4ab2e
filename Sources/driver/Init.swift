import ArgumentParser
import Common
import Files
import Glibc

/// `init NAME`: the files of a new site, with comments that say what to put where.
struct Init: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "init",
    abstract: "Write a configuration, a stage and a portal file for a new site.",
    usage: "conveyor init NAME [OPTION]…",
    discussion: """
      Makes conveyor.env, stages/NAME.yaml and portals/NAME.yaml, and changes no file that is there. All commands \
      that are started in the folder read conveyor.env.

        conveyor init county --portal-base https://example.org/ --to gs://county

      \(ToolExit.table)
      """)

  @Argument(help: "What stage and portal are called: lower-case letters, digits, hyphens.")
  var name: String

  @Option(help: ArgumentHelp("Write into this folder.", valueName: "dir"))
  var dir = "."

  @Option(help: ArgumentHelp("Ask this address; the file says how.", valueName: "url"))
  var portalBase = SiteFiles.unknownPortal

  @Option(help: ArgumentHelp("Use postgres://USER@HOST/NAME or sqlite:PATH.", valueName: "url"))
  var index = "sqlite:index.db"

  @Option(
    help: ArgumentHelp("Use gs://BUCKET/PATH, s3://BUCKET/PATH or a folder.", valueName: "url"))
  var to = "archive"

  func run() throws {
    let files = try SiteFiles(name: name, portal: portalBase, index: index, to: to)
    try files.write(into: dir)
    let prefix = dir == "." ? "" : "\(dir)/"
    Driver.say("made \(files.all.map { prefix + $0.path }.joined(separator: ", "))")
    for line in files.next(in: dir) { Console.write("\(line)\n") }
  }
}

/// What the files of a new site say. Pure, but for ``write(into:)``.
struct SiteFiles {
  /// An address that no name server knows (RFC 2606), so that no stranger is asked.
  static let unknownPortal = "https://portal.invalid/"

  let name: String
  let portal: String
  let index: String
  let to: String

  /// Throws with exit code 64 where one of the values cannot be written into a file.
  init(name: String, portal: String, index: String, to: String) throws(Fatal) {
    guard Programs.isName(name), name != "common" else {
      throw Fatal(
        .usage, "a name has lower-case letters, digits and hyphens; it is \(Format.quoted(name))")
    }
    guard portal.hasPrefix("http://") || portal.hasPrefix("https://") else {
      throw Fatal(.usage, "--portal-base must be an http or https URL")
    }
    for (option, value) in [("--portal-base", portal), ("--index", index), ("--to", to)] {
      let isPlain = value.unicodeScalars.allSatisfy {
        $0.value >= 0x20 && $0 != "'" && $0.value != 0x7F
      }
      guard isPlain, !value.isEmpty else {
        throw Fatal(.usage, "\(option) must not be empty, nor have quotes or line ends")
      }
    }
    (self.name, self.portal, self.index, self.to) = (name, portal, index, to)
  }

  /// The files, with their permissions: settings may come to hold a password.
  var all: [(path: String, text: String, mode: mode_t)] {
    [
      ("conveyor.env", settings, 0o600), ("stages/\(name).yaml", stage, 0o644),
      ("portals/\(name).yaml", portalFile, 0o644),
    ]
  }

  /// Writes all of them, or none where one is there. Throws with exit code 78, or 74 where it cannot be written.
  func write(into folder: String) throws(Fatal) {
    for file in all where access("\(folder)/\(file.path)", F_OK) == 0 {
      throw Fatal(
        .configuration,
        "\(folder)/\(file.path) is there, and stays as it is; nothing was written. Name another folder with --dir."
      )
    }
    for file in all {
      let path = "\(folder)/\(file.path)"
      let failure = Folders.make(String(path[..<(path.lastIndex(of: "/") ?? path.endIndex)]))
      guard failure == 0 else { throw Self.cannot("make the folder of", path, failure) }
      let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, file.mode)
      guard descriptor >= 0 else { throw Self.cannot("make", path, errno) }
      let written = writeAll(Array(file.text.utf8), to: descriptor)
      guard close(descriptor) == 0, written == 0 else {
        throw Self.cannot("write", path, written == 0 ? errno : written)
      }
    }
  }

  private static func cannot(_ what: String, _ path: String, _ code: Int32) -> Fatal {
    Fatal(
      code == EACCES ? .permission : .inputOutput,
      "cannot \(what) \(path): \(String(cString: strerror(code)))")
  }

  /// What is left to do, as commands.
  func next(in folder: String) -> [String] {
    let enter = folder == "." ? [] : ["  cd \(folder)"]
    return ["Next:"] + enter + [
      "  conveyor enqueue import deeds.csv              # your index, as a table (docs/enqueue.md)",
      "  conveyor explain --portal \(name) --field book=1 --field page=1",
      "                                                 # until portals/\(name).yaml finds it (docs/portals.md)",
      "  conveyor doctor",
      "  conveyor run --limit 20",
    ]
  }

  /// In single quotes nothing has a meaning, neither here nor in YAML, sh or systemd.
  private static func quoted(_ value: String) -> String {
    let plain = "-./:_@=+,%"
    return value.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber) || plain.contains($0) }
      ? value : "'\(value)'"
  }

  private var settings: String {
    """
    # Settings of Conveyor. All commands that are started in this folder read them. A line is NAME=VALUE, without blanks
    # around the =; a value with blanks or signs of the shell is put in single quotes. An option of a command comes
    # before the environment, and the environment before this file. `conveyor doctor` says what is wrong in it.

    # What is downloaded: stages/\(name).yaml.
    CONVEYOR_STAGE=\(name)

    # The index of all documents: a file, or a table in PostgreSQL (postgres://USER@HOST/DATABASE; its password in
    # PGPASSWORD here, or in ~/.pgpass).
    CONVEYOR_INDEX=\(Self.quoted(index))
    #PGPASSWORD='…'

    # Where documents go: a folder, gs://BUCKET/PATH or s3://BUCKET/PATH.
    CONVEYOR_TO=\(Self.quoted(to))
    #GOOGLE_APPLICATION_CREDENTIALS=/etc/conveyor/key.json
    #AWS_ACCESS_KEY_ID='…'
    #AWS_SECRET_ACCESS_KEY='…'

    # Who asks: an address by which the owner of the portal can reach you.
    #CONVEYOR_CONTACT=you@example.org

    # Time between two requests to the portal, whatever the number of workers. The default is the stage's.
    #CONVEYOR_RATE_LIMIT_DELAY=500ms
    #CONVEYOR_FETCH_WORKERS=5

    # Checkpoint, spool, log and summary. Without this, each index has a folder in ~/.local/state/conveyor.
    #CONVEYOR_STATE=/var/lib/conveyor

    # Machines that share one budget for each portal: postgres:, or redis://HOST/0.
    #CONVEYOR_LIMITER=postgres:

    # Who is told how runs begin and end (docs/notify.md).
    #CONVEYOR_WEBHOOK=https://example.org/hook
    #CONVEYOR_PING=https://hc-ping.com/UUID

    """
  }

  private var stage: String {
    """
    # Which documents of the index are downloaded, from where, and what they are called (docs/enqueue.md).
    description: Documents of \(name)

    # Portal files, in the order in which they are asked for a document: portals/\(name).yaml.
    portals: [\(name)]

    # All documents, unless something narrows them: books, types (exactly as the index has them), priorities.
    #books: [1-99]
    #types: ['DEED', 'RIGHT OF WAY']
    #priorities: [1, 2]

    # The tools between enqueue and validate; a program conveyor-NAME may be among them.
    pipeline: [fetch, optimize, upload]

    # Threads of fetch, and seconds between two requests to the portal, for all threads and runs together.
    workers: 5
    rate-limit-delay: 0.5

    # What a document is called in the store (docs/upload.md).
    key: 'documents/{document_type|slug|or:unknown}/{book|pad:4}-{page|pad:4}.pdf'

    """
  }

  private var portalFile: String {
    let address =
      portal == Self.unknownPortal
      ? "# The site's address. There is no such site: put yours here.\n" : "# The site's address.\n"
    return """
      # How the site is asked for a document (docs/portals.md, "From the browser to a file"). Look one up in a browser
      # with its developer tools open, write each request down as a step, and try it:
      #
      #   conveyor explain --portal \(name) --field book=1 --field page=1
      description: The portal of \(name)

      \(address)base: '\(portal)'

      steps:
        # The page of the search. Of the queries, the first whose fields the document has is sent.
        - get: search
          queries:
            - instrument: '{instrument_number}'
            - book: '{book}'
              page: '{page}'
          # What every answer has, found or not; and what says that there is no such document. Without them, a page
          # without links is believed only while other documents are found.
          #answer: //table[@id='hits'] | //p[@id='none']
          #absent: //p[@id='none']
          # Where the links to the scans are. All of them become one PDF.
          read:
            image: { xpath: "//a[contains(@href, '.pdf')]/@href", all: true }

        # The scan itself.
        - get: '{image}'

      """
  }
}
