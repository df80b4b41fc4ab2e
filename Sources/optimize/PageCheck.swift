import Processes

/// Draws pages before and after, and compares them.
struct PageCheck {
  /// Pages of a sample.
  private static let most = 10

  let renderer: Renderer
  /// How many pages the document has, and its size in bytes.
  let pages: Int
  let sourceBytes: Int

  /// What is to be said against what Ghostscript wrote: each page is drawn and its words are read, and
  /// what the renderer does not understand counts as changed.
  func objection(toAllOf result: String) throws(Launch.Failure) -> String? {
    let before, after: Renderer.Answer<[[ArraySlice<UInt8>]]>
    switch try renderer.words(of: Job.source) {
    case .success(let words): before = words
    case .failure(let silence): return "its text cannot be read to be compared\(silence)"
    }
    switch try renderer.words(of: result) {
    case .success(let words): after = words
    case .failure(let silence): return "the text of the result cannot be read\(silence)"
    }
    if before.hasComplaints { return "the renderer complains about it, and cannot be a judge" }
    if after.hasComplaints { return "the renderer complains about the result" }
    guard before.content.count == after.content.count else { return "the result has other pages" }
    if let page = zip(before.content, after.content).enumerated()
      .first(where: { $0.element.0 != $0.element.1 })?.offset
    {
      return "a page of the result has other text: page \(page + 1)"
    }
    guard pages > 0 else { return nil }
    return try objection(to: result, 1...pages, .strict)
  }

  /// What is to be said against images that were rewritten in place, by a sample of all pages.
  func objection(
    toSampleOf result: String, share: Double
  ) throws(Launch.Failure) -> String? {
    try objection(toSampleOf: result, share: share, isBounded: share < 1)
  }

  /// The same where something had to be repaired: of a few pages the renderer has to see the same.
  func objection(toRepairOf result: String, share: Double) throws(Launch.Failure) -> String? {
    try objection(toSampleOf: result, share: 1, isBounded: share < 1)
  }

  private func objection(
    toSampleOf result: String, share: Double, isBounded: Bool
  ) throws(Launch.Failure) -> String? {
    let sample = Self.sample(share, ofPages: pages, sourceBytes: sourceBytes)
    // Of a book of 10,000 pages a few are enough, unless all are asked for.
    let step = isBounded ? (sample.count + Self.most - 1) / Self.most : 1
    let pages = stride(from: 0, to: sample.count, by: max(1, step)).map { sample[$0] }
    return try objection(to: result, pages, .soft)
  }

  private func objection(
    to result: String, _ pages: some Sequence<Int>, _ tolerance: PageDrawing.Tolerance
  ) throws(Launch.Failure) -> String? {
    for page in pages {
      let before, after: Renderer.Answer<PageDrawing>
      switch try renderer.drawing(of: Job.source, page: page) {
      case .success(let drawing): before = drawing
      case .failure(let silence):
        return "a page cannot be drawn to be compared: page \(page)\(silence)"
      }
      switch try renderer.drawing(of: result, page: page) {
      case .success(let drawing): after = drawing
      case .failure(let silence):
        return "a page of the result cannot be drawn: page \(page)\(silence)"
      }
      if after.hasComplaints, !before.hasComplaints {
        return "the renderer complains about the result: page \(page)"
      }
      if let objection = after.content.objection(asDrawingOf: before.content, tolerance) {
        return "a page of the result looks different: page \(page) \(objection)"
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
}
