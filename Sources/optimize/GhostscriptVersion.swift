import Files
import Common
import Glibc
import Subprocesses

/// Which Ghostscript it is, and what is known against it: the one list, for `optimize` and for `conveyor doctor`.
/// Pure, but for asking.
struct GhostscriptVersion: Equatable, CustomStringConvertible {
  /// `10.00.0`, as it says it.
  let description: String
  private let numbers: [Int]

  init?(_ text: String) {
    let line = text.prefix { !$0.isNewline }
    let parts = line.split(separator: ".", omittingEmptySubsequences: false).map { Int($0) }
    guard (2...4).contains(parts.count), parts.allSatisfy({ $0 != nil }) else { return nil }
    description = String(line)
    numbers = parts.compactMap { $0 }
  }

  /// Asks the program at `path`.
  static func ask(_ path: String) -> GhostscriptVersion? {
    let answer = try? Launch.output(limit: 100) { nowhere, words in
      Launch(
        path: path, arguments: ["gs", "--version"],
        environment: ["PATH=/usr/bin:/bin", "LC_ALL=C"], input: nowhere, output: words,
        errors: nowhere, processorSeconds: 10)
    }
    guard let answer, answer.end == .status(0) else { return nil }
    return answer.bytes.flatMap { GhostscriptVersion(String(decoding: $0, as: UTF8.self)) }
  }

  /// What is known against it, as OCRmyPDF's maintainers found it. Such a version is used only where it
  /// is asked for by name.
  var trouble: String? {
    if isFrom([10, 6], before: [10, 7]) { return "10.06 truncates JPEGs (fixed in 10.07.0)" }
    return isFrom([10, 0], before: [10, 2, 1])
      ? "10.00.0 to 10.02.0 may damage text behind a scan (fixed in 10.02.1)" : nil
  }

  /// Debian's packages, of 12 and of 13, and the revision of each that is safe with documents of strangers.
  private static let packages = [
    (prefix: "10.0.0~dfsg-11+deb12u", revision: 9),
    (prefix: "10.05.1~dfsg-1+deb13u", revision: 3),
  ]

  /// What is known against a package of a distribution, by its version. (Its program says `10.00.0` with and
  /// without the correction.)
  static func trouble(ofPackage version: String) -> String? {
    guard let package = packages.first(where: { version.hasPrefix($0.prefix) }),
      let revision = Int(version.dropFirst(package.prefix.count).prefix(while: \.isNumber)),
      revision < package.revision
    else { return nil }
    return """
      \(package.prefix)\(package.revision) closes CVE-2026-101258, shell commands despite -dSAFER: apt-get \
      upgrade
      """
  }

  /// The version of the installed package, where dpkg(1) knows it.
  static func package(path: String?) -> String? {
    guard let program = ProgramPath.find(ProgramPath.candidates("dpkg-query", path)) else {
      return nil
    }
    let answer = try? Launch.output(limit: 200) { nowhere, words in
      Launch(
        path: program,
        arguments: ["dpkg-query", "--show", "--showformat=${Version}", "ghostscript"],
        environment: ["PATH=/usr/bin:/bin", "LC_ALL=C"], input: nowhere, output: words,
        errors: nowhere)
    }
    guard let answer, answer.end == .status(0), let bytes = answer.bytes else { return nil }
    return String(decoding: bytes, as: UTF8.self)
  }

  private func isFrom(_ first: [Int], before end: [Int]) -> Bool {
    !numbers.lexicographicallyPrecedes(first) && numbers.lexicographicallyPrecedes(end)
  }
}

/// `optimize status`: what `conveyor doctor` says of Ghostscript.
enum GhostscriptStatus {
  /// Prints it. Throws where there is none.
  static func tell(_ given: String?, path: String?) throws(Fatal) -> ToolExit {
    let program = try Ghostscript.locate(given, path: path)
    let renderer = Renderer.Programs.find(path)
    let folder = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    let fonts = renderer.flatMap { FontCheck.warning($0, in: folder) }
    let lines =
      lines(
        program, GhostscriptVersion.ask(program), GhostscriptVersion.package(path: path), renderer,
        Launch.layers)
      + [fonts].compactMap(\.self)
    try Console.answer(lines.joined(separator: "\n") + "\n")
    return .success
  }

  /// What is said of a program and of the layers that this system offers. Pure.
  static func lines(
    _ program: String, _ version: GhostscriptVersion?, _ package: String?,
    _ renderer: Renderer.Programs?, _ layers: (isOffline: Bool, isConfined: Bool)
  ) -> [String] {
    let all = [
      ("limits on time, memory and files", true), ("no new privileges", true),
      ("ends with its parent", true), ("no network", layers.isOffline),
      ("no changes outside its directory (Landlock)", layers.isConfined),
    ]
    func list(_ isActive: Bool) -> String {
      all.filter { $0.1 == isActive }.map(\.0).joined(separator: ", ")
    }
    let missing = list(false)
    return [
      "Ghostscript \(version?.description ?? "of an unknown version") at \(program)",
      version?.trouble.map { "warning: \($0); only --engine ghostscript uses it" },
      package.map { "package \($0)" },
      package.flatMap(GhostscriptVersion.trouble(ofPackage:)).map { "warning: \($0)" },
      renderer.map { "results are checked with \($0.drawing) and \($0.text)" }
        ?? "warning: pdftoppm or pdftotext is missing: results cannot be checked and are not used. "
        + "Install them with: apt-get install poppler-utils",
      "isolation: \(list(true))",
      missing.isEmpty ? nil : "not available on this system: \(missing)",
    ].compactMap(\.self)
  }
}
