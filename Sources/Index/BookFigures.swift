/// What the report says of books, summed up from groups of documents that have the same book, status
/// and priority: one reading of the table answers four questions.
struct BookFigures {
  /// Documents that are the same in all that matters here.
  struct Group {
    let book: Int?
    let status: String?
    let priority: Int?
    /// Whether they count by their status: see ``ReportQueries/statusCounts()``.
    let isMeant: Bool
    let count: Int
    let mismatches: Int
  }

  private(set) var status = StatusCounts()
  private var byPriority: [Int: (total: Int, completed: Int, failed: Int)] = [:]
  private var byRange: [Int: (completed: Int, mismatches: Int)] = [:]
  /// In the order of the books.
  private(set) var tallies: [BookTally] = []

  /// Takes a group; those of a book come one after the other, in the order of the books.
  mutating func add(_ group: Group) {
    if group.isMeant { status.add(group.count, status: group.status) }
    let completed = group.status == "completed" ? group.count : 0
    let failed = group.status == "failed" ? group.count : 0
    if let priority = group.priority {
      let sum = byPriority[priority] ?? (0, 0, 0)
      byPriority[priority] = (
        sum.total + group.count, sum.completed + completed, sum.failed + failed
      )
    }
    guard let book = group.book else { return }
    if completed > 0 {
      let sum = byRange[book / 500] ?? (0, 0)
      byRange[book / 500] = (sum.completed + completed, sum.mismatches + group.mismatches)
    }
    let open = failed + (group.status == "pending" ? group.count : 0)
    let last = tallies.last?.book == book ? tallies.popLast() : nil
    tallies.append(
      BookTally(
        book: book, completed: (last?.completed ?? 0) + completed, open: (last?.open ?? 0) + open))
  }

  var range: ClosedRange<Int>? {
    tallies.first.flatMap { first in tallies.last.map { first.book...$0.book } }
  }

  var priorities: [(priority: Int, total: Int, completed: Int, failed: Int)] {
    byPriority.sorted { $0.key < $1.key }.map {
      (
        priority: $0.key, total: $0.value.total, completed: $0.value.completed,
        failed: $0.value.failed
      )
    }
  }

  var mismatches: [(books: ClosedRange<Int>, completed: Int, mismatches: Int)] {
    byRange.sorted { $0.key < $1.key }.map { range, sum in
      (books: range * 500...range * 500 + 499, completed: sum.completed, mismatches: sum.mismatches)
    }
  }
}

extension StatusCounts {
  /// Counts documents under the status that the table has.
  mutating func add(_ count: Int, status: String?) {
    switch status {
    case "pending": pending += count
    case "in_progress": inProgress += count
    case "completed": completed += count
    case "failed": failed += count
    case "skipped": skipped += count
    default: unknown += count
    }
  }
}
