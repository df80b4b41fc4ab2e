import Common

/// What the report shows. Rows are in the order to be shown.
package struct Report: Sendable {
  package var status = StatusCounts()
  /// Documents by priority; those without one are counted together.
  package var priorities: [PriorityStatistics] = []
  /// Documents by instrument type, those with most first; bytes as in ``originalBytes``.
  package var types: [TypeStatistics] = []
  /// Completed documents by what `optimize` did; empty where it did nothing.
  package var optimizations: [OptimizationFigures] = []
  /// Completed in the last hour.
  package var completedLastHour = 0
  /// Completed in the last day.
  package var completedLastDay = 0
  /// Completed in the last six hours; the estimate of the end follows from it.
  package var completedLastSixHours = 0
  /// Seconds between the first and the last completion of the last six hours.
  package var secondsOfLastSixHours = 0.0
  /// Hours in which documents were completed, counted from 1970 by the clock that wrote
  /// `downloaded_at`, and how many were. Their sum and ``completedAtUnknownTime`` are all that is
  /// completed.
  package var hours: [(hour: Int, completed: Int)] = []
  /// Completed documents whose `downloaded_at` is null or no time.
  package var completedAtUnknownTime = 0
  /// The time zone of `downloaded_at`, as the database names it.
  package var timeZone = "UTC"
  /// Failed documents, and pending ones that have an error, by the error's class, most frequent first,
  /// with an example message; absent ones are no errors.
  package var errors: [ErrorStatistics] = []
  /// Ranges of books with pending or failed documents and nothing completed.
  package var gaps: [ClosedRange<Int>] = []
  /// From the first book to the last; `nil` where there are no documents.
  package var books: ClosedRange<Int>?
  /// Completed documents and mismatches by range of 500 books; `nil` for those without a book.
  package var mismatches: [(books: ClosedRange<Int>?, completed: Int, mismatches: Int)] = []

  /// Bytes before optimizing, of all completed documents that have both sizes.
  package var originalBytes: Int { types.reduce(0) { $0.addingClamped($1.originalBytes) } }
  /// Bytes at the destination of the same documents.
  package var optimizedBytes: Int { types.reduce(0) { $0.addingClamped($1.storedBytes) } }

  /// Completed documents of which one of the two sizes is not known, and which no sum of bytes has.
  package var completedWithoutSizes: Int { types.reduce(0) { $0 + $1.completed - $1.measured } }

  package init() {}
}

/// What the index has of one instrument type.
package struct TypeStatistics: Sendable, Equatable {
  /// As the index has it; empty where it has none.
  package var type: String
  package var total: Int
  /// Those that the destination has.
  package var completed: Int
  /// Those that failed, but for the absent ones.
  package var failed: Int
  /// Those that the portal does not have.
  package var absent: Int
  /// Completed ones that have both sizes.
  package var measured: Int
  /// Bytes before optimizing, of completed documents that have both sizes.
  package var originalBytes: Int
  /// Bytes at the destination of the same documents.
  package var storedBytes: Int

  /// The figures of `type`.
  package init(
    type: String, total: Int, completed: Int, failed: Int, absent: Int = 0, measured: Int,
    originalBytes: Int, storedBytes: Int
  ) {
    self.type = type
    self.total = total
    self.completed = completed
    self.failed = failed
    self.absent = absent
    self.measured = measured
    self.originalBytes = originalBytes
    self.storedBytes = storedBytes
  }
}

/// What the index has of one class of errors.
package struct ErrorStatistics: Sendable, Equatable {
  /// The class, as the index has it.
  package let kind: String
  /// The most frequent message.
  package let message: String
  package let count: Int
  /// The id of a document with that message.
  package let example: Int?

  /// So many documents of a class.
  package init(kind: String, message: String, count: Int, example: Int? = nil) {
    (self.kind, self.message, self.count, self.example) = (kind, message, count, example)
  }
}
