import Common
import PDF
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
    // Of each page of the source.
    var hasWords: [Bool] = []
    if let rejection = try times.measure(
      .text,
      { () throws(Launch.Failure) in
        try rejection(toTextOf: result, &hasWords)
      })
    {
      return rejection
    }
    guard pages > 0 else { return nil }
    return try withProof(repairing: false) { proof throws(Launch.Failure) in
      try rejection(to: result, 1...pages, .strict) { drawing, page in
        if drawing.hasComplaints { return Rejection(.rendererComplains, "page \(page)") }
        return proof.rejection(
          to: drawing.content, page: page,
          hasWords: hasWords.indices.contains(page - 1) ? hasWords[page - 1] : nil)
      }
    }
  }

  private func rejection(
    toTextOf result: String, _ hasWords: inout [Bool]
  ) throws(Launch.Failure) -> Rejection? {
    let before, after: Renderer.Output<[[ArraySlice<UInt8>]]>
    switch try renderer.words(of: JobRequest.source) {
    case .success(let words):
      before = words
      hasWords = words.content.map { !$0.isEmpty }
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
    let pages = sample(share, isBounded: share < 1)
    return try rejection(to: result, pages, .soft, mayComplain: true) { _, _ in nil }
  }

  /// The same where something had to be repaired: of a few pages the renderer has to see the same, and
  /// something.
  func rejection(toRepairOf result: String, share: Double) throws(Launch.Failure) -> Rejection? {
    try withProof(repairing: true) { proof throws(Launch.Failure) in
      try rejection(to: result, sample(1, isBounded: share < 1), .soft) { drawing, page in
        proof.rejection(to: drawing.content, page: page, hasWords: nil)
      }
    }
  }

  private func withProof(
    repairing: Bool, _ body: (borrowing DrawingProof) throws(Launch.Failure) -> Rejection?
  ) throws(Launch.Failure) -> Rejection? {
    let proof: DrawingProof
    do throws(PDFError) {
      proof = try DrawingProof(
        of: "\(renderer.job.directory)/\(JobRequest.source)", repairing: repairing,
        memory: renderer.job.settings.memory / 16)
    } catch {
      return Rejection(.unreadable, "\(error)")
    }
    return try body(proof)
  }

  /// The pages of a sample. Of a book of 10,000 pages a few are enough, unless all are asked for.
  private func sample(_ share: Double, isBounded: Bool) -> [Int] {
    let sample = Self.sample(share, ofPages: pages, sourceBytes: sourceBytes)
    let step = isBounded ? (sample.count + Self.most - 1) / Self.most : 1
    return stride(from: 0, to: sample.count, by: max(1, step)).map { sample[$0] }
  }

  /// Why a drawing of a page of the source proves nothing.
  private typealias Doubt = (Renderer.Output<PageDrawing>, Int) -> Rejection?

  /// With `mayComplain` the renderer may complain about a page of the result, if it did so before.
  private func rejection(
    to result: String, _ pages: some Sequence<Int>, _ tolerance: PageDrawing.Tolerance,
    mayComplain: Bool = false, _ doubt: Doubt
  ) throws(Launch.Failure) -> Rejection? {
    try times.measure(.drawing) { () throws(Launch.Failure) in
      for page in pages {
        if let rejection = try rejection(
          to: result, page: page, tolerance, mayComplain: mayComplain, doubt)
        {
          return rejection
        }
      }
      return nil
    }
  }

  private func rejection(
    to result: String, page: Int, _ tolerance: PageDrawing.Tolerance, mayComplain: Bool,
    _ doubt: Doubt
  ) throws(Launch.Failure) -> Rejection? {
    let before, after: Renderer.Output<PageDrawing>
    switch try renderer.drawing(of: JobRequest.source, page: page) {
    case .success(let drawing): before = drawing
    case .failure(let silence):
      return Rejection(.pageNotDrawn, "page \(page)\(silence)")
    }
    if let rejection = doubt(before, page) { return rejection }
    switch try renderer.drawing(of: result, page: page) {
    case .success(let drawing): after = drawing
    case .failure(let silence):
      return Rejection(.pageNotDrawn, "page \(page) of the result\(silence)")
    }
    if after.hasComplaints, !(mayComplain && before.hasComplaints) {
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
