import Processes

/// Which Ghostscript it is, and what is known against it. Pure, but for asking it.
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
    if isFrom([10, 6], before: [10, 7]) { return "10.06 cuts JPEGs short (10.07.0 does not)" }
    return isFrom([10, 0], before: [10, 2, 1])
      ? "10.00.0 to 10.02.0 may damage text that lies behind a scan (10.02.1 does not)" : nil
  }

  private func isFrom(_ first: [Int], before end: [Int]) -> Bool {
    !numbers.lexicographicallyPrecedes(first) && numbers.lexicographicallyPrecedes(end)
  }
}
