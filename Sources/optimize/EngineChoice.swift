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
