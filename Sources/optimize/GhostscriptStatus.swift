import Common
import Glibc
import Processes

/// `--gs-status`: what `conveyor doctor` says of Ghostscript.
enum GhostscriptStatus {
  /// Prints it. Throws where there is none.
  static func tell(_ given: String?, path: String?) throws(Fatal) -> ExitCode {
    let program = try Ghostscript.locate(given, path: path)
    let renderer = Renderer.Programs.find(path)
    let folder = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    let fonts = renderer.flatMap { FontCheck.warning($0, in: folder) }
    let lines =
      lines(program, GhostscriptVersion.ask(program), renderer, Launch.layers)
      + [fonts].compactMap(\.self)
    let text = lines.joined(separator: "\n")
    _ = writeAll(Array("\(text)\n".utf8), to: STDOUT_FILENO)
    return .success
  }

  /// What is said of a program and of the layers that this system offers. Pure.
  static func lines(
    _ program: String, _ version: GhostscriptVersion?, _ renderer: Renderer.Programs?,
    _ layers: (isOffline: Bool, isConfined: Bool)
  ) -> [String] {
    let all = [
      ("limits on time, memory and files", true), ("no new privileges", true),
      ("ends with its parent", true), ("no network", layers.isOffline),
      ("no changes outside of its directory (Landlock)", layers.isConfined),
    ]
    func list(_ isActive: Bool) -> String {
      all.filter { $0.1 == isActive }.map(\.0).joined(separator: ", ")
    }
    let missing = list(false)
    return [
      "Ghostscript \(version?.description ?? "of an unknown version") at \(program)",
      version?.trouble.map { "warning: \($0); only --engine ghostscript uses it" },
      renderer.map { "its results are checked with \($0.drawing) and \($0.text)" }
        ?? "warning: pdftoppm or pdftotext is missing, without which its results are not used "
        + "(apt-get install poppler-utils)",
      "isolation: \(list(true))",
      missing.isEmpty ? nil : "not on this system: \(missing)",
    ].compactMap(\.self)
  }
}
