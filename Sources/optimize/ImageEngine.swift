import Images
import PDF

/// Rewrites the images of a document in place. Text, annotations, structure and all else stay as
/// they were.
struct ImageEngine {
  /// Streams with more in them are not deflated again: it takes a second for 20 MB.
  private static let maximumDeflated = 8 << 20

  private let preset: Preset
  /// What libjpeg may take for an image, which it holds as a whole where it codes in several scans.
  private let memory: Int

  init(_ settings: Settings) {
    var preset = settings.quality.preset
    preset.makesBilevel = settings.makesBilevel
    self.preset = preset
    memory = settings.memory / 16
  }

  /// Writes the result to `target`, with repairs of libqpdf's where they are asked for. The outcome lacks its
  /// size.
  func run(
    _ source: String, to target: String, repairing: Bool = false
  ) throws(PDFError) -> EngineChoice.ImagesOutcome {
    let document = try PDFDocument(path: source, repairing: repairing)
    let (images, isExcessive) = try document.images(try document.pages())
    var outcome = EngineChoice.ImagesOutcome(isExcessive: isExcessive)
    var done: Set<ObjectID> = []
    for image in images {
      guard let stored = document.stored(image.id) else { continue }
      outcome.imageBytes += stored.count
      let plan = Plan(for: image, preset: preset, memory: memory)
      switch Rewriting(plan, of: image, stored: stored, preset: preset, memory: memory) {
      case .replaced(let new):
        try document.replace(image.id, with: new)
        done.insert(image.id)
      case .recoded(let new, let reason):
        try document.replace(image.id, with: new)
        done.insert(image.id)
        if reason.isForAnother { outcome.foreignBytes += new.bytes.count }
      case .left(let reason): if reason.isForAnother { outcome.foreignBytes += stored.count }
      }
    }
    // Late, when images that differed may have become equal; and never where libqpdf still finds objects that its
    // table lacks: one that is looked at before is missing for good.
    if !repairing { try document.mergeEqualStreams() }
    try document.deflateStreams(limit: Self.maximumDeflated, but: done)
    try document.writeCompactly(to: target, tolerating: repairing)
    return outcome
  }
}

/// Which engine has a turn. Pure.
enum EngineChoice {
  /// What the engine for images found and made.
  struct ImagesOutcome: Sendable, Equatable {
    /// Size of its result.
    var bytes = 0
    /// Bytes of all images in the source.
    var imageBytes = 0
    /// Bytes of those that it could do nothing with, and another engine might.
    var foreignBytes = 0
    /// Whether contents are longer than is worth waiting for, or damaged.
    var isExcessive = false
    /// Whether the source had to be repaired.
    var isRepaired = false
  }

  /// Whether Ghostscript is to try it too: it costs ten times as much, and loses more.
  ///
  /// It is where fonts or drawings are most of the file, which only it makes smaller, and where a
  /// quarter of what is left are images of a kind that only it knows.
  static func triesGhostscript(
    _ settings: Settings, after images: ImagesOutcome?, sourceBytes: Int
  ) -> Bool {
    switch settings.engine {
    case .images: return false
    case .ghostscript: return true
    case .auto: break
    }
    guard settings.quality != .lossless, settings.ghostscript != nil else { return false }
    // What it wrote is only taken when every page was looked at.
    guard settings.renderer != nil || settings.isUnchecked else { return false }
    guard let images else { return true }
    // It would run into its limit, or repair what is damaged.
    if images.isExcessive { return false }
    let isMostlyOther = images.imageBytes < sourceBytes / 2
    let isMostlyForeign = images.foreignBytes > images.bytes / 4
    return isMostlyOther || isMostlyForeign
  }
}
