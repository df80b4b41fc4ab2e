import Common

/// What the report says of books, summed up from groups of documents that have the same book, status
/// and priority: one reading of the table answers four questions.
struct BookStatistics {
  /// Documents that are the same in all that matters here.
  struct Group {
    let book: Int?
    let status: DocumentStatus
    let priority: Int?
    /// Failed, because the portal does not have them.
    let isAbsent: Bool
    /// Whether they count by their status: see ``ReportQueries/statusCounts()``.
    let isMeant: Bool
    let count: Int
    let mismatches: Int
  }

  private(set) var status = StatusCounts()
  private var byPriority: [Int?: PriorityStatistics] = [:]
  private var byRange: [Int?: (completed: Int, mismatches: Int)] = [:]
  /// In the order of the books.
  private(set) var tallies: [BookCollector] = []

  /// Takes a group; those of a book come one after the other, in the order of the books.
  mutating func add(_ group: Group) {
    if group.isMeant {
      status.add(group.count, group.status, isAbsent: group.isAbsent)
    }
    let completed = group.status == .completed ? group.count : 0
    let failed = group.status == .failed ? group.count : 0
    byPriority[group.priority, default: PriorityStatistics(priority: group.priority)]
      .add(total: group.count, completed: completed, failed: failed, isAbsent: group.isAbsent)
    if completed > 0 {
      let range = group.book.map { $0 / 500 }
      let sum = byRange[range] ?? (0, 0)
      byRange[range] = (sum.completed + completed, sum.mismatches + group.mismatches)
    }
    guard let book = group.book else { return }
    let open = failed + (group.status == .pending ? group.count : 0)
    let last = tallies.last?.book == book ? tallies.popLast() : nil
    tallies.append(
      BookCollector(
        book: book, completed: (last?.completed ?? 0) + completed, open: (last?.open ?? 0) + open))
  }

  var range: ClosedRange<Int>? {
    tallies.first.flatMap { first in tallies.last.map { first.book...$0.book } }
  }

  /// In the order of their numbers, documents without a priority last.
  var priorities: [PriorityStatistics] {
    byPriority.values.sorted { ($0.priority ?? .max) < ($1.priority ?? .max) }
  }

  /// In the order of the books, documents without a book last.
  var mismatches: [(books: ClosedRange<Int>?, completed: Int, mismatches: Int)] {
    byRange.sorted { ($0.key ?? .max) < ($1.key ?? .max) }.map { range, sum in
      (
        books: range.map { $0 * 500...($0 * 500).addingClamped(499) }, completed: sum.completed,
        mismatches: sum.mismatches
      )
    }
  }
}

/// What the index has of one priority.
package struct PriorityStatistics: Sendable, Equatable {
  /// `nil` for documents that have none.
  package let priority: Int?
  package var total = 0
  /// Those that the destination has.
  package var completed = 0
  /// Those that failed, but for the absent ones.
  package var failed = 0
  /// Those that the portal does not have.
  package var absent = 0

  /// Nothing of `priority` so far.
  package init(priority: Int?, total: Int = 0, completed: Int = 0, failed: Int = 0, absent: Int = 0)
  {
    self.priority = priority
    self.total = total
    self.completed = completed
    self.failed = failed
    self.absent = absent
  }

  mutating func add(total: Int, completed: Int, failed: Int, isAbsent: Bool) {
    self.total += total
    self.completed += completed
    if isAbsent { absent += failed } else { self.failed += failed }
  }
}

/// What the index has of one book.
struct BookCollector: Sendable, Equatable {
  let book: Int
  let completed: Int
  /// Pending or failed.
  let open: Int
}

extension BookCollector {
  /// Ranges of books in which nothing is completed and something should be. Books that the index
  /// does not know neither make a gap nor end one. `tallies` are in the order of their books.
  static func gaps(_ tallies: [BookCollector]) -> [ClosedRange<Int>] {
    var gaps: [ClosedRange<Int>] = []
    var isOpen = false
    for tally in tallies {
      let isGap = tally.completed == 0 && tally.open > 0
      if isGap, isOpen, let last = gaps.popLast() {
        gaps.append(last.lowerBound...tally.book)
      } else if isGap {
        gaps.append(tally.book...tally.book)
      }
      isOpen = isGap
    }
    return gaps
  }
}
