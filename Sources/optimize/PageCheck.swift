import Common
import Subprocesses

/// Draws pages before and after, and compares them.
struct PageCheck {
  private static let most = 10

  let renderer: Renderer
  /// How many pages the document has, and its size in bytes.
  let pages: Int
  let sourceBytes: Int
  var times = StepTimes()

  /// Why a result of Ghostscript is rejected: each page is drawn and its text is read, and what the renderer
  /// does not understand counts as changed.
  func rejection(toAllOf result: String) throws(Launch.Failure) -> Rejection? {
    if let rejection = try times.measure(
      .text,
      { () throws(Launch.Failure) in
        try self.rejection(toTextOf: result)
      })
    {
      return rejection
    }
    guard pages > 0 else { return nil }
    return try rejection(to: result, 1...pages, .strict)
  }

  private func rejection(toTextOf result: String) throws(Launch.Failure) -> Rejection? {
    let before, after: Renderer.Output<[[ArraySlice<UInt8>]]>
    switch try renderer.words(of: JobRequest.source) {
    case .success(let words): before = words
    case .failure(let silence): return Rejection(.textUnreadable, silence.detail)
    }
    switch try renderer.words(of: result) {
    case .success(let words): after = words
    case .failure(let silence): return Rejection(.resultTextUnreadable, silence.detail)
    }
    if before.hasComplaints { return Rejection(.rendererComplains) }
    if after.hasComplaints { return Rejection(.resultComplains) }
    guard before.content.count == after.content.count else {
      return Rejection(.textChanged, "text of \(after.content.count - 1) pages")
    }
    return zip(before.content, after.content).enumerated()
      .first { $0.element.0 != $0.element.1 }
      .map { Rejection(.textChanged, "page \($0.offset + 1)") }
  }

  /// Why images that were rewritten in place are rejected, by a sample of all pages.
  func rejection(
    toSampleOf result: String, share: Double
  ) throws(Launch.Failure) -> Rejection? {
    try rejection(toSampleOf: result, share: share, isBounded: share < 1)
  }

  /// The same where something had to be repaired: of a few pages the renderer has to see the same.
  func rejection(toRepairOf result: String, share: Double) throws(Launch.Failure) -> Rejection? {
    try rejection(toSampleOf: result, share: 1, isBounded: share < 1)
  }

  private func rejection(
    toSampleOf result: String, share: Double, isBounded: Bool
  ) throws(Launch.Failure) -> Rejection? {
    let sample = Self.sample(share, ofPages: pages, sourceBytes: sourceBytes)
    // Of a book of 10,000 pages a few are enough, unless all are asked for.
    let step = isBounded ? (sample.count + Self.most - 1) / Self.most : 1
    let pages = stride(from: 0, to: sample.count, by: max(1, step)).map { sample[$0] }
    guard !pages.isEmpty else { return nil }
    return try rejection(to: result, pages, .soft)
  }

  private func rejection(
    to result: String, _ pages: some Sequence<Int>, _ tolerance: PageDrawing.Tolerance
  ) throws(Launch.Failure) -> Rejection? {
    try times.measure(.drawing) { () throws(Launch.Failure) in
      for page in pages {
        if let rejection = try rejection(to: result, page: page, tolerance) { return rejection }
      }
      return nil
    }
  }

  private func rejection(
    to result: String, page: Int, _ tolerance: PageDrawing.Tolerance
  ) throws(Launch.Failure) -> Rejection? {
    let before, after: Renderer.Output<PageDrawing>
    switch try renderer.drawing(of: JobRequest.source, page: page) {
    case .success(let drawing): before = drawing
    case .failure(let silence):
      return Rejection(.pageNotDrawn, "page \(page)\(silence)")
    }
    switch try renderer.drawing(of: result, page: page) {
    case .success(let drawing): after = drawing
    case .failure(let silence):
      return Rejection(.pageNotDrawn, "page \(page) of the result\(silence)")
    }
    if after.hasComplaints, !before.hasComplaints {
      return Rejection(.resultComplains, "page \(page)")
    }
    if let rejection = after.content.rejection(asDrawingOf: before.content, tolerance) {
      return Rejection(.pageChanged, "page \(page) \(rejection)")
    }
    return nil
  }

  /// Which pages are looked at: always the same ones of a document, so that it comes out the same
  /// when it is repeated.
  static func sample(_ share: Double, ofPages pages: Int, sourceBytes: Int) -> [Int] {
    guard pages > 0, share > 0 else { return [] }
    return (1...pages).filter { page in
      // SplitMix64 of what distinguishes pages.
      var mixed = UInt64(truncatingIfNeeded: sourceBytes &* 1_000_003 &+ page)
      mixed &*= 0x9E37_79B9_7F4A_7C15
      mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
      mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
      mixed ^= mixed >> 31
      return Double(mixed >> 11) / Double(1 << 53 as UInt64) < share
    }
  }
}
