/// How much per hour (documents, bytes) was done in the last minute. Pure: time is given.
public struct RateWindow: Sendable {
  /// Length of the window, in seconds.
  static let length = 60.0
  /// Before so many seconds a rate would only be noise.
  static let shortest = 5.0

  private var samples: [(time: Double, count: Int)] = [(0, 0)]

  /// A window that begins at time 0 with nothing done.
  public init() {}

  /// Takes a count at a time in seconds, later than those before. Samples less than a second apart
  /// are dropped.
  public mutating func add(_ count: Int, at time: Double) {
    if let last = samples.last, time - last.time < 1 { return }
    samples.append((time, count))
    forget(before: time)
  }

  /// The rate per hour until now; `nil` as long as it would be noise.
  public mutating func rate(_ count: Int, at time: Double) -> Double? {
    forget(before: time)
    guard let first = samples.first, time - first.time >= Self.shortest else { return nil }
    return Double(count - first.count) / (time - first.time) * 3600
  }

  /// One sample as old as the window stays, so that the window is a whole one.
  private mutating func forget(before time: Double) {
    while samples.count > 1, samples[1].time <= time - Self.length { samples.removeFirst() }
  }
}
