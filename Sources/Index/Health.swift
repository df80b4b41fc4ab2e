/// How a run fares now.
public struct Health: Sendable {
  /// So many outcomes say how well it goes.
  public static let window = 1000

  /// In progress, and somebody may be working on it.
  public var inProgress = 0
  /// In progress, but nobody works on it any more: the lease has run out, or older software left it
  /// for over 30 minutes.
  public var stale = 0
  /// Of the last ``window`` documents that were completed, failed or absent: completed.
  public var recentCompleted = 0
  /// Of the same: failed, but for the absent ones.
  public var recentFailed = 0
  /// Of the same: the portal does not have them, which is an answer and no trouble.
  public var recentAbsent = 0
  /// Pending, and lost with their worker so often that they are worked on alone.
  public var quarantined = 0
  /// Completed in the last hour.
  public var completedLastHour = 0
  /// Seconds since the last completion; `nil` where there is none.
  public var secondsSinceCompletion: Double?
  /// Errors of the last hour by class, most frequent first, with an example message.
  public var errors: [(kind: String, message: String, count: Int)] = []

  /// Nothing happens.
  public init() {}
}

/// A completed document whose book or page is another at the portal.
public struct Mismatch: Sendable, Equatable {
  /// The document.
  public let id: Int
  /// The county's number for it.
  public let instrumentNumber: Int?
  /// The index's book.
  public let book: Int
  /// The index's page.
  public let page: Int
  /// The portal's book.
  public let actualBook: Int?
  /// The portal's page.
  public let actualPage: Int?
  /// The instrument type, as the index has it.
  public let type: String?
}
