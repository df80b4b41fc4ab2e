import ArgumentParser
import Images

/// How much quality images keep. The first four are known from Ghostscript (`-dPDFSETTINGS`): 72,
/// 150 and 300 dots an inch, and no fewer dots.
enum Quality: String, Sendable, CaseIterable, ExpressibleByArgument {
  case screen, ebook, printer, prepress, lossless

  /// What it means for the images engine.
  var preset: Preset {
    switch self {
    case .screen: Preset(resolution: 72, jpegQuality: 50)
    case .ebook: Preset(resolution: 150, jpegQuality: 57)
    case .printer: Preset(resolution: 300, jpegQuality: 80)
    case .prepress, .lossless: .lossless
    }
  }
}

/// Who makes documents smaller.
enum Engine: String, Sendable, CaseIterable, ExpressibleByArgument {
  /// Images first, and Ghostscript where it may do better.
  case auto
  /// Rewrites the images in place.
  case images
  /// Writes the whole document anew.
  case ghostscript
}

/// How documents are optimized: all that the workers know of the command line.
struct Settings: Sendable, Equatable {
  var engine: Engine
  /// The program's absolute path; `nil` does without.
  var ghostscript: String?
  /// How many documents one Ghostscript takes.
  var isolation = GhostscriptPool.Isolation.worker
  var quality: Quality
  /// Whether scans that are nearly black and white become black and white.
  var makesBilevel = false
  /// The programs that draw pages to be compared; `nil` where there are none.
  var renderer: Renderer.Programs?
  /// How much of all pages is drawn before and after where only images were rewritten, 0 to 1.
  var verifiedShare = 0.0
  /// Whether what Ghostscript wrote is taken as it is, without the checks of ``PageCheck``.
  var isUnchecked = false
  /// What a document without pages would get, in seconds of processor time.
  var seconds: Int
  /// Address space of Ghostscript, and of the process that looks into the PDFs, in bytes.
  var memory: Int

  /// What a record says of a result of an engine.
  func method(_ engine: Engine) -> String { "\(engine.rawValue)/\(quality.rawValue)" }
}

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
