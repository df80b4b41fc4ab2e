/// What the report shows. Rows are in the order to be shown.
public struct Report: Sendable {
  /// Documents by status.
  public var status = StatusCounts()
  /// Documents and completed ones by priority.
  public var priorities: [(priority: Int, total: Int, completed: Int, failed: Int)] = []
  /// Documents by instrument type, those with most first; bytes as in ``originalBytes``.
  public var types: [TypeFigures] = []
  /// Completed in the last hour.
  public var completedLastHour = 0
  /// Completed in the last day.
  public var completedLastDay = 0
  /// Completed in the last six hours; the estimate of the end follows from it.
  public var completedLastSixHours = 0
  /// Seconds between the first and the last completion of the last six hours.
  public var secondsOfLastSixHours = 0.0
  /// Hours in which documents were completed, counted from 1970 by the clock that wrote
  /// `downloaded_at`, and how many were.
  public var hours: [(hour: Int, completed: Int)] = []
  /// Documents with errors by class, most frequent first, with an example message.
  public var errors: [(kind: String, message: String, count: Int)] = []
  /// Ranges of books with pending or failed documents and nothing completed.
  public var gaps: [ClosedRange<Int>] = []
  /// From the first book to the last; `nil` where there are no documents.
  public var books: ClosedRange<Int>?
  /// Completed documents and mismatches by range of 500 books.
  public var mismatches: [(books: ClosedRange<Int>, completed: Int, mismatches: Int)] = []

  /// Bytes before optimizing, of all completed documents that have both sizes.
  public var originalBytes: Int { types.reduce(0) { $0 + $1.originalBytes } }
  /// Bytes at the destination of the same documents.
  public var optimizedBytes: Int { types.reduce(0) { $0 + $1.storedBytes } }

  /// An empty report.
  public init() {}
}

/// What the index has of one instrument type.
public struct TypeFigures: Sendable, Equatable {
  /// As the index has it; empty where it has none.
  public var type: String
  /// Documents of any status.
  public var total: Int
  /// Those that the destination has.
  public var completed: Int
  /// Those that failed.
  public var failed: Int
  /// Bytes before optimizing, of completed documents that have both sizes.
  public var originalBytes: Int
  /// Bytes at the destination of the same documents.
  public var storedBytes: Int

  /// The figures of `type`.
  public init(
    type: String, total: Int, completed: Int, failed: Int, originalBytes: Int, storedBytes: Int
  ) {
    self.type = type
    self.total = total
    self.completed = completed
    self.failed = failed
    self.originalBytes = originalBytes
    self.storedBytes = storedBytes
  }
}
