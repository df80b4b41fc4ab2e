import Common

/// What a host can be expected to do in each half hour of a working day and of a day of the weekend, learnt from
/// samples. Pure.
///
/// It knows two limits. The delay lets a request start each d seconds, which by Little's law keep ⌈s ÷ d⌉ workers busy
/// where an answer takes s; one more makes up for what differs. And the portal gives c good answers a second at most,
/// for which ⌈1.15 c s⌉ workers are enough. c is known only of half hours in which answers were slow or refused while
/// fewer requests began than the delay permits: where a portal took all that it was asked, what it can do is not known.
struct HostModel: Sendable {
  /// A half hour of the past, by the clock of the place.
  struct Cell: Sendable {
    let slot: Slot
    /// Its first sample, in nanoseconds since 1970.
    let began: Int64
    /// Seconds in which the host was looked at: those of several processes at a time count once.
    let seconds: Double
    let (completed, documents): (Int, Int)
    /// Good answers a second, and those of its best windows.
    let (rate, peak): (Double, Double)
    /// Mean seconds of an answer; `nil` where none came.
    let latency: Double?
    /// The share of requests that were refused or broke off.
    let dropped: Double
    let (workers, delay): (Double, Double)
    /// Whether a request began at nearly each delay.
    let isPaced: Bool
  }

  /// A half hour, numbered from midnight, of a kind of day.
  struct Slot: Sendable, Hashable {
    let isWeekend: Bool
    let half: Int

    /// Of a time, in seconds of the clock of the place since 1970 (a Thursday).
    init(local seconds: Int) {
      let halves = seconds.flooredDivision(by: 1800)
      half = halves - halves.flooredDivision(by: 48) * 48
      let weekday = (halves.flooredDivision(by: 48) % 7 + 11) % 7
      isWeekend = weekday == 6 || weekday == 0
    }
  }

  /// What limits a host.
  enum Limit: String, Sendable { case delay, portal, unknown }

  struct Expectation: Sendable, Equatable {
    /// Workers that are enough, and what an answer takes with them, in seconds.
    let workers: Int
    let latency: Double
    /// Good answers a second.
    let rate: Double
    let limit: Limit
  }

  let delay: Double
  /// Good answers for each document that is done.
  let requestsPerDocument: Double
  private let cells: [Cell]
  /// What an answer takes where few ask.
  private let base: Double

  /// Requests from which a half hour counts more by itself than what its whole day is like: the mean of so many
  /// answers that differ as much as their mean is true to a fourteenth.
  private static let enough = 200.0
  /// From this share of the starts that a delay permits, it is the delay that limits.
  fileprivate static let paced = 0.9
  /// Slower than this, as a multiple of `base`, or with more drops, a portal does what it can.
  private static let crowded = (latency: 1.2, dropped: 0.005)
  /// What answers take is known to some percent: ⌈8.01⌉ would be one more than ⌈7.99⌉.
  private static let tolerance = 0.97
  /// Less than this share of the time of its workers, and a pipeline waits for something else.
  private static let busy = 0.7

  /// `delay` is that of the time to come. `nil` without an answer.
  init?(_ cells: [Cell], delay: Double) {
    let answered = cells.compactMap { cell in
      cell.latency.map { (value: $0, weight: Double(cell.completed)) }
    }
    guard let base = Quantile.weighted(answered, 0.1) else { return nil }
    let (completed, documents) = cells.reduce((0, 0)) { ($0.0 + $1.completed, $0.1 + $1.documents) }
    (self.cells, self.delay, self.base) = (cells, delay, base)
    requestsPerDocument =
      documents > 0 ? max(1, Double(completed) / Double(documents)) : 1
  }

  private func isCrowded(_ cell: Cell) -> Bool {
    guard !cell.isPaced else { return false }
    return (cell.latency ?? 0) > Self.crowded.latency * base
      || cell.dropped > Self.crowded.dropped
  }

  func expectation(in slot: Slot) -> Expectation {
    let own = cells.filter { $0.slot == slot && $0.latency != nil }
    let kind = cells.filter { $0.slot.isWeekend == slot.isWeekend && $0.latency != nil }
    let all = kind.isEmpty ? cells.filter { $0.latency != nil } : kind
    let known = Double(own.reduce(0) { $0 + $1.completed })
    /// Days differ, and one of them may be a holiday: the median of this half hour, shrunk towards the mean of all.
    func estimate(_ value: (Cell) -> Double?) -> Double? {
      func pairs(_ cells: [Cell]) -> [(value: Double, weight: Double)] {
        cells.compactMap { cell in value(cell).map { ($0, cell.seconds) } }
      }
      let whole = pairs(all)
      guard !whole.isEmpty else { return nil }
      let weight = whole.reduce(0) { $0 + $1.weight }
      let mean = whole.reduce(0) { $0 + $1.value * $1.weight } / weight
      guard let median = Quantile.weighted(pairs(own), 0.5) else { return mean }
      return (known * median + Self.enough * mean) / (known + Self.enough)
    }
    let crowds = own.isEmpty ? all : own
    let crowdedTime = crowds.filter(isCrowded).reduce(0) { $0 + $1.seconds }
    let isCrowded = crowdedTime > crowds.reduce(0) { $0 + $1.seconds } / 2
    let latency = isCrowded ? base : estimate(\.latency) ?? base
    let capacity = isCrowded ? estimate { self.isCrowded($0) ? $0.peak : nil } : nil
    let byDelay =
      delay > 0
      ? Int(nearest: (Self.tolerance * latency / delay).rounded(.up)).addingClamped(1) : nil
    let byPortal = capacity.map { max(1, Int(nearest: (1.15 * $0 * latency).rounded(.up))) }
    let used = max(1, Int(nearest: (estimate(\.workers) ?? 1).rounded()))
    let workers = [byDelay, byPortal].compactMap(\.self).min() ?? used
    let rate = estimate { self.rate(of: $0, workers: workers) } ?? 0
    let limit: Limit =
      byPortal.map { $0 < byDelay ?? .max } ?? false ? .portal : byDelay == nil ? .unknown : .delay
    return Expectation(
      workers: workers, latency: latency,
      rate: delay > 0 ? min(rate, 1 / delay) : rate, limit: limit)
  }

  /// Good answers a second that a half hour like a past one brings with `workers` and the delay of today.
  private func rate(of cell: Cell, workers: Int) -> Double {
    let latency = cell.latency ?? base
    if isCrowded(cell) || delay == 0 { return cell.rate }
    if cell.isPaced { return cell.rate * cell.delay / delay }
    // Its workers did all they could, and were too few; else something besides the portal was slow.
    let isBusy = cell.rate * latency >= Self.busy * cell.workers
    return isBusy ? min(1 / delay, Double(workers) / latency) : cell.rate
  }
}

extension HostModel.Cell {
  /// Samples of one host as half hours. `offset` is what the clock of the place is ahead of UTC at a time (seconds
  /// since 1970), in seconds.
  static func all(_ samples: [WindowSample], offset: (Int) -> Int) -> [Self] {
    let halves = Dictionary(grouping: samples) { sample in
      let middle = Int(sample.at / 1_000_000_000) - Int(sample.seconds / 2)
      return (middle + offset(middle)).flooredDivision(by: 1800)
    }
    return halves.map { half, samples in Self(samples, .init(local: half * 1800)) }
      .sorted { $0.began < $1.began }
  }

  private init(_ samples: [WindowSample], _ slot: HostModel.Slot) {
    self.slot = slot
    let spans = samples.map { (from: $0.at - Int64($0.seconds * 1e9), to: $0.at) }
      .sorted { $0.from < $1.from }
    began = spans.first?.from ?? 0
    var (end, covered) = (Int64.min, Int64(0))
    for span in spans where span.to > end {
      covered += span.to - max(span.from, end)
      end = span.to
    }
    let seconds = max(0.1, Double(covered) / 1e9)
    let whole = max(0.1, samples.reduce(0) { $0 + $1.seconds })
    func sum(_ value: (WindowSample) -> Double) -> Double { samples.reduce(0) { $0 + value($1) } }
    let (completed, started) = (sum { Double($0.completed) }, sum { Double($0.started) })
    let dropped = sum { Double($0.refused + $0.broken) }
    let delay = sum { $0.delay * $0.seconds } / whole
    let rates = samples.map { Double($0.completed) / $0.seconds }.sorted()
    self.seconds = seconds
    self.completed = Int(completed)
    documents = samples.reduce(0) { $0 + $1.documents }
    rate = completed / seconds
    // As many processes as their windows overlap.
    peak = Quantile.of(rates, 0.9) * whole / seconds
    latency = completed > 0 ? sum { Double($0.completed) * $0.mean } / completed : nil
    self.dropped = dropped / max(1, completed + dropped)
    workers = sum { Double($0.workers) * $0.seconds } / seconds
    self.delay = delay
    isPaced = delay > 0 && started * delay >= HostModel.paced * seconds
  }
}

extension Int {
  /// Rounded down, for negative numbers, too.
  fileprivate func flooredDivision(by divisor: Int) -> Int {
    self / divisor - (self % divisor < 0 ? 1 : 0)
  }
}
