/// Which documents of the index a stage is about. Every condition that is set must hold.
public struct Selection: Sendable, Equatable {
  /// Book ranges, both ends included; empty for all books.
  public var books: [ClosedRange<Int>] = []
  /// Values of `instrument_type_parsed`, matched exactly; empty for all types.
  public var types: [String] = []
  /// Values of `download_priority`; empty for all.
  public var priorities: [Int] = []
  /// Values of `source`; empty for all.
  public var sources: [String] = []
  /// Whether documents that failed are tried again (attempts counted from 0) instead of those that
  /// are pending.
  public var retriesFailed = false
  /// At most so many documents in one run.
  public var limit: Int?

  /// Everything that is pending.
  public init() {}
}
