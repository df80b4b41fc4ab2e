/// Why `optimize` rejected a result, or did not work on a file: a closed vocabulary, so that records,
/// the index and reports can count documents by it. What is special about one document is a detail
/// beside it.
package enum RejectionReason: String, Sendable, CaseIterable {
  // The file itself.
  case empty = "the file is empty"
  case notPDF = "the file does not begin with %PDF-"
  case removed = "the file was removed while it was optimized"
  case password = "the file opens only with a password"
  case damaged = "the file is damaged"
  case unreadable = "libqpdf cannot read the file"
  case signed = "the file is signed"
  case missingPart = "part of the file is missing"
  case noPages = "the file has no pages"
  case tooManyPages = "the file has too many pages"
  case folderNotWritable = "the folder of the file is not writable"
  // What ended the work.
  case tooSlow = "optimizing took too long"
  case workerEnded = "the worker process ended unexpectedly"
  case noEngine = "no engine can process the file"
  case notRewritable = "libqpdf cannot rewrite the file"
  case repairUnchecked = "the file is damaged and its repair cannot be checked"
  // What Ghostscript does not keep.
  case offsetHeader = "Ghostscript needs %PDF- at the first byte"
  case ghostscriptOnDamaged = "Ghostscript might lose more of a damaged file"
  case ghostscriptOnEncrypted = "Ghostscript would remove the encryption"
  case ghostscriptOnForm = "Ghostscript would flatten the form"
  case ghostscriptOnTags = "Ghostscript would drop the tags"
  case ghostscriptOnClaim = "Ghostscript would break the claim to a standard"
  case ghostscriptMissing = "Ghostscript is not installed"
  case rendererMissing = "no renderer can check the result of Ghostscript"
  case ghostscriptUnreadable = "libqpdf cannot read the whole file"
  // How Ghostscript ended.
  case ghostscriptError = "Ghostscript reported an error"
  case ghostscriptFailed = "Ghostscript failed"
  case ghostscriptTooSlow = "Ghostscript took too long"
  case ghostscriptTooLarge = "Ghostscript wrote too much"
  // The result.
  case resultUnreadable = "libqpdf cannot read the result"
  case resultDamaged = "the result is damaged"
  case encryptionChanged = "the result is encrypted differently"
  case pagesChanged = "the result has a different number of pages"
  case pageSizeChanged = "a page of the result has a different size"
  case contentLost = "the result lacks something that the file has"
  case textUnreadable = "the text of the file cannot be read"
  case resultTextUnreadable = "the text of the result cannot be read"
  case rendererComplains = "the renderer reports errors in the file"
  case resultComplains = "the renderer reports errors in the result"
  case textChanged = "a page of the result has different text"
  case pageNotDrawn = "a page cannot be drawn"
  case nothingDrawn = "the renderer draws nothing where something is"
  case pageChanged = "a page of the result looks different"
  case notSmaller = "the result is not smaller"
  case notATenthSmaller = "the result is not smaller by a tenth"
  case notAFile = "the result is not a regular file"
  case notPublished = "the result could not be renamed"

  /// For a reason that is none of these: another version's, or another program's.
  package static let other = "other"

  /// A step of `optimize` that can reject a document or a result.
  package enum Check: String, Sendable, CaseIterable {
    /// The file is read by libqpdf and judged by what it is.
    case source
    /// Ghostscript's exit status, messages and limits.
    case run
    /// The result is read by libqpdf; its pages and encryption are compared.
    case structure
    /// What the document has besides its pages is counted, before and after.
    case inventory
    /// The text of each page is compared.
    case text
    /// Pages are drawn before and after, and compared.
    case drawing
    case size
    /// Time, memory and file system.
    case limits
  }

  /// The check that rejects for this reason.
  package var check: Check {
    switch self {
    case .empty, .notPDF, .removed, .password, .damaged, .unreadable, .signed, .missingPart,
      .noPages,
      .tooManyPages, .offsetHeader, .ghostscriptOnDamaged, .ghostscriptOnEncrypted,
      .ghostscriptOnForm, .ghostscriptOnTags, .ghostscriptOnClaim, .ghostscriptUnreadable,
      .notRewritable:
      .source
    case .folderNotWritable, .tooSlow, .workerEnded, .noEngine, .ghostscriptMissing,
      .rendererMissing, .notAFile, .notPublished:
      .limits
    case .ghostscriptError, .ghostscriptFailed, .ghostscriptTooSlow, .ghostscriptTooLarge: .run
    case .resultUnreadable, .resultDamaged, .encryptionChanged, .pagesChanged, .pageSizeChanged:
      .structure
    case .contentLost: .inventory
    case .textUnreadable, .resultTextUnreadable, .rendererComplains, .resultComplains, .textChanged:
      .text
    case .pageNotDrawn, .nothingDrawn, .pageChanged, .repairUnchecked: .drawing
    case .notSmaller, .notATenthSmaller: .size
    }
  }

  /// Whether a whole result was there and was not taken, so that its size says what that costs.
  package var rejectsResult: Bool {
    switch check {
    case .structure, .inventory, .text, .drawing, .size: true
    case .source, .run, .limits: false
    }
  }
}
