import CLI
import Common
import Glibc
import Synchronization

/// The bar of an import: how much of the file is read, how many rows, how fast.
final class ImportProgress: Sendable {
  private let display: ProgressDisplay
  private let file: Int32
  /// Of the file, where it is one; what comes through a pipe has no size.
  private let size: Int?
  private let start = Time.monotonic()
  private let rows = Atomic<Int>(0)
  private let done = Stop()

  /// For rows out of `file`, whose position tells how far it is read.
  init(_ mode: ProgressMode, file: Int32) {
    display = ProgressDisplay(tool: "enqueue", manner: mode.manner)
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

  func end() { done.request(.interrupted) }

  /// `[=====>    ] 41.3% · 120,000 rows · 24,100/s`. Pure.
  static func line(rows: Int, share: Double?, seconds: Double, width: Int?) -> String {
    var parts = ProgressParts()
    if let share { parts.add(0, Format.fixed(max(0, min(1, share)) * 100, 1) + "%") }
    parts.add(1, "\(Format.count(rows)) rows")
    if seconds > 0 { parts.add(2, "\(Format.count(Int(Double(rows) / seconds)))/s") }
    return parts.line(width: width, share: share)
  }
}
