import Common
import Glibc

/// The documents that `--select FILE` names: one id a line, `-` for stdin. Blank lines are passed over.
enum IdFile {
  /// More than this is a matter for filters.
  static let maximum = 1_000_000

  /// Reads the ids. Throws where the file cannot be read, or a line is no id.
  static func ids(_ path: String, stop: ShutdownSignal) throws(Fatal) -> [Int] {
    guard path != "-" else { return try ids(STDIN_FILENO, named: "stdin", stop) }
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw Fatal(.inputOutput, "cannot read \(path): \(String(cString: strerror(errno)))")
    }
    defer { close(descriptor) }
    return try ids(descriptor, named: path, stop)
  }

  private static func ids(
    _ descriptor: Int32, named name: String, _ stop: ShutdownSignal
  ) throws(Fatal) -> [Int] {
    var reader = LineReader(descriptor: descriptor, stop: stop, grace: 0)
    var ids: Set<Int> = []
    var number = 0
    while let line = try reader.next() {
      number += 1
      guard case .line(let bytes) = line, let text = String(validating: bytes, as: UTF8.self) else {
        throw Fatal(.configuration, "\(name):\(number): expected an id, a whole number")
      }
      let word = text.filter { !$0.isWhitespace }
      if word.isEmpty { continue }
      guard let id = Int(word) else {
        throw Fatal(
          .configuration,
          "\(name):\(number): an id must be a whole number; it is \(Format.quoted(text))")
      }
      ids.insert(id)
      guard ids.count <= maximum else {
        throw Fatal(
          .configuration,
          "\(name) names more than \(Format.count(maximum)) documents. Select that many with filters."
        )
      }
    }
    // An empty selection must not become that of everything, nor pass for one that is done.
    guard !ids.isEmpty || stop.isRequested else {
      throw Fatal(.configuration, "\(name) names no document. Write one id per line.")
    }
    return ids.sorted()
  }
}
