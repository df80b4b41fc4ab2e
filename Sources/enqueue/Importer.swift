import Common
import Glibc
import Index

/// Adds documents from a file to the index, and says on stderr what became of its rows.
struct Importer {
  /// Rows per transaction.
  private static let batch = 10_000
  /// Refused rows that are told one by one.
  private static let told = 20

  let path: String
  let layout: ImportReader.Layout?
  let ignoresUnknown: Bool
  let stop: Stop

  /// Opens the index only once the file's header is understood: a mistyped name leaves no empty index
  /// behind.
  func run(into open: () throws -> any DocumentIndex) throws -> ExitCode {
    let descriptor = try openFile()
    var reader = try ImportReader(
      descriptor: descriptor, layout: layout ?? .init(path: path),
      ignoringUnknown: ignoresUnknown, stop: stop)
    let index = try open()
    var rows: [ImportedRow] = []
    var added = 0
    var known = 0
    var refused = 0
    func flush() throws {
      let new = try index.add(rows)
      added += new
      known += rows.count - new
      rows.removeAll(keepingCapacity: true)
    }
    // What a stop cuts off in the middle is no row.
    while let item = try reader.next(), !stop.isRequested {
      switch item {
      case .row(let row):
        rows.append(row)
        if rows.count == Self.batch { try flush() }
      case .refused(let line, let reason):
        refused += 1
        if refused <= Self.told { say("\(path):\(line): refused: \(reason)") }
      }
    }
    try flush()
    if refused > Self.told { say("… and \(refused - Self.told) more rows refused") }
    say("imported \(added) new documents, \(known) were there already, \(refused) rows refused")
    if stop.isRequested { return try stop.exitCode() }
    return refused > 0 ? .documentsFailed : .success
  }

  private func openFile() throws(Fatal) -> Int32 {
    guard path != "-" else { return STDIN_FILENO }
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw Fatal(.inputOutput, "cannot read \(path): \(String(cString: strerror(errno)))")
    }
    return descriptor
  }

  private func say(_ line: String) {
    _ = writeAll(Array("enqueue: \(Format.printable(line))\n".utf8), to: STDERR_FILENO)
  }
}
