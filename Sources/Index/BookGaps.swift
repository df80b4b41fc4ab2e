/// What the index has of one book.
struct BookTally: Sendable, Equatable {
  let book: Int
  let completed: Int
  /// Pending or failed.
  let open: Int
}

extension BookTally {
  /// Ranges of books in which nothing is completed and something should be. Books that the index
  /// does not know neither make a gap nor end one. `tallies` are in the order of their books.
  static func gaps(_ tallies: [BookTally]) -> [ClosedRange<Int>] {
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
