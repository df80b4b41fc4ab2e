/// How much images may lose.
public struct Preset: Sendable, Equatable {
  /// The resolution that photographs are brought down to, in dots per inch; `nil` leaves them as
  /// they are.
  public var resolution: Double?
  /// Quality of the JPEG that they become, 1 to 100.
  public var jpegQuality: Int
  /// Whether what is nearly black and white, as a JPEG of it is, becomes black and white.
  public var makesBilevel = false

  /// Only photographs with more than this many times the resolution are brought down; less would
  /// cost sharpness for a small gain. Ghostscript's presets do the same
  /// (`/ColorImageDownsampleThreshold`).
  public static let threshold = 1.5

  /// A preset.
  public init(resolution: Double?, jpegQuality: Int) {
    self.resolution = resolution
    self.jpegQuality = jpegQuality
  }

  /// Nothing is lost.
  public static let lossless = Preset(resolution: nil, jpegQuality: 100)
}
