import Common
import Glibc
import PDF
import Subprocesses

/// The acceptance rule, check by check, in its order. Each returns why the original is to be kept,
/// or `nil` where there is no rejection. Pure.
///
/// Ghostscript's exit status proves nothing: of 1,982 public PDFs, 1,954 ended with 0, among them
/// all 53 with a password, each turned into one blank page (docs/optimize.md, "Acceptance").
enum Acceptance {
  /// Before anything parses it, by its first bytes.
  static func rejection(toBeginning bytes: [UInt8]) -> Rejection? {
    if bytes.isEmpty { return Rejection(.empty) }
    if case .pdf = ContentKind(bytes), !bytes.starts(with: "%!".utf8) { return nil }
    return Rejection(.notPDF)
  }

  /// What libqpdf cannot read.
  static func rejection(to error: PDFError) -> Rejection {
    switch error.kind {
    case .password: Rejection(.password)
    case .damaged: Rejection(.damaged, error.description)
    case .system, .unsupported, .internal: Rejection(.unreadable, error.description)
    }
  }

  /// What libqpdf found in the source.
  static func rejection(toSource source: PDFSummary) -> Rejection? {
    if source.isSigned { return Rejection(.signed) }
    if let missing = source.missing { return Rejection(.missingPart, missing) }
    if let complaint = source.complaint { return Rejection(.damaged, complaint) }
    if source.pageCount == 0 { return Rejection(.noPages) }
    if source.pageCount > Limits.maximumPages {
      return Rejection(.tooManyPages, "more than \(Format.count(Limits.maximumPages))")
    }
    return nil
  }

  /// What Ghostscript would not keep: it draws form fields, and drops tags. A file that begins with `%!` would
  /// run as PostScript, even when `%PDF-` follows, so that it gets none that begins with anything else.
  static func rejection(toGhostscriptOn source: PDFSummary) -> Rejection? {
    if !source.beginsWithHeader { return Rejection(.offsetHeader) }
    if source.repair != nil { return Rejection(.ghostscriptOnDamaged) }
    if !source.encryption.isEmpty { return Rejection(.ghostscriptOnEncrypted) }
    if source.hasForm { return Rejection(.ghostscriptOnForm) }
    if source.isTagged { return Rejection(.ghostscriptOnTags) }
    return source.inventory?.claim.map { Rejection(.ghostscriptOnClaim, $0) }
  }

  /// How Ghostscript ended, and what it said.
  static func rejection(toRun run: Ghostscript.Outcome, limits: Limits) -> Rejection? {
    let failure = Rejection(
      .ghostscriptFailed, "it \(run.end)" + (run.report.map { " and reported \($0)" } ?? ""))
    switch run.end {
    case .status(0): return run.report.map { Rejection(.ghostscriptError, $0) }
    case .status: return failure
    case .signal(SIGXCPU):
      return Rejection(
        .ghostscriptTooSlow, "more than \(limits.processorSeconds) s of processor time")
    case .signal(SIGXFSZ):
      return Rejection(.ghostscriptTooLarge, "more than \(Format.bytes(limits.fileSize))")
    case .signal: return failure
    }
  }

  /// What libqpdf found in the result.
  static func rejection(toResult result: PDFSummary, of source: PDFSummary) -> Rejection? {
    if let complaint = result.complaint { return Rejection(.resultDamaged, complaint) }
    guard result.encryption == source.encryption else {
      return Rejection(.encryptionChanged)
    }
    guard result.pageCount == source.pageCount else {
      return Rejection(.pagesChanged, "\(result.pageCount) instead of \(source.pageCount)")
    }
    let different = zip(result.pages, source.pages).enumerated()
      .first { !$0.element.0.isShown(like: $0.element.1) }
    if let different {
      return Rejection(.pageSizeChanged, "page \(different.offset + 1)")
    }
    guard let before = source.inventory, let after = result.inventory else { return nil }
    return after.loss(from: before).map { Rejection(.contentLost, $0) }
  }

  /// Whether what Ghostscript wrote anew is worth the risk: 78 of 1,308 results of public files saved
  /// less than a tenth, half a percent of all bytes.
  static func rejection(toGhostscriptSize result: Int, of source: Int) -> Rejection? {
    10 * result <= 9 * source
      ? nil
      : Rejection(.notATenthSmaller, "\(Format.count(result)) of \(Format.count(source)) bytes")
  }

  /// Last: whether it was worth it.
  static func rejection(toSize result: Int, of source: Int) -> Rejection? {
    result < source
      ? nil
      : Rejection(.notSmaller, "\(Format.count(result)) of \(Format.count(source)) bytes")
  }
}
