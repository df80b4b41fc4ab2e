import Testing

@testable import optimize

@Suite("Which engine has a turn")
struct EngineChoiceTests {
  typealias Outcome = EngineChoice.ImagesOutcome

  static let cases: [(engine: Engine, images: Outcome?, tries: Bool)] = [
    (.images, nil, false),
    (.ghostscript, nil, true),
    (.auto, nil, true),
    // A scan that became smaller.
    (.auto, Outcome(bytes: 400, imageBytes: 990), false),
    // A scan that is small already.
    (.auto, Outcome(bytes: 999, imageBytes: 990), false),
    (.auto, Outcome(bytes: 1001, imageBytes: 990), false),
    // One that only Ghostscript can read, all of it or a good part; and one with a small part.
    (.auto, Outcome(bytes: 999, imageBytes: 990, foreignBytes: 900), true),
    (.auto, Outcome(bytes: 600, imageBytes: 990, foreignBytes: 200), true),
    (.auto, Outcome(bytes: 600, imageBytes: 990, foreignBytes: 100), false),
    // Contents that do not end.
    (.auto, Outcome(bytes: 999, imageBytes: 0, isExcessive: true), false),
    // Fonts and drawings.
    (.auto, Outcome(bytes: 900, imageBytes: 100), true),
    (.auto, Outcome(bytes: 999, imageBytes: 0), true),
  ]

  @Test("Ghostscript is tried where it may do better", arguments: cases)
  func choice(_ given: (engine: Engine, images: Outcome?, tries: Bool)) {
    var settings = ProtocolTests.settings
    settings.engine = given.engine
    func tries() -> Bool {
      EngineChoice.triesGhostscript(settings, after: given.images, sourceBytes: 1000)
    }
    #expect(tries() == given.tries)
    guard given.engine == .auto else { return }
    settings.quality = .lossless
    #expect(!tries())
    settings.quality = .ebook
    settings.renderer = nil
    #expect(!tries())
    settings.isUnchecked = true
    #expect(tries() == given.tries)
    settings.ghostscript = nil
    #expect(!tries())
  }
}
