import ArgumentParser
import CLI
import Common
import Config
import Glibc
import HTTP
import Limiter
import Logging

/// Where samples are.
struct SampleOptions: ParsableArguments {
  @Option(
    help: .rare(
      "Note how portals answer in this file. (default: samples.jsonl in the state folder)",
      valueName: "file"))
  var samples: String?

  func path(in folder: StateFolder) -> String { samples ?? "\(folder.path)/samples.jsonl" }
}

/// `fetch plan`, and behind `conveyor plan`, which knows how many documents there are. Makes no request.
struct PlanCommand: Tool {
  static let configuration = CommandConfiguration(
    commandName: "plan",
    abstract: "Predict how many workers, how quickly, until when.",
    usage: "fetch plan [OPTION]…",
    discussion: """
      Learns from the samples that fetch notes as it runs, and makes no request. conveyor plan counts the documents, \
      too. Times are those of TZ.

        fetch plan --stage stage-mid-filtered --documents 80000

      \(ToolExit.table)
      """)

  @OptionGroup var requests: RequestOptions
  @OptionGroup var place: StateOptions
  @OptionGroup var samples: SampleOptions

  @Option(help: ArgumentHelp("Say when this many documents are done.", valueName: "n"))
  var documents: Int?

  @Option(help: .rare("Predict as of this time, in seconds since 1970. (default: now)"))
  var at: Int?

  @Flag(help: .json)
  var json = false

  @OptionGroup var log: LogOptions

  func validate() throws {
    guard documents ?? 0 >= 0, (0...10_000_000_000).contains(at ?? 0) else {
      throw ValidationError("--documents and --at must not be negative.")
    }
  }

  func perform(stop: ShutdownSignal, logger: Logger) throws -> ToolExit {
    let folder = try place.folder()
    let path = samples.path(in: folder)
    let (read, others) = try WindowSample.read(path)
    if others > 0 {
      logger.warning("\(path): left out \(Format.counted(others, "line")) that are no samples")
    }
    let settings = try requests.settings(try requests.stages.load())
    let location = try LimiterLocation(place.limiter(in: folder))
    let asked = settings.asked(
      location.isThere ? try Limiter(at: location, stop: stop).status() : [])
    let now = at ?? Time.wallSeconds()
    let plan = WorkerPlan(
      read, asked: asked, documents: documents, now: now, offset: LocalTime.offset)
    guard !plan.hosts.isEmpty else { throw Self.tooFew(read, asked, path) }
    let names = Set(plan.hosts.map(\.name))
    let report = PlanReport(
      plan: plan, unknown: asked.map(\.name).filter { !names.contains($0) }, now: now,
      offset: LocalTime.offset)
    return try stop.print(json ? [report.json.description] : report.lines)
  }

  private static func tooFew(
    _ samples: [WindowSample], _ asked: [WorkerPlan.Asked], _ path: String
  ) -> Fatal {
    let names = asked.map(\.name).joined(separator: ", ")
    let what = samples.isEmpty ? "there are no samples yet in" : "there are too few samples in"
    return Fatal(
      .inputOutput,
      """
      \(what) \(path)\(names.isEmpty ? "" : " of \(names)"): fetch notes one every 20 seconds in which it asks. Run \
      it for some minutes, better a day; or name another file with --samples.
      """)
  }
}

extension FetchSettings {
  /// The hosts that the portals' files name, with the operator's orders; none where records bring their own.
  func asked(_ orders: [Limiter.HostStatus] = []) -> [WorkerPlan.Asked] {
    var hosts: [WorkerPlan.Asked] = []
    for portal in portals {
      guard let name = portal.budget ?? portal.base?.budget else { continue }
      let delay = pace(of: portal).delay
      if let known = hosts.firstIndex(where: { $0.name == name }) {
        hosts[known].delay = max(hosts[known].delay ?? 0, delay)
      } else {
        let steering = orders.first { $0.host == name }?.steering ?? Steering()
        hosts.append(.init(name: name, delay: delay, steering: steering))
      }
    }
    return hosts
  }
}

/// The clock of TZ (tzset(3)).
enum LocalTime {
  /// Seconds that it is ahead of UTC at a time, in seconds since 1970.
  static func offset(_ time: Int) -> Int {
    var (seconds, parts) = (time_t(time), tm())
    localtime_r(&seconds, &parts)
    return parts.tm_gmtoff
  }
}

/// A plan as people, and programs, read it. Pure.
struct PlanReport {
  let plan: WorkerPlan
  /// Hosts of which too little is known.
  let unknown: [String]
  let now: Int
  let offset: (Int) -> Int

  var lines: [String] {
    plan.hosts.flatMap(lines)
      + unknown.map { "\($0): no samples yet, or too few of them; it is left out" } + end
  }

  private func lines(_ host: WorkerPlan.Host) -> [String] {
    let spread = Set(host.hours.map(\.workers))
    let coming =
      spread.count > 1 ? " (\(spread.min() ?? 1) to \(spread.max() ?? 1) over the coming day)" : ""
    let width = 22
    var lines = [
      "\(host.name): \(Format.counted(host.now.workers, "worker"))\(coming). \(why(host))", "",
      Format.padRight("  hour", width) + "workers  documents an hour",
    ]
    lines += host.hours.map { hour in
      Format.padRight("  \(text(hour.began))", width) + Format.padLeft("\(hour.workers)", 7)
        + Format.padLeft(Format.rate(hour.documents), 11)
        + " (\(Format.rate(hour.band.lowerBound)) to \(Format.rate(hour.band.upperBound)))"
    }
    lines.append("")
    if let test = host.backTest {
      let error = Format.fixed(test.meanAbsoluteError * 100, 1)
      lines.append(
        """
        Back-test over the last day of samples: predicted \(Format.rate(test.predicted)) documents, measured \
        \(Format.rate(test.measured)); mean absolute error of a half hour \(error)%.
        """)
    } else {
      lines.append(
        "No back-test yet: it needs samples from more than a day. The bands are assumed.")
    }
    if host.observed < 86_400 {
      lines.append(
        """
        There are samples of \(Format.duration(seconds: host.observed)) only: hours without any are taken to be like \
        the others.
        """)
    }
    return lines + [""]
  }

  /// Why more workers would not help.
  private func why(_ host: WorkerPlan.Host) -> String {
    let (now, delay) = (host.now, host.model.delay)
    let latency = Format.decimal(now.latency, 2)
    switch now.limit {
    case .delay:
      let most = Format.rate(3600 / delay / host.model.requestsPerDocument)
      let slow =
        now.rate * delay < 0.8
        ? " Only \(Format.decimal(now.rate, 2)) a second were asked for: something besides it is slow."
        : ""
      return """
        The delay of \(Format.decimal(delay, 3)) s permits \(Format.decimal(1 / delay, 2)) requests a second, \
        \(most) documents an hour, and an answer takes \(latency) s: one more worker would only wait for its \
        slot.\(slow)
        """
    case .portal:
      return """
        The portal gives about \(Format.decimal(now.rate, 2)) good answers a second at this time, each after \
        \(latency) s while few ask: more workers would make its answers slower, not more.
        """
    case .unknown:
      return """
        As many as there were: with no delay, nothing has limited them yet. --workers auto finds out whether more \
        of them bring more.
        """
    }
  }

  private var end: [String] {
    guard let documents = plan.documents, let end = plan.end else { return [] }
    let what = "\(Format.counted(documents, "document")) to do"
    guard let expected = end.expected else {
      return [
        "\(what): no end within a year. Hosts may be paused, or closed (conveyor limiter show)."
      ]
    }
    let latest = end.latest.map(text) ?? "more than a year from now"
    return [
      "\(what): the end is expected on \(text(expected)), between \(text(end.earliest ?? expected)) and \(latest)."
    ]
  }

  /// `Thu 2026-11-26 14:00`, by the clock of the place.
  private func text(_ time: Int) -> String {
    let local = time + offset(time)
    let (days, seconds) = (local / 86_400, local % 86_400)
    func two(_ value: Int) -> String { Format.padded("\(value)", 2) }
    let names = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
    let day = Day(daysSince1970: days)?.description ?? ""
    return "\(names[days % 7]) \(day) \(two(seconds / 3600)):\(two(seconds / 60 % 60))"
  }

  var json: JSON {
    func time(_ seconds: Int?) -> JSON {
      seconds.map { .string(Time.timestamp(Int64($0) * 1_000_000_000)) } ?? .null
    }
    let end: JSON? = plan.end.map {
      .object([
        "earliest": time($0.earliest), "expected": time($0.expected), "latest": time($0.latest),
      ])
    }
    return .object([
      "at": time(now), "documents": plan.documents.map { .int($0) }, "end": end,
      "hosts": .array(plan.hosts.map { json($0, time) }),
      "unknown": unknown.isEmpty ? nil : .array(unknown.map { .string($0) }),
    ])
  }

  private func json(_ host: WorkerPlan.Host, _ time: (Int?) -> JSON) -> JSON {
    let hours = host.hours.map { hour -> JSON in
      .object([
        "at": time(hour.began), "workers": .int(hour.workers),
        "documents": .decimal(hour.documents, 1), "low": .decimal(hour.band.lowerBound, 1),
        "high": .decimal(hour.band.upperBound, 1),
      ])
    }
    let test: JSON? = host.backTest.map {
      .object([
        "predicted": .decimal($0.predicted, 1), "measured": .decimal($0.measured, 1),
        "mean_absolute_error": .decimal($0.meanAbsoluteError, 4),
      ])
    }
    return .object([
      "host": .string(host.name), "delay": .decimal(host.model.delay, 4),
      "workers": .int(host.now.workers), "most_workers": .int(host.most),
      "limit": .string(host.now.limit.rawValue), "latency": .decimal(host.now.latency, 3),
      "requests_per_second": .decimal(host.now.rate, 3),
      "requests_per_document": .decimal(host.model.requestsPerDocument, 3),
      "documents_share": .decimal(host.share, 4), "observed_seconds": .decimal(host.observed, 0),
      "hours": .array(hours), "back_test": test,
    ])
  }
}
