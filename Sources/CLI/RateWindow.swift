/// How much per hour (documents, bytes) was done in the last minute. Pure: time is given.
public struct RateWindow: Sendable {
  /// Length of the window, in seconds.
  static let length = 60.0
  /// Before so many seconds a rate would only be noise.
  static let shortest = 5.0

  /// A window that has seen nothing yet.
  public init() {}

  private var samples: [(time: Double, count: Int)] = []

  /// Takes a count at a time in seconds, later than those before.
  public mutating func add(_ count: Int, at time: Double) {
    if let last = samples.last, time - last.time < 1 { return }
    samples.append((time, count))
    // One sample older than the window stays, so that the window is a whole one.
    while samples.count > 2, samples[1].time <= time - Self.length { samples.removeFirst() }
  }

  /// The rate per hour until now; `nil` while there is none that means something.
  public func rate(_ count: Int, at time: Double) -> Double? {
    guard let first = samples.first, time - first.time >= Self.shortest else { return nil }
    return Double(count - first.count) / (time - first.time) * 3600
  }
}
