/// An answer that is no answer to the question about a document, or no answer at all: what a portal or
/// a store says instead, in words that hold for every document alike.
public struct Refusal: Sendable, Equatable {
  /// What is said, without the document: `status 403`, `no answer within 30 s`.
  public var reason: String
  /// What people can do about it, as a sentence; empty where they can only wait.
  public var advice: String
  /// Whether no document can be the reason: nobody listens, or the page that all are looked up on is
  /// not there. As long as nothing was ever good, one such refusal is an outage already.
  public var isNeverTheDocuments: Bool
  /// Whether waiting does not help as long as nothing was ever good: a certificate that nobody vouches
  /// for. The run then ends at once.
  public var isHopeless: Bool
  /// How the run ends where it lasts: ``ExitCode/unavailable``, or ``ExitCode/permission`` where it is
  /// about credentials.
  public var ending: ExitCode

  /// A refusal; without more, one that time may heal.
  public init(
    _ reason: String, advice: String = "", isNeverTheDocuments: Bool = false,
    isHopeless: Bool = false, ending: ExitCode = .unavailable
  ) {
    self.reason = Format.printable(reason)
    self.advice = advice
    self.isNeverTheDocuments = isNeverTheDocuments
    self.isHopeless = isHopeless
    self.ending = ending
  }
}

/// The numbers of an outage.
public struct OutagePolicy: Sendable, Equatable {
  /// So many different documents in a row, with no good answer between, make an outage; 2 at least.
  public var threshold: Int
  /// Seconds to the second try; the distance doubles with each, up to ``longestDistance``.
  public var firstDistance: Double
  /// No two tries are further apart, in seconds.
  public var longestDistance: Double
  /// Seconds after which the run ends.
  public var limit: Double
  /// The same where nothing was ever good in this run: more likely a wrong address than an outage.
  public var limitBeforeAnythingGood: Double

  /// The usual numbers, or others.
  public init(
    threshold: Int = 5, firstDistance: Double = 5, longestDistance: Double = 300,
    limit: Double = 6 * 3600, limitBeforeAnythingGood: Double = 60
  ) {
    self.threshold = max(2, threshold)
    self.firstDistance = max(0, firstDistance)
    self.longestDistance = max(0, longestDistance)
    self.limit = max(0, limit)
    self.limitBeforeAnythingGood = min(max(0, limitBeforeAnythingGood), self.limit)
  }
}
