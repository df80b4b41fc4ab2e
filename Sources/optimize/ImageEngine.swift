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
