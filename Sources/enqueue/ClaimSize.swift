/// How many documents are claimed at a time: few at first, then twice as many each time, up to a limit.
///
/// A run that ends at once, because it was stopped or killed, has then taken few documents with it.
struct ClaimSize {
  let maximum: Int
  private(set) var next: Int

  init(maximum: Int, first: Int) {
    self.maximum = max(1, maximum)
    next = max(1, min(first, maximum))
  }

  mutating func grow() { next = min(maximum, next * 2) }
}

/// How many quarantined documents are worked on side by side: one, so that a crash names its culprit;
/// more and more, once so many have ended well that the crashes before came from elsewhere.
struct QuarantineWidth {
  /// About as many as a crash takes along of which one is to blame.
  static let trial = 32

  private let maximum: Int
  private var endedWell = 0
  private var last = 0
  private(set) var next = 1

  init(maximum: Int) { self.maximum = max(1, maximum) }

  /// Notes that `count` were claimed: those before them have ended, or there would be none.
  mutating func claimed(_ count: Int) {
    endedWell += last
    last = count
    if endedWell >= Self.trial { next = min(maximum, next * 2) }
  }
}

/// Claims that change nothing although there is something to claim: rows that are locked, hidden, or kept as
/// they are by a trigger.
struct Blockage {
  /// In seconds.
  static let longestPause = 60.0

  private var tries = 0

  /// Whether the last claim was the first that changed nothing: now each document is tried by itself.
  var isSecondTry: Bool { tries == 1 }

  /// Whether it lasts: another run may just have taken what there was.
  var isWorthAWord: Bool { tries > 4 }

  /// Seconds to the next try; twice as many each time.
  mutating func next() -> Double {
    tries += 1
    return min(Self.longestPause, 0.05 * Double(1 << min(tries, 20)))
  }
}
