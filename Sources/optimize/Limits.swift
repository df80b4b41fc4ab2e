/// What one run of Ghostscript may use. Pure.
///
/// A fixed time limit would refuse a legitimate document of 10,000 pages, which takes minutes; so
/// it grows with the pages that libqpdf counted (docs/optimize.md, "Limits").
struct Limits: Sendable, Equatable {
  /// Documents with more pages are not optimized.
  static let maximumPages = 100_000
  /// No document is worth more, in seconds of processor time, unless more is asked for: 100,000 pages would
  /// hold a worker for a day.
  static let maximumSeconds = 1800
  /// Even a small source may have a large result.
  static let minimumFileSize = 64 << 20

  /// Processor time.
  let processorSeconds: Int
  /// Time by the clock, for Ghostscript and for the look at its result.
  let wallSeconds: Int
  /// Largest file that it may write, in bytes.
  let fileSize: Int

  init(base: Int, pages: Int, sourceBytes: Int) {
    processorSeconds = max(base, min(base + min(pages, Self.maximumPages), Self.maximumSeconds))
    wallSeconds = 2 * processorSeconds
    fileSize = max(Self.minimumFileSize, 2 * sourceBytes)
  }

  /// Time by the clock to look into a source, when its pages are not known yet.
  static func inspectionSeconds(base: Int) -> Int { 2 * base }
}
