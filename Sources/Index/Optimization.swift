import Common

/// What `optimize` did to a completed document, as the index keeps it.
package struct Optimization: Sendable, Equatable {
  /// What became of the document: a closed set.
  package enum Outcome: String, Sendable, CaseIterable {
    /// Its images were rewritten.
    case images
    /// Ghostscript wrote it anew.
    case ghostscript
    /// Damage was repaired, and its images were rewritten.
    case repaired
    /// It stayed as it was.
    case kept
  }

  package var outcome: Outcome
  /// Why it was kept, or why a result that might have been smaller was rejected: a ``RejectionReason``,
  /// or ``RejectionReason/other``.
  package var reason: String?
  /// Size of a result that was rejected and is smaller than what was stored, in bytes.
  package var rejectedBytes: Int?

  /// What became of a document.
  package init(_ outcome: Outcome, reason: String? = nil, rejectedBytes: Int? = nil) {
    self.outcome = outcome
    self.reason = reason
    self.rejectedBytes = rejectedBytes
  }

  /// What a record says; `nil` where it says nothing, or names a program that is not known.
  package init?(_ record: DocumentRecord) {
    guard let result = record.optimize, let method = result.method else { return nil }
    switch method.split(separator: "/").first {
    case OptimizeResult.original[...]: outcome = .kept
    case "ghostscript": outcome = .ghostscript
    case "images": outcome = result.isRepaired ? .repaired : .images
    default: return nil
    }
    reason = (result.reason ?? result.rejectedReason).map(Self.known)
    if let bytes = result.rejectedBytes, bytes >= 0, bytes < result.bytes ?? 0 {
      rejectedBytes = bytes
    }
  }

  /// A reason of the closed set.
  static func known(_ reason: String) -> String {
    RejectionReason(rawValue: reason)?.rawValue ?? RejectionReason.other
  }
}

/// The completed documents of which `optimize` said the same.
package struct OptimizationFigures: Sendable, Equatable {
  /// `nil` where the index does not know: older records, or no `optimize` in the pipeline.
  package var outcome: Optimization.Outcome?
  /// See ``Optimization/reason``.
  package var reason: String?
  package var documents = 0
  /// Bytes before optimizing, of those that have both sizes.
  package var originalBytes = 0
  /// Bytes at the destination of the same documents.
  package var storedBytes = 0
  /// Bytes that rejected results would have saved besides.
  package var rejectedSaving = 0

  /// No documents of an outcome.
  package init(_ outcome: Optimization.Outcome?, reason: String? = nil) {
    self.outcome = outcome
    self.reason = reason
  }
}

extension [OptimizationFigures] {
  /// Adds documents to those of the same outcome and reason.
  mutating func add(_ figures: OptimizationFigures) {
    let isSame = { (other: OptimizationFigures) in
      other.outcome == figures.outcome && other.reason == figures.reason
    }
    guard let index = firstIndex(where: isSame) else { return append(figures) }
    self[index].documents = self[index].documents.addingClamped(figures.documents)
    self[index].originalBytes = self[index].originalBytes.addingClamped(figures.originalBytes)
    self[index].storedBytes = self[index].storedBytes.addingClamped(figures.storedBytes)
    self[index].rejectedSaving = self[index].rejectedSaving.addingClamped(figures.rejectedSaving)
  }

  /// By outcome, then most documents first; nothing where nothing was optimized.
  var ordered: [OptimizationFigures] {
    guard contains(where: { $0.outcome != nil }) else { return [] }
    let order = Optimization.Outcome.allCases
    func rank(_ figures: OptimizationFigures) -> Int {
      figures.outcome.flatMap { order.firstIndex(of: $0) } ?? order.count
    }
    return sorted {
      (rank($0), -$0.documents, $0.reason ?? "") < (rank($1), -$1.documents, $1.reason ?? "")
    }
  }
}
