import Processes

/// `--verify-pixels`: draws a sample of pages before and after, and compares where their ink is.
struct PixelCheck {
  /// Pixels of the longer side of a drawing: some 18 dots an inch, a tenth of a second a page.
  private static let side = 200

  /// The absolute path of `pdftoppm`.
  let program: String
  /// How much of all pages is looked at, 0 to 1.
  let share: Double
  let job: Job

  /// What is to be said against `result` of a source of so many pages and bytes.
  func objection(
    to result: String, pages: Int, sourceBytes: Int, limits: Limits
  ) throws(Launch.Failure) -> String? {
    for page in Self.sample(share, ofPages: pages, sourceBytes: sourceBytes) {
      guard let before = try ink(Job.source, page, limits) else {
        return "page \(page) cannot be drawn to be compared"
      }
      guard let after = try ink(result, page, limits) else {
        return "page \(page) of the result cannot be drawn"
      }
      if let objection = after.objection(asDrawingOf: before) {
        return "page \(page) of the result \(objection)"
      }
    }
    return nil
  }

  /// Which pages are looked at: always the same ones of a document, so that it comes out the same
  /// when it is repeated.
  static func sample(_ share: Double, ofPages pages: Int, sourceBytes: Int) -> [Int] {
    guard pages > 0, share > 0 else { return [] }
    return (1...pages).filter { page in
      // SplitMix64's mixing of what tells pages apart.
      var mixed = UInt64(truncatingIfNeeded: sourceBytes &* 1_000_003 &+ page)
      mixed &*= 0x9E37_79B9_7F4A_7C15
      mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
      mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
      mixed ^= mixed >> 31
      return Double(mixed >> 11) / Double(1 << 53 as UInt64) < share
    }
  }

  /// Where the ink of a page is; `nil` where it cannot be drawn within the limits.
  private func ink(
    _ file: String, _ page: Int, _ limits: Limits
  ) throws(Launch.Failure) -> PageInk? {
    try Launch.output(limit: Self.side * Self.side + 64) { nowhere, drawing in
      Launch(
        path: program,
        arguments: [
          "pdftoppm", "-gray", "-scale-to", "\(Self.side)", "-f", "\(page)", "-l", "\(page)", file,
        ],
        environment: ["PATH=/usr/bin:/bin", "LC_ALL=C", "HOME=\(job.directory)"],
        directory: job.directory, input: nowhere, output: drawing, errors: nowhere,
        isChildless: true, isConfined: true, processorSeconds: limits.processorSeconds,
        memory: job.settings.memory, fileSize: 1, openFiles: 64)
    }.flatMap(PageInk.init)
  }
}
