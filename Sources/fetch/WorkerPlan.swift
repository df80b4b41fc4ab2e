import Common
import Limiter

/// What a run can expect of the hosts that it asks: workers, documents an hour, its end, and how right such a forecast
/// was for the last days. Pure.
struct WorkerPlan: Sendable {
  /// A host that will be asked.
  struct Asked: Sendable, Equatable {
    let name: String
    /// Seconds between two requests; `nil` for what it was last.
    var delay: Double?
    var steering = Steering()
  }

  /// What is expected of an hour, in documents.
  struct Hour: Sendable {
    /// In seconds since 1970.
    let began: Int
    let workers: Int
    let documents: Double
    let band: ClosedRange<Double>
  }

  /// A forecast for the last day, made of what was known before it.
  struct BackTest: Sendable {
    /// Documents.
    let (predicted, measured): (Double, Double)
    /// By half hours, as a share of what was measured.
    let meanAbsoluteError: Double
  }

  struct Host: Sendable {
    let name: String
    let model: HostModel
    let now: HostModel.Expectation
    /// The coming day.
    let hours: [Hour]
    /// The most workers of any of them.
    let most: Int
    let backTest: BackTest?
    /// Seconds in which it was looked at.
    let observed: Double
    /// Documents that it had of all that the samples know.
    let share: Double
  }

  /// When everything is done, in seconds since 1970; `nil` for what is more than a year away.
  struct End: Sendable, Equatable {
    let (earliest, expected, latest): (Int?, Int?, Int?)
  }

  private static let day = 86_400
  private static let year = 366 * day
  /// What is assumed of errors that cannot be measured yet.
  private static let unmeasured = 0.75...1.25
  /// A host has to have been looked at for so many seconds.
  private static let least = 60.0

  let hosts: [Host]
  let documents: Int?
  let end: End?

  /// `offset` is what the clock of the place is ahead of UTC at a time (seconds since 1970), in seconds. Hosts without
  /// enough samples are left out; with no `asked`, all that have some are taken.
  init(
    _ samples: [WindowSample], asked: [Asked], documents: Int? = nil, now: Int,
    offset: @escaping (Int) -> Int
  ) {
    // A clock that was set has left some in the future; what is older than four weeks is another portal.
    let recent = samples.filter { ((now - 28 * Self.day)...(now + 600)).contains($0.second) }
    let byHost = Dictionary(grouping: recent, by: \.host)
    let asked = asked.isEmpty ? byHost.keys.sorted().map { Asked(name: $0) } : asked
    let known = asked.compactMap { one -> (Asked, HostModel, [HostModel.Cell], Errors)? in
      guard let own = byHost[one.name]?.sorted(by: { $0.at < $1.at }), let last = own.last else {
        return nil
      }
      let delay = one.steering.delay ?? one.delay ?? last.delay
      let cells = HostModel.Cell.all(own, offset: offset)
      guard cells.reduce(0, { $0 + $1.seconds }) >= Self.least,
        let model = HostModel(cells, delay: delay)
      else { return nil }
      return (one, model, cells, Errors(cells, until: last.at))
    }
    let all = known.reduce(0) { $0 + $1.2.reduce(0) { $0 + $1.documents } }
    var earliest: [Int?] = []
    var expected: [Int?] = []
    var latest: [Int?] = []
    hosts = known.map { asked, model, cells, errors in
      let table = Table(model, asked, offset)
      let own = cells.reduce(0) { $0 + $1.documents }
      let share = all > 0 ? Double(own) / Double(all) : 1 / Double(known.count)
      if let documents {
        let todo = Double(documents) * share
        earliest.append(table.end(of: todo, from: now, errors.days.upperBound))
        expected.append(table.end(of: todo, from: now, 1))
        latest.append(table.end(of: todo, from: now, errors.days.lowerBound))
      }
      let first = now - (now + offset(now)) % 3600
      let hours = (0..<24).map { table.hour(first + $0 * 3600, errors.halves) }
      let expectation = table.expectation(at: now)
      return Host(
        name: asked.name, model: model, now: expectation, hours: hours,
        most: max(expectation.workers, hours.map(\.workers).max() ?? 0), backTest: errors.lastDay,
        observed: cells.reduce(0) { $0 + $1.seconds }, share: share)
    }
    self.documents = documents
    func last(_ ends: [Int?]) -> Int? {
      ends.contains { $0 == nil } ? nil : ends.compactMap(\.self).max()
    }
    end =
      documents == nil || hosts.isEmpty
      ? nil : End(earliest: last(earliest), expected: last(expected), latest: last(latest))
  }

  /// Where `--workers auto` begins, and how far it goes at most: twice what was ever enough leaves room for a portal
  /// that is slower than it was. No end where nothing limited it yet. `nil` where too little is known.
  var bounds: (start: Int, ceiling: Int?)? {
    guard !hosts.isEmpty, hosts.allSatisfy({ $0.observed >= 600 }) else { return nil }
    let isKnown = hosts.allSatisfy { $0.now.limit != .unknown }
    return (
      hosts.reduce(0) { $0.addingClamped($1.now.workers) },
      isKnown ? hosts.reduce(0) { $0.addingClamped($1.most.multipliedClamped(by: 2)) } : nil
    )
  }

  /// What a model says of times to come; of each of the 96 half hours once.
  private final class Table {
    private let model: HostModel
    private let asked: Asked
    private let offset: (Int) -> Int
    private var known: [HostModel.Slot: HostModel.Expectation] = [:]

    init(_ model: HostModel, _ asked: Asked, _ offset: @escaping (Int) -> Int) {
      (self.model, self.asked, self.offset) = (model, asked, offset)
    }

    func expectation(at time: Int) -> HostModel.Expectation {
      let slot = HostModel.Slot(local: time + offset(time))
      if let found = known[slot] { return found }
      let new = model.expectation(in: slot)
      known[slot] = new
      return new
    }

    /// Documents a second, if all goes by a factor better than expected; none where the operator lets the host not be
    /// asked.
    private func rate(at time: Int, _ factor: Double) -> Double {
      guard asked.steering.closure(at: Int64(time) * 1_000_000_000) == nil else { return 0 }
      let rate = expectation(at: time).rate * factor
      return (model.delay > 0 ? min(rate, 1 / model.delay) : rate) / model.requestsPerDocument
    }

    func hour(_ began: Int, _ band: ClosedRange<Double>) -> Hour {
      let halves = [began, began + 1800]
      func documents(_ factor: Double) -> Double {
        halves.reduce(0) { $0 + rate(at: $1, factor) * 1800 }
      }
      return Hour(
        began: began, workers: halves.map { expectation(at: $0).workers }.max() ?? 1,
        documents: documents(1), band: documents(band.lowerBound)...documents(band.upperBound))
    }

    func end(of documents: Double, from now: Int, _ factor: Double) -> Int? {
      var (time, left) = (now, documents)
      while left > 0 {
        guard time < now + WorkerPlan.year else { return nil }
        let next = time - (time + offset(time)) % 1800 + 1800
        let rate = rate(at: time, factor)
        if rate * Double(next - time) >= left { return time + Int(left / rate) }
        left -= rate * Double(next - time)
        time = next
      }
      return time
    }
  }

  /// How right forecasts were: for each of the last seven days, of what was known before it.
  private struct Errors {
    private(set) var lastDay: BackTest?
    /// What half hours, and days, brought as a multiple of what was expected: from the tenth to the ninetieth
    /// percentile.
    private(set) var halves = WorkerPlan.unmeasured
    private(set) var days = WorkerPlan.unmeasured

    init(_ cells: [HostModel.Cell], until last: Int64) {
      var ratios: [(value: Double, weight: Double)] = []
      var daily: [(value: Double, weight: Double)] = []
      for day in 0..<7 {
        let end = Int(last / 1_000_000_000) - day * WorkerPlan.day
        let before = cells.filter { $0.second < end - WorkerPlan.day }
        let tested = cells.filter {
          $0.seconds >= 600 && ((end - WorkerPlan.day)..<end).contains($0.second)
        }
        let kinds = Set(before.map(\.slot.isWeekend))
        var models: [Double: HostModel] = [:]
        var (predicted, measured, wrong) = (0.0, 0.0, 0.0)
        for cell in tested {
          guard let model = models[cell.delay] ?? HostModel(before, delay: cell.delay) else {
            break
          }
          models[cell.delay] = model
          let rate = model.expectation(in: cell.slot).rate
          // The first weekend says nothing of how right one is about the second.
          if rate > 0, kinds.contains(cell.slot.isWeekend) {
            ratios.append((cell.rate / rate, cell.seconds))
          }
          predicted += rate * cell.seconds / model.requestsPerDocument
          measured += cell.rate * cell.seconds / model.requestsPerDocument
          wrong += abs(cell.rate - rate) * cell.seconds / model.requestsPerDocument
        }
        guard predicted > 0, measured > 0 else { continue }
        if tested.allSatisfy({ kinds.contains($0.slot.isWeekend) }) {
          daily.append((measured / predicted, predicted))
        }
        guard day == 0 else { continue }
        lastDay = BackTest(
          predicted: predicted, measured: measured, meanAbsoluteError: wrong / measured)
      }
      if ratios.count >= 8 { halves = Self.band(ratios) }
      days = daily.count >= 3 ? Self.band(daily) : halves
    }

    private static func band(_ ratios: [(value: Double, weight: Double)]) -> ClosedRange<Double> {
      let low = max(0.01, Quantile.weighted(ratios, 0.1) ?? 1)
      return min(1, low)...max(1, low, Quantile.weighted(ratios, 0.9) ?? 1)
    }
  }
}

extension WindowSample {
  /// In seconds since 1970.
  fileprivate var second: Int { Int(at / 1_000_000_000) }
}

extension HostModel.Cell {
  fileprivate var second: Int { Int(began / 1_000_000_000) }
}
