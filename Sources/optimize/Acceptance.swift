import Common
import Glibc
import PDF
import Processes

/// What the acceptance rule wants to know of a PDF.
struct Inspection: Sendable, Equatable {
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
  /// What libqpdf put up with.
  var complaint: String?
  /// Whether nothing is before `%PDF-`.
  var beginsWithHeader = true
  /// What had to be repaired to read it; `nil` where it is in order.
  var repair: String?
  /// What its pages refer to and the file does not have.
  var missing: String?
}

/// The acceptance rule, check by check, in its order. Each returns why the original is to be kept,
/// or `nil` where there is no objection. Pure.
///
/// Ghostscript's exit status proves nothing: of 1,982 public PDFs, 1,954 ended with 0, among them
/// all 53 with a password, each turned into one blank page (docs/optimize.md, "Acceptance").
enum Acceptance {
  /// Before anything parses it, by its first bytes.
  static func objection(toBeginning bytes: [UInt8]) -> String? {
    if bytes.isEmpty { return "the file is empty" }
    if case .pdf = ContentKind(bytes), !bytes.starts(with: "%!".utf8) { return nil }
    return "the file does not begin with %PDF-"
  }

  /// What libqpdf found in the source.
  static func objection(toSource source: Inspection) -> String? {
    if source.isSigned { return "the file is signed" }
    if let missing = source.missing { return "a part of the file is missing: \(missing)" }
    if let complaint = source.complaint { return "the file is damaged: \(complaint)" }
    if source.pageCount == 0 { return "the file has no pages" }
    if source.pageCount > Limits.maximumPages {
      return "the file has too many pages: more than \(Format.count(Limits.maximumPages))"
    }
    return nil
  }

  /// What Ghostscript would not keep: it draws form fields, and drops tags. A file that begins with `%!` would
  /// run as PostScript, even when `%PDF-` follows, so that it gets none that begins with anything else.
  static func objection(toGhostscriptOn source: Inspection) -> String? {
    if !source.beginsWithHeader {
      return "the file does not begin with %PDF-, and is nothing for Ghostscript"
    }
    if source.repair != nil { return "the file is damaged, and Ghostscript might lose more" }
    if !source.encryption.isEmpty {
      return "the file is encrypted, which it would not be after Ghostscript"
    }
    if source.hasForm { return "the file has a form, which Ghostscript would flatten" }
    if source.isTagged { return "the file has tags, which Ghostscript would drop" }
    return source.inventory?.claim.map {
      "the file claims to be \($0), which it would not be after Ghostscript"
    }
  }

  /// How Ghostscript ended, and what it said.
  static func objection(toRun run: Ghostscript.Outcome, limits: Limits) -> String? {
    let said = run.report.map { ", and reported \($0)" } ?? ""
    switch run.end {
    case .status(0): return run.report.map { "Ghostscript reported an error: \($0)" }
    case .status: return "Ghostscript failed: it \(run.end)\(said)"
    case .signal(SIGXCPU):
      return "Ghostscript took too long: more than \(limits.processorSeconds) s of processor time"
    case .signal(SIGXFSZ):
      return "Ghostscript wrote too much: more than \(Format.bytes(limits.fileSize))"
    case .signal: return "Ghostscript failed: it \(run.end)\(said)"
    }
  }

  /// What libqpdf found in the result.
  static func objection(toResult result: Inspection, of source: Inspection) -> String? {
    if let complaint = result.complaint { return "the result is damaged: \(complaint)" }
    guard result.encryption == source.encryption else {
      return "the result is not encrypted as the file is"
    }
    guard result.pageCount == source.pageCount else {
      return "the result has other pages: \(result.pageCount) instead of \(source.pageCount)"
    }
    let different = zip(result.pages, source.pages).enumerated()
      .first { !$0.element.0.isShown(like: $0.element.1) }
    if let different {
      return "a page of the result has another size: page \(different.offset + 1)"
    }
    guard let before = source.inventory, let after = result.inventory else { return nil }
    return after.loss(from: before).map { "the result lost something: \($0)" }
  }

  /// Whether what Ghostscript wrote anew is worth the risk: 78 of 1,308 results of public files saved
  /// less than a tenth, half a percent of all bytes.
  static func objection(toGhostscriptSize result: Int, of source: Int) -> String? {
    10 * result <= 9 * source
      ? nil
      : "the result of Ghostscript is not a tenth smaller: \(Format.count(result)) of "
        + "\(Format.count(source)) bytes"
  }

  /// Last: whether it was worth it.
  static func objection(toSize result: Int, of source: Int) -> String? {
    result < source
      ? nil : "the result is not smaller: \(Format.count(result)) of \(Format.count(source)) bytes"
  }
}
