import CLI
import Common
import Glibc
import Index
import Synchronization

/// Adds documents from a file to the index, and says on stderr what became of its rows.
struct Importer: Sendable {
  /// Rows per transaction.
  private static let batch = 10_000
  /// Refused rows that are reported one by one.
  private static let reported = 20

  let path: String
  let options: ImportReader.Options
  /// Of a spreadsheet, the name or number of the sheet; `nil` for the first.
  let sheet: String?
  let progress: ProgressMode
  let stop: ShutdownSignal

  /// What became of the rows.
  private struct Tally {
    var rows = 0
    var added = 0
    var refused = 0
    var notes = ""
  }

  /// Opens the index only once the file's header is understood: a mistyped name leaves no empty index
  /// behind.
  func run(into open: () throws -> any DocumentIndex) throws -> ToolExit {
    let descriptor = try openFile()
    let progress = ImportProgress(progress, file: descriptor)
    let (tally, damage) = try withCompanion({ progress.run() }) {
      defer { progress.end() }
      guard try Spreadsheet.isOne(path, descriptor) else {
        guard sheet == nil else {
          throw Fatal(.usage, "--sheet needs a spreadsheet, and \(path) is not one.")
        }
        return try rows(descriptor, into: open, progress)
      }
      return try Spreadsheet.withRows(path, sheet: sheet, stop: stop) {
        try rows($0, into: open, progress)
      }
    }
    report(tally)
    if let damage { throw damage }
    if stop.isRequested { return try stop.exitCode() }
    return tally.refused > 0 ? .documentsFailed : .success
  }

  private func rows(
    _ descriptor: Int32, into open: () throws -> any DocumentIndex, _ progress: ImportProgress
  ) throws -> (answer: Tally, damage: Fatal?) {
    try withUnpacked(descriptor, stop: stop) { plain in
      var reader: ImportReader
      do throws(Fatal) {
        reader = try ImportReader(descriptor: plain, named: path, options, stop: stop)
      } catch {
        // A file of which nothing came before a stop is not an empty one.
        guard !stop.isRequested else { return Tally() }
        throw error
      }
      say("\(path): \(reader.understanding)")
      return try add(from: &reader, to: try open(), progress)
    }
  }

  private func add(
    from reader: inout ImportReader, to index: any DocumentIndex, _ progress: ImportProgress
  ) throws -> Tally {
    var tally = Tally()
    var rows: [ImportedRow] = []
    var lines: [Int] = []
    func flush() throws {
      let addition = try index.add(rows)
      tally.added += addition.added
      for refusal in addition.refused { refuse(lines[refusal.place], refusal.reason, &tally) }
      rows.removeAll(keepingCapacity: true)
      lines.removeAll(keepingCapacity: true)
    }
    // What a stop cuts off in the middle is no row.
    while let item = try reader.next(), !stop.isRequested {
      tally.rows += 1
      switch item {
      case .row(let row, let line):
        rows.append(row)
        lines.append(line)
        if rows.count == Self.batch { try flush() }
      case .refused(let line, let reason): refuse(line, reason, &tally)
      }
      if tally.rows.isMultiple(of: 1000) { progress.report(tally.rows) }
    }
    try flush()
    tally.notes = reader.notes.text
    return tally
  }

  private func refuse(_ line: Int, _ reason: String, _ tally: inout Tally) {
    tally.refused += 1
    if tally.refused <= Self.reported { say("\(path):\(line): refused: \(reason)") }
  }

  private func report(_ tally: Tally) {
    if tally.refused > Self.reported {
      say("… and \(tally.refused - Self.reported) more rows refused")
    }
    let known = tally.rows - tally.added - tally.refused
    say(
      "imported \(tally.added) new documents, \(known) already known, "
        + "\(tally.refused) rows refused" + (tally.notes.isEmpty ? "" : "; \(tally.notes)"))
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
    Console.write("enqueue: \(Format.printable(line))\n")
  }
}

/// The bar of an import: how much of the file is read, how many rows, how fast.
final class ImportProgress: Sendable {
  private let display: ProgressDisplay
  private let file: Int32
  /// Of the file, where it is one; what comes through a pipe has no size.
  private let size: Int?
  private let start = Time.monotonic()
  private let rows = Atomic<Int>(0)
  private let done = Latch()

  /// For rows out of `file`, whose position tells how far it is read.
  init(_ mode: ProgressMode, file: Int32) {
    display = ProgressDisplay(tool: "enqueue", style: mode.style)
    self.file = file
    var status = stat()
    let isFile = fstat(file, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    size = isFile && status.st_size > 0 ? Int(status.st_size) : nil
  }

  /// So many rows were read.
  func report(_ count: Int) { rows.store(count, ordering: .relaxed) }

  /// Shows the bar until ``end()``.
  func run() {
    display.run(until: done) { width in
      Self.line(
        rows: rows.load(ordering: .relaxed),
        share: size.map { Double(lseek(file, 0, SEEK_CUR)) / Double($0) },
        seconds: Double(Time.monotonic() - start) / 1e9, width: width)
    }
  }

  func end() { done.happen() }

  /// `[=====>    ] 41.3% · 120,000 rows · 24,100/s`. Pure.
  static func line(rows: Int, share: Double?, seconds: Double, width: Int?) -> String {
    var parts = ProgressParts()
    if let share { parts.add(0, Format.fixed(max(0, min(1, share)) * 100, 1) + "%") }
    parts.add(1, "\(Format.count(rows)) rows")
    if seconds > 0 { parts.add(2, "\(Format.count(Int(Double(rows) / seconds)))/s") }
    return parts.line(width: width, share: share)
  }
}
