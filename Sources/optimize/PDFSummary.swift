import PDF

/// What the acceptance rule wants to know of a PDF.
struct PDFSummary: Sendable, Equatable {
  /// How many pages the page tree has.
  var pageCount: Int
  /// Their geometry; left out where there are too many.
  var pages: [PageGeometry] = []
  /// How it is encrypted, and what that permits; empty for what is not.
  var encryption: [String] = []
  var isSigned = false
  var hasForm = false
  var isTagged = false
  /// What it has besides its pages; `nil` where that was not asked for.
  var inventory: Inventory?
  /// The first warning of libqpdf.
  var complaint: String?
  /// Whether nothing is before `%PDF-`.
  var beginsWithHeader = true
  /// What had to be repaired to read it; `nil` where it is in order.
  var repair: String?
  /// What its pages refer to and the file does not have.
  var missing: String?
}

extension PDFSummary {
  /// A source as it is, or else with the repairs that libqpdf makes as other readers do; what they are, and what
  /// they leave missing, is noted.
  static func ofSource(_ path: String) -> Result<PDFSummary, PDFError> {
    let strict = read(path)
    switch strict {
    case .success(let summary)
    where summary.isSigned || summary.complaint == nil && summary.missing == nil:
      return strict
    case .failure(let error) where error.kind == .password: return strict
    // Without repairs, a stream of another length than its own is missing.
    case .success(let summary):
      return ofRepaired(path, summary.complaint ?? summary.missing ?? "")
    case .failure(let error): return ofRepaired(path, error.description)
    }
  }

  /// A source with repairs; `repair` is what makes them necessary.
  static func ofRepaired(_ path: String, _ repair: String) -> Result<PDFSummary, PDFError> {
    read(path, repairing: true).map { summary in
      var summary = summary
      summary.repair = repair
      return summary
    }
  }

  /// A file as it is, or with repairs.
  static func read(
    _ path: String, hasInventory: Bool = false, repairing: Bool = false
  ) -> Result<PDFSummary, PDFError> {
    Result { () throws(PDFError) in
      let document = try PDFDocument(path: path, repairing: repairing)
      var summary = PDFSummary(pageCount: try document.pageCount())
      summary.encryption = document.encryption()
      summary.isSigned = try document.isSigned()
      summary.hasForm = try document.hasForm()
      summary.isTagged = try document.isTagged()
      if summary.pageCount <= Limits.maximumPages { summary.pages = try document.pages() }
      if hasInventory {
        let images = try document.images(summary.pages).images
        summary.inventory = try document.inventory(pages: summary.pageCount, images: images)
      }
      let complaint = repairing ? document.lostObject() : document.complaint()
      summary.complaint = complaint?.message
      if summary.pageCount > 0, summary.pageCount <= Limits.maximumPages {
        // Where a stream ends is found out; what it holds, the image or the page, is looked at as any other.
        summary.missing = try document.missingPart(
          isRepaired: repairing, lengthsMayBeWrong: true)
      }
      return summary
    }
  }
}
