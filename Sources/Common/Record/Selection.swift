/// Which documents of the index a stage is about. Every condition that is set must hold.
package struct Selection: Sendable, Equatable {
  /// Ids, as the index has them; `nil` for all documents.
  package var ids: [Int]?
  /// Book ranges, both ends included; empty for all books.
  package var books: [ClosedRange<Int>] = []
  /// Values of `instrument_type_parsed`, matched exactly; empty for all types.
  package var types: [String] = []
  /// Values of `instrument_type_parsed` that are left out; a document without a type is not.
  package var excludedTypes: [String] = []
  /// Values of `download_priority`; empty for all.
  package var priorities: [Int] = []
  /// Values of `source`; empty for all.
  package var sources: [String] = []
  /// The first `file_date`; `nil` for no bound. A document without a date is outside of any bound.
  package var since: Day?
  /// The last `file_date`, itself included; `nil` for no bound.
  package var until: Day?
  /// Whether documents that failed are tried again (attempts counted from 0) instead of those that
  /// are pending.
  package var retriesFailed = false
  /// Of those that failed, the ones whose error is of these classes; empty for all.
  package var errorClasses: [String] = []
  /// Whether skipped documents are tried again with the failed ones: where somebody named them one by one.
  package var includesSkipped = false
  /// At most so many documents in one run.
  package var limit: Int?
  /// Whether the limit is taken in equal parts from each of the book ranges.
  package var spreads = false

  /// The parts that a selection which spreads its limit consists of, each with its own; none for others.
  package var parts: [Selection] {
    guard spreads, let limit, books.count > 1 else { return [] }
    return books.enumerated().map { number, range in
      var part = self
      part.books = [range]
      part.limit = limit / books.count + (number < limit % books.count ? 1 : 0)
      part.spreads = false
      return part
    }
  }

  /// What `errorClasses` calls the errors of rows that older software wrote, without a class.
  package static let unclassified = "unclassified"

  package init() {}

  /// The class of errors that a text names, if it does.
  package static func errorClass(_ text: String) -> String? {
    text == unclassified ? text : ErrorClass(rawValue: text)?.rawValue
  }

  /// What ``errorClass(_:)`` knows, for people.
  package static let errorClassNames =
    (ErrorClass.allCases.map(\.rawValue) + [unclassified]).joined(separator: ", ")
}
