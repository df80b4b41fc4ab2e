import Common

/// Which documents of the index a stage is about. Every condition that is set must hold.
public struct Selection: Sendable, Equatable {
  /// Ids, as the index has them; `nil` for all documents.
  public var ids: [Int]?
  /// Book ranges, both ends included; empty for all books.
  public var books: [ClosedRange<Int>] = []
  /// Values of `instrument_type_parsed`, matched exactly; empty for all types.
  public var types: [String] = []
  /// Values of `download_priority`; empty for all.
  public var priorities: [Int] = []
  /// Values of `source`; empty for all.
  public var sources: [String] = []
  /// The first `file_date`; `nil` for no bound. A document without a date is outside of any bound.
  public var since: Day?
  /// The last `file_date`, itself included; `nil` for no bound.
  public var until: Day?
  /// Whether documents that failed are tried again (attempts counted from 0) instead of those that
  /// are pending.
  public var retriesFailed = false
  /// Of those that failed, the ones whose error is of these classes; empty for all.
  public var errorClasses: [String] = []
  /// At most so many documents in one run.
  public var limit: Int?
  /// Whether the limit is taken in equal parts from each of the book ranges.
  public var spreads = false

  /// The parts that a selection which spreads its limit consists of, each with its own; none for others.
  public var parts: [Selection] {
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
  public static let unclassified = "unclassified"

  /// Everything that is pending.
  public init() {}

  /// The class of errors that a text names, if it does.
  public static func errorClass(_ text: String) -> String? {
    text == unclassified ? text : ErrorClass(rawValue: text)?.rawValue
  }

  /// What ``errorClass(_:)`` knows, for people.
  public static let errorClassNames =
    (ErrorClass.allCases.map(\.rawValue) + [unclassified]).joined(separator: ", ")
}
