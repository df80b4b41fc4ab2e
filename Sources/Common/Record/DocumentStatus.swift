/// The status of a document, as the column `download_status` has it. Claims, their partial indexes and
/// the users' own queries know these five words only as they are.
package enum DocumentStatus: Sendable, Hashable {
  /// To be fetched, now or later.
  case pending
  /// A run holds its lease.
  case inProgress
  /// The destination has it.
  case completed
  /// It is not tried again by itself.
  case failed
  /// It is not wanted.
  case skipped
  /// A word that other software wrote; no claim finds such a document.
  case other(String)

  /// The five.
  package static let all: [DocumentStatus] = [.pending, .inProgress, .completed, .failed, .skipped]

  /// The status that a word names, exactly as written.
  package init(_ word: String) { self = Self.all.first { $0.word == word } ?? .other(word) }

  /// The word in the table, in reports and in JSON.
  package var word: String {
    switch self {
    case .pending: "pending"
    case .inProgress: "in_progress"
    case .completed: "completed"
    case .failed: "failed"
    case .skipped: "skipped"
    case .other(let word): word
    }
  }
}

/// How many documents have which status.
package struct StatusCounts: Sendable, Equatable {
  /// To be claimed, now or later.
  package var pending = 0
  /// Held by a run.
  package var inProgress = 0
  /// The destination has them.
  package var completed = 0
  /// They will not be tried again by themselves, and might succeed if they were: without those that
  /// the portal does not have.
  package var failed = 0
  /// The portal was asked and does not have them. The table calls them failed, too.
  package var absent = 0
  /// They are not wanted.
  package var skipped = 0
  /// Their status is none of these: no claim finds them. See ``DocumentStatus/other(_:)``.
  package var unknown = 0

  package init() {}

  /// Those that a stage which tries failed documents again takes.
  package var retriable: Int { failed + absent }

  /// All of them.
  package var total: Int {
    pending + inProgress + completed + failed + absent + skipped + unknown
  }

  /// Counts documents with a status; `isAbsent` for failed ones that the portal does not have.
  package mutating func add(_ count: Int, _ status: DocumentStatus, isAbsent: Bool = false) {
    switch status {
    case .pending: pending += count
    case .inProgress: inProgress += count
    case .completed: completed += count
    case .failed where isAbsent: absent += count
    case .failed: failed += count
    case .skipped: skipped += count
    case .other: unknown += count
    }
  }

  /// The name of failed documents that the portal does not have, in reports and in JSON.
  package static let absentWord = "absent"

  /// All counts with their names, without the total.
  package var named: [(name: String, count: Int)] {
    [
      (DocumentStatus.pending.word, pending), (DocumentStatus.inProgress.word, inProgress),
      (DocumentStatus.completed.word, completed), (DocumentStatus.failed.word, failed),
      (Self.absentWord, absent), (DocumentStatus.skipped.word, skipped), ("unknown", unknown),
    ]
  }
}
