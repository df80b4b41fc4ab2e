import CLI
import Common
import Config
import Files
import Glibc

/// What a site has set for all commands: its `conveyor.env`, and the folders of its stage and portal files.
struct Site: Sendable {
  /// The file that was read; `nil` where there is none.
  let file: String?
  /// What it sets, in its order.
  let settings: [SettingsLine]
  /// What programs get in addition to the environment, which comes before the file.
  let variables: [String: String]

  /// A line of the file.
  struct SettingsLine: Sendable, Equatable {
    let name: String
    let value: String
  }

  /// `CONVEYOR_CONFIG` names the file, and is empty where none is to be read; else it is `conveyor.env` in this folder,
  /// in the user's (`~/.config/conveyor`), or in `/etc/conveyor`: the first that is there.
  ///
  /// Throws with exit code 78 where the file is not there, is not to be trusted, or says what it cannot.
  init(environment: [String: String]) throws(Fatal) {
    let user = Self.userFolder(environment)
    let system = "/etc/conveyor"
    var file: String?
    if let named = environment["CONVEYOR_CONFIG"] {
      file = named.isEmpty ? nil : named
    } else {
      let places = ["."] + [user, system].compactMap(\.self)
      file = places.map { $0 == "." ? "conveyor.env" : "\($0)/conveyor.env" }
        .first { access($0, F_OK) == 0 }
      if let file { try Self.checkOwner(of: file) }
    }
    // The whole path: programs that are started may be in another folder.
    let whole = file.map { $0.hasPrefix("/") ? $0 : "\(Self.currentFolder)/\($0)" }
    self.file = whole
    settings = try file.map { path throws(Fatal) in try Self.read(path) } ?? []
    var variables = ["CONVEYOR_CONFIG": whole ?? ""]
    for line in settings where environment[line.name] == nil { variables[line.name] = line.value }

    // A folder that is not there would only make messages longer.
    let share = environment["CONVEYOR_SHARE"]
    let ofFile = whole.flatMap { path in path.lastIndex(of: "/").map { String(path[..<$0]) } }
    let ofSystem = share?.hasSuffix("/share/conveyor") == true ? system : nil
    var folders: [String] = []
    for folder in [ofFile, user, ofSystem, share].compactMap(\.self) where !folders.contains(folder)
    {
      folders.append(folder)
    }
    for (name, kind) in [("CONVEYOR_STAGES_DIR", "stages"), ("CONVEYOR_PORTALS_DIR", "portals")]
    where (environment[name] ?? variables[name] ?? "").isEmpty {
      let all = folders.map { "\($0)/\(kind)" }
      let there = all.filter { access($0, F_OK) == 0 }
      if let last = all.last {
        variables[name] = (there.isEmpty ? [last] : there).joined(separator: ":")
      }
    }
    self.variables = variables
  }

  /// Puts the variables into the environment of this process. To be called before there are threads.
  func adopt() {
    for (name, value) in variables { setenv(name, value, 1) }
  }

  private static var currentFolder: String {
    guard let path = getcwd(nil, 0) else { return "." }
    defer { free(path) }
    return String(cString: path)
  }

  /// `$XDG_CONFIG_HOME/conveyor`, or `~/.config/conveyor` (XDG Base Directory Specification 0.8).
  static func userFolder(_ environment: [String: String]) -> String? {
    if let folder = environment["XDG_CONFIG_HOME"], folder.hasPrefix("/") {
      return "\(folder)/conveyor"
    }
    guard let home = environment["HOME"], home.hasPrefix("/") else { return nil }
    return "\(home == "/" ? "" : home)/.config/conveyor"
  }

  /// A file that was not named must not send a user's documents where another user wants them.
  private static func checkOwner(of path: String) throws(Fatal) {
    var status = stat()
    guard stat(path, &status) == 0 else { return }
    let isForeign = status.st_uid != geteuid() && status.st_uid != 0
    guard isForeign || status.st_mode & S_IWOTH != 0 else { return }
    let reason = isForeign ? "belongs to another user" : "can be written by everybody"
    throw Fatal(
      .configuration,
      "\(path) is not used: it \(reason). If it is yours, name it (conveyor --config \(path) …); "
        + "CONVEYOR_CONFIG= is none.")
  }

  private static let maximumBytes = 1 << 16

  /// The lines of a file. Throws with exit code 78, or 77 where it may not be read.
  static func read(_ path: String) throws(Fatal) -> [SettingsLine] {
    let bytes: [UInt8]
    do {
      guard let file = try RegularFile.open(path, following: true) else {
        throw Fatal(.configuration, "\(path) is not used: it is no file. Name one with --config.")
      }
      bytes = try file.bytes(maximumBytes)
    } catch let error as FileError {
      throw Fatal(error.code == EACCES ? .permission : .configuration, "\(error)")
    } catch { throw Fatal(describing: error) }
    guard bytes.count < maximumBytes, !bytes.contains(0) else {
      throw Fatal(.configuration, "\(path) is not used: it is too large, or no text.")
    }
    return try lines(
      of: String(decoding: ByteOrderMark.dropped(from: bytes[...]), as: UTF8.self), path)
  }
}

extension Site {
  /// What a text sets: `NAME=VALUE` in each line, in the form that systemd's EnvironmentFile= and sh read the same way.
  /// Nothing in it is executed or replaced. Pure. Throws with exit code 78 where one of them would read it another way.
  static func lines(of text: String, _ path: String) throws(Fatal) -> [SettingsLine] {
    var lines: [SettingsLine] = []
    var number = 0
    // By bytes: to Swift, CR and LF are one Character, and a file that Windows wrote would be one line, or one comment.
    let newline = UInt8(ascii: "\n")
    for line in text.utf8.split(separator: newline, omittingEmptySubsequences: false) {
      let line = Substring(line)
      number += 1
      func wrong(_ reason: String) -> Fatal {
        Fatal(.configuration, "\(path), line \(number): \(reason)")
      }
      var rest = trimmed(line)
      guard !rest.isEmpty, rest.first != "#" else { continue }
      if rest.hasPrefix("export ") { rest = trimmed(rest.dropFirst("export ".count)) }
      let name = String(rest.prefix { $0 != "=" })
      guard name.count < rest.count, isName(name) else {
        throw wrong("a setting has the form NAME=VALUE; a comment begins with #.")
      }
      guard isSetting(name) else {
        throw wrong("\(name) is not a setting of Conveyor. Set it in the environment.")
      }
      guard !lines.contains(where: { $0.name == name }) else {
        throw wrong("\(name) is set twice.")
      }
      let value = try value(rest.dropFirst(name.count + 1), of: name, wrong)
      lines.append(SettingsLine(name: name, value: value))
    }
    return lines
  }

  /// A value without its quotes.
  private static func value(
    _ text: Substring, of name: String, _ wrong: (String) -> Fatal
  ) throws(Fatal) -> String {
    guard text.first?.isWhitespace != true else {
      throw wrong("there is a blank before or after the = of \(name). Remove it.")
    }
    if text.first == "'" {
      let inner = text.dropFirst().dropLast()
      guard text.count > 1, text.last == "'", !inner.contains("'") else {
        throw wrong("the quotes of \(name) do not end where the line does.")
      }
      return String(inner)
    }
    var inner = text
    if text.first == "\"" {
      inner = text.dropFirst().dropLast()
      guard text.count > 1, text.last == "\"" else {
        throw wrong("the quotes of \(name) do not end where the line does.")
      }
    } else if text.contains(where: { $0.isWhitespace || ";&|<>()".contains($0) }) {
      throw wrong("the value of \(name) has blanks or signs of the shell. Put it in single quotes.")
    }
    guard !inner.contains(where: { "$`\\\"'".contains($0) }), text.first != "~" else {
      throw wrong(
        "the value of \(name) has one of $ ` ~ \\ \" ', and nothing is replaced here. Put it in single quotes."
      )
    }
    return String(inner)
  }

  private static func trimmed(_ text: Substring) -> Substring {
    let start = text.drop { $0.isWhitespace }
    return start[
      ..<(start.lastIndex { !$0.isWhitespace }.map(start.index(after:)) ?? start.startIndex)]
  }

  private static func isName(_ name: String) -> Bool {
    name.utf8.first.map { !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } == true
      && name.utf8.allSatisfy { byte in
        UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte
          || UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte
          || UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte || byte == UInt8(ascii: "_")
      }
  }

  /// What a file may set: what the tools read, and nothing that says which programs run.
  private static func isSetting(_ name: String) -> Bool {
    let others = ["CONVEYOR_BIN", "CONVEYOR_SHARE", "CONVEYOR_CONFIG"]
    guard !others.contains(name) else { return false }
    let groups = ["CONVEYOR_", "DB_", "PG", "AWS_", "GOOGLE_", "GCS_", "PORTAL_"]
    let single = [
      "DATABASE_URL", "STORAGE_EMULATOR_HOST", "SSL_CERT_FILE", "SSL_CERT_DIR", "TMPDIR", "TZ",
      "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY",
    ]
    // Portal files name secrets as they like: {secret:CLERK_PASSWORD}.
    let secrets = ["_PASSWORD", "_SECRET", "_TOKEN", "_KEY", "_USER"]
    return groups.contains(where: name.hasPrefix) || single.contains(name.uppercased())
      || secrets.contains(where: name.contains)
  }
}
