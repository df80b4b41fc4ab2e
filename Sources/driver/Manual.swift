import ArgumentParser
import CLI
import Common
import Files
import Glibc

/// `manual`: the manual pages, made from what the commands say of themselves.
struct Manual: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Write the manual pages into a folder.", shouldDisplay: false)

  @Option(help: "The script bin/conveyor, which lists the commands.")
  var script: String

  @Option(help: "The date of the pages, like 2026-11-26.")
  var date: String

  @Argument(help: "The folder.")
  var folder: String

  func run() throws {
    let pages = try CommandPage.all(Driver.programs(), script: script)
    let writer = ManualPages(pages: pages, date: date)
    for (name, text) in writer.files {
      let path = "\(folder)/\(name)"
      let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
      guard descriptor >= 0 else { throw FileError("write", path) }
      let failure = writeAll(Array(text.utf8), to: descriptor)
      guard close(descriptor) == 0, failure == 0 else {
        throw FileError("write", path, code: failure)
      }
    }
  }
}

/// Manual pages in the language of man(7). Pure.
struct ManualPages {
  let pages: [CommandPage]
  let date: String

  /// `conveyor.1`, `conveyor-fetch.1`, … with their text. What is a tool's subcommand under a name of its own is a page
  /// in that tool's.
  var files: [(name: String, text: String)] {
    let own = pages.filter { hasPage($0.name) }
    return [("conveyor.1", overview), ("conveyor.env.5", settings)]
      + own.map { ("conveyor-\($0.name).1", page($0)) }
  }

  private func hasPage(_ name: String) -> Bool { Programs.aliases[name] == nil && name != "help" }

  private func title(_ name: String, _ section: Int = 1) -> String {
    """
    .TH \(name.uppercased().replacing("-", with: "\\-")) \(section) "\(date)" "Conveyor \(Version.number)" "Conveyor"
    .nh
    .ad l

    """
  }

  private var overview: String {
    var text =
      title("conveyor") + """
        .SH NAME
        conveyor \\- bring very many public documents from a slow portal into a bucket
        .SH SYNOPSIS
        .B conveyor
        [\\fB\\-\\-config\\fR \\fIfile\\fR] \\fIcommand\\fR [\\fIoption\\fR ...]
        .br
        .B conveyor \\-\\-version
        .SH DESCRIPTION
        Five programs pass JSON lines through pipes:
        .PP
        .nf
        .RS
        enqueue | fetch | optimize | upload | validate
        .RE
        .fi
        .PP
        .B conveyor
        finds them, composes the pipeline, and passes signals on. Ctrl+C stops a run in order, and the same command resumes
        it; a second Ctrl+C stops it at once. A program \\fBconveyor\\-\\fINAME\\fR in CONVEYOR_PLUGIN_PATH or PATH is a
        command, too.
        .SH COMMANDS

        """
    for page in pages {
      text += ".TP\n.B \(Self.escaped(page.name))\n\(Self.line(page.abstract))\n"
      if let tool = Programs.aliases[page.name] {
        text += "See \\fBconveyor\\-\(tool)\\fR(1).\n"
      } else if hasPage(page.name) {
        text += "See \\fBconveyor\\-\(Self.escaped(page.name))\\fR(1).\n"
      }
    }
    text +=
      ".SH EXAMPLES\n"
      + Self.examples([
        "conveyor demo",
        "conveyor init county --portal-base https://records.example.org/",
        "conveyor doctor --stage stage-0-test --index sqlite:index.db --to /srv/archive",
        "conveyor run --stage stage-0-test --index sqlite:index.db --to /srv/archive",
      ])
    return text + Self.exitStatus + Self.environment + Self.files
      + Self.seeAlso(
        ["conveyor.env(5)"]
          + pages.filter {
            hasPage($0.name)
          }.map { "conveyor-\($0.name)(1)" })
  }

  private func page(_ page: CommandPage) -> String {
    let abstract = page.abstract.hasSuffix(".") ? String(page.abstract.dropLast()) : page.abstract
    var text = title("conveyor-\(page.name)")
    text += ".SH NAME\nconveyor\\-\(Self.escaped(page.name)) \\- "
    text += Self.escaped(abstract.prefix(1).lowercased() + abstract.dropFirst()) + "\n"
    text += ".SH SYNOPSIS\n.B \(Self.escaped(page.usage))\n"
    for command in page.subcommands { text += ".br\n.B \(Self.escaped(command.usage))\n" }
    text +=
      ".SH DESCRIPTION\n" + Self.prose(page.paragraphs.isEmpty ? [page.abstract] : page.paragraphs)
    for section in page.sections where !section.entries.isEmpty {
      text += ".SH \(section.title.uppercased())\n" + Self.list(section.entries)
    }
    if !page.subcommands.isEmpty {
      text += ".SH SUBCOMMANDS\n"
      for command in page.subcommands {
        text += ".SS \(Self.escaped(command.usage))\n"
        text += Self.prose([command.abstract] + command.paragraphs)
        text += Self.list(command.sections.flatMap(\.entries)) + Self.examples(command.examples)
      }
    }
    if !page.examples.isEmpty { text += ".SH EXAMPLES\n" + Self.examples(page.examples) }
    return text + Self.exitStatus + Self.environment
      + Self.seeAlso(["conveyor(1)", "conveyor.env(5)"])
  }

  private var settings: String {
    title("conveyor.env", 5) + """
      .SH NAME
      conveyor.env \\- settings of Conveyor
      .SH DESCRIPTION
      All commands of
      .BR conveyor (1)
      read one file of settings: the one that
      .B \\-\\-config
      or CONVEYOR_CONFIG names; else the first of
      .IR ./conveyor.env ,
      .I ~/.config/conveyor/conveyor.env
      and
      .IR /etc/conveyor/conveyor.env .
      CONVEYOR_CONFIG= (empty) is none. A file that was not named is used only if it belongs to you or to root and not
      everybody may write it.
      .PP
      A line is NAME=VALUE, without blanks around the sign. Empty lines and lines that begin with # mean nothing. Nothing
      in a value is replaced or executed. A value with blanks or signs of the shell stands in single quotes. The form is
      one that sh and systemd's EnvironmentFile= read the same way.
      .PP
      Each option has a variable: \\fB\\-\\-rate\\-limit\\-delay\\fR of fetch is CONVEYOR_FETCH_RATE_LIMIT_DELAY, or
      CONVEYOR_RATE_LIMIT_DELAY. An option of a command line comes before the environment, and the environment before the
      file. Credentials (PGPASSWORD, DB_PASSWORD, GOOGLE_APPLICATION_CREDENTIALS, AWS_ACCESS_KEY_ID and the like), proxies
      and the secrets that portal files name may be in it, too.
      .PP
      Stage and portal files are found by name in the folders \\fIstages\\fR and \\fIportals\\fR beside this file, in
      .IR ~/.config/conveyor ,
      in
      .I /etc/conveyor
      and in those that Conveyor was delivered with, the first before the others; CONVEYOR_STAGES_DIR and
      CONVEYOR_PORTALS_DIR (folders, with colons between) replace all of these.
      .SH EXAMPLES

      """
      + Self.examples([
        "CONVEYOR_STAGE=county", "CONVEYOR_INDEX=postgres://conveyor@db.example.org/county",
        "CONVEYOR_TO=gs://county-records/archive", "PGPASSWORD='s3 cret'",
      ]) + Self.seeAlso(["conveyor(1)", "conveyor-init(1)", "conveyor-doctor(1)"])
  }
}

extension ManualPages {
  /// A text without anything that roff would understand; signs that not every terminal has in plain ones.
  static func escaped(_ text: String) -> String {
    let plain: [Character: String] = [
      "\\": "\\e", "-": "\\-", "…": "...", "→": "\\->", "·": ",", "–": "\\-", "×": "x", "’": "'",
      "`": "\\(ga", "'": "\\(aq",
      "^": "\\(ha", "~": "\\(ti",
    ]
    return text.map { character in
      if let found = plain[character] { return found }
      if character.isASCII { return String(character) }
      return character.unicodeScalars.map { scalar in
        let hexadecimal = String(scalar.value, radix: 16, uppercase: true)
        return "\\[u" + String(repeating: "0", count: max(0, 4 - hexadecimal.count)) + hexadecimal
          + "]"
      }.joined()
    }.joined()
  }

  /// A line of text: a point at its beginning would be a request.
  private static func line(_ text: String) -> String {
    let text = escaped(text.split(whereSeparator: \.isWhitespace).joined(separator: " "))
    return text.hasPrefix(".") ? "\\&" + text : text
  }

  private static func prose(_ paragraphs: [String]) -> String {
    paragraphs.map(line).filter { !$0.isEmpty }.map { $0 + "\n" }.joined(separator: ".PP\n")
  }

  private static func list(_ entries: [OptionHelp.Entry]) -> String {
    entries.map { entry in
      let names = entry.names.split(separator: " ").map { word in
        word.hasPrefix("<")
          ? "\\fI\(escaped(String(word.dropFirst().dropLast())))\\fR"
          : "\\fB\(escaped(String(word)))\\fR"
      }
      return ".TP\n\(names.joined(separator: " "))\n\(line(entry.text))\n"
    }.joined()
  }

  private static func examples(_ lines: [String]) -> String {
    guard !lines.isEmpty else { return "" }
    return ".PP\n.nf\n.RS\n" + lines.map { "\\&\(escaped($0))\n" }.joined() + ".RE\n.fi\n"
  }

  private static var exitStatus: String {
    ".SH \"EXIT STATUS\"\n"
      + ToolExit.allCases.map { ".TP\n.B \($0.rawValue)\n\(explanation($0))\n" }.joined()
  }

  private static func explanation(_ code: ToolExit) -> String {
    switch code {
    case .success: "All is well."
    case .other: "Something else failed."
    case .documentsFailed: "The run has finished, and some documents failed."
    case .usage: "The command line is wrong."
    case .notRecords: "The input is not JSON lines."
    case .unavailable: "A service cannot be reached."
    case .inputOutput: "Reading or writing failed, as on a full disk."
    case .permission: "Credentials or permissions are missing."
    case .configuration: "The configuration is wrong, or something is not installed."
    case .interrupted: "It was interrupted, and ended in order."
    }
  }

  private static let environment = """
    .SH ENVIRONMENT
    Each option has a variable, CONVEYOR_\\fITOOL\\fR_\\fIOPTION\\fR, and where all tools mean the same by it also
    CONVEYOR_\\fIOPTION\\fR. See
    .BR conveyor.env (5),
    which may hold them all.

    """

  private static let files = """
    .SH FILES
    .TP
    .I conveyor.env
    Settings; see
    .BR conveyor.env (5).
    .TP
    .I /etc/conveyor/stages, /etc/conveyor/portals
    What is downloaded, and how portals are asked.
    .TP
    .I ~/.local/state/conveyor
    Checkpoint, spool, log and summary of each index, and one limiter for all.

    """

  private static func seeAlso(_ pages: [String]) -> String {
    let list = pages.map { page in
      let parts = page.split(separator: "(")
      return ".BR \(escaped(String(parts[0]))) (\(parts[1])"
    }
    return ".SH \"SEE ALSO\"\n" + list.joined(separator: ",\n") + "\n"
  }
}
