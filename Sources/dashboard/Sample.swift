import Common
import Files
import Glibc
import Index
import Limiter
import Page
import Synchronization

/// What was seen of the run, at two moments: what is in small indexes and files, and what needs the whole table.
struct Sample: Sendable {
  /// When each look was, in nanoseconds since 1970; nothing where there was none.
  var at: [Sampler.Kind: Int64] = [:]
  /// What each cost, in seconds.
  var cost: [Sampler.Kind: Double] = [:]
  /// How many there were.
  var looks: [Sampler.Kind: Int] = [:]
  /// What could not be read, and why; the rest is then as it was before.
  var troubles: [String: String] = [:]

  var report = Report()
  var health = Health()
  var hosts: [Limiter.HostStatus] = []
  var outages: [OutageReport] = []
  var tools: [ToolStatus] = []
  /// The last lines of the log, the newest last.
  var log: [String] = []
  /// Requests a second that each host was sent, between the last two looks; nothing where that is not known.
  var requestRates: [String: Double] = [:]

  /// Documents that are still to be done, as of the report.
  var left: Int { report.status.pending + report.status.inProgress }

  /// The run as a whole, in one word: what stops it comes first.
  var state: State {
    if report.status.total > 0, left == 0 { return .finished }
    if !outages.isEmpty { return .outage }
    let isAtWork = health.inProgress > 0 || !tools.isEmpty
    guard isAtWork else { return .idle }
    let now = at[.quick] ?? 0
    let asked = hosts.filter { ($0.lastStart ?? .infinity) < 86_400 || !$0.steering.isEmpty }
    let isPaused = !asked.isEmpty && asked.allSatisfy { $0.steering.closure(at: now) != nil }
    return isPaused ? .paused : .running
  }

  enum State: String, Sendable {
    case running, paused, outage, idle, finished
  }
}

/// Where all of it is read.
final class Sources: Sendable {
  /// Bytes at the end of the log that are looked at, and lines of these that are shown.
  static let logBytes = 32 << 10
  static let logLines = 30

  let index: any DocumentIndex
  let selection: Selection
  /// The state folder of the run.
  let folder: String
  let location: LimiterLocation
  private let opened = Mutex<Limiter?>(nil)
  /// Requests that each host had been sent, and when that was read.
  private let counted = Mutex<(time: Int64, requests: [String: Int])>((0, [:]))

  init(index: any DocumentIndex, selection: Selection, folder: String, location: LimiterLocation) {
    self.index = index
    self.selection = selection
    self.folder = folder
    self.location = location
  }

  var log: String { "\(folder)/conveyor.log" }

  /// Looks, and notes what it saw and when. False where the index could not be read.
  func look(_ kind: Sampler.Kind, _ sample: inout Sample) -> Bool {
    sample.looks[kind, default: 0] += 1
    let isRead = note("index", &sample) {
      switch kind {
      case .quick: $0.health = try index.health(selection)
      case .whole: $0.report = try index.report(selection)
      }
      $0.at[kind] = Time.wall()
    }
    guard kind == .quick else { return isRead }
    _ = note("limiter", &sample) { $0.hosts = try limiter()?.status() ?? [] }
    sample.outages = OutageReport.current(in: "\(folder)/outages")
    sample.tools = ToolStatus.current(in: "\(folder)/status")
    sample.requestRates = rates(
      sample.requestCounts.mapValues { $0.values.reduce(0) { $0.addingClamped($1) } })
    sample.log = tail()
    return isRead
  }

  /// The limiter of the runs, once there is one.
  func limiter() throws(Fatal) -> Limiter? {
    if let limiter = opened.withLock(\.self) { return limiter }
    guard location.isThere else { return nil }
    let limiter = try Limiter(at: location)
    opened.withLock { $0 = limiter }
    return limiter
  }

  private func note(
    _ what: String, _ sample: inout Sample, _ read: (inout Sample) throws -> Void
  ) -> Bool {
    do {
      try read(&sample)
      sample.troubles[what] = nil
      return true
    } catch {
      sample.troubles[what] = Fatal(describing: error).message
      return false
    }
  }

  private func rates(_ requests: [String: Int]) -> [String: Double] {
    counted.withLock { counted in
      let now = Time.monotonic()
      let seconds = Double(now - counted.time) / 1e9
      defer { counted = (now, requests) }
      // What was counted long ago says nothing of now.
      guard counted.time > 0, (0.5...120).contains(seconds) else { return [:] }
      return requests.reduce(into: [:]) { rates, entry in
        if let before = counted.requests[entry.key], entry.value >= before {
          rates[entry.key] = Double(entry.value.subtractingClamped(before)) / seconds
        }
      }
    }
  }

  private func tail() -> [String] {
    guard let file = try? RegularFile.open(log, following: true), let size = try? file.size(),
      let bytes = try? file.bytes(min(size, Self.logBytes), from: max(0, size - Self.logBytes))
    else { return [] }
    let lines = bytes.split(separator: UInt8(ascii: "\n"))
    // The first one may have lost its beginning.
    return lines.dropFirst(size > Self.logBytes ? 1 : 0).suffix(Self.logLines)
      .map { SecretRedactor.message(String(decoding: $0, as: UTF8.self)) }
  }
}

extension Sample {
  /// Requests since the start of the tools that are running, by host and by how they were answered.
  var requestCounts: [String: [String: Int]] {
    tools.reduce(into: [:]) { all, tool in
      for member in tool.details["hosts"]?.object?.members ?? [] {
        for kind in member.value["classes"]?.object?.members ?? [] {
          let count = all[member.name]?[kind.name] ?? 0
          all[member.name, default: [:]][kind.name] = count.addingClamped(kind.value.int ?? 0)
        }
      }
    }
  }

  /// Seconds between two requests to a host: what is ordered, or what the run that asks it slowest keeps to.
  func delay(of host: Limiter.HostStatus) -> Double? {
    host.steering.delay
      ?? tools.compactMap { $0.details["hosts"]?[host.host]?["delay"]?.double }.max()
  }

  /// Workers that the portals can keep busy just now: Little's law over all hosts that are asked, and one more each.
  var usefulWorkers: Int {
    hosts.reduce(0) { sum, host in
      guard let delay = delay(of: host), delay > 0 else { return sum }
      let all = tools.compactMap { $0.details["hosts"]?[host.host] }
      let count = all.flatMap { $0["counts"]?.array ?? [] }
        .reduce(0) { $0.addingClamped($1.int ?? 0) }
      guard count > 0 else { return sum }
      let mean = all.reduce(0.0) { $0 + ($1["seconds"]?.double ?? 0) } / Double(count)
      return sum + Int(nearest: max(0, min(mean / delay, 10_000)).rounded(.up)) + 1
    }
  }

  /// How long the rest takes, at the slowest and the quickest pace of now, six hours and a day, in seconds; `nil` where
  /// nothing was completed lately. A day says nothing of a run that has not taken one.
  var secondsLeft: ClosedRange<Double>? {
    guard left > 0 else { return nil }
    var rates = [paces[0].perHour]
    if let estimate = Estimate(report) { rates.append(estimate.perHour) }
    let hours = report.hours
    if let first = hours.first?.hour, let last = hours.last?.hour, last - first > 24 {
      rates.append(paces[2].perHour)
    }
    rates = rates.filter { $0 > 0 }
    guard let least = rates.min(), let most = rates.max() else { return nil }
    return Double(left) / most * 3600...Double(left) / least * 3600
  }

  /// How long the rest takes in a word, and when it will be done, as a range.
  var timeLeft: (short: String, long: String) {
    guard left > 0 else { return ("nothing left", "nothing is pending") }
    guard let range = secondsLeft else {
      return ("not known", "time left: nothing was completed in the last day")
    }
    let (first, last) = (range.lowerBound, range.upperBound)
    let now = at[.quick] ?? 0
    func day(_ seconds: Double) -> String {
      guard seconds < 1e9 else { return "in decades" }
      return String(Time.timestamp(now + Int64(seconds * 1e9)).prefix(16)).replacing("T", with: " ")
    }
    let short =
      last < first * 1.1
      ? Format.duration(seconds: last)
      : "\(Format.duration(seconds: first)) to \(Format.duration(seconds: last))"
    return (short, "time left: between \(day(first)) and \(day(last)) UTC, at today's paces")
  }

  /// Documents per hour, over several times.
  var paces: [(over: String, perHour: Double)] {
    [
      ("now", Double(health.completedLastMinutes) * 12),
      ("last hour", Double(health.completedLastHour)),
      ("last day", Double(report.completedLastDay) / 24),
    ]
  }
}
