import Common
import Index
import Limiter
import Page

/// What `/api/status` answers (docs/dashboard.md has its form).
struct StatusJSON: Sendable {
  private let sample: Sample
  private let subject: String

  init(_ sample: Sample, subject: String) {
    (self.sample, self.subject) = (sample, subject)
  }

  var json: JSON {
    let monitor = Monitor(sample.health, outages: sample.outages, now: sample.at[.quick] ?? 0)
    return .object([
      "subject": .string(subject), "state": .string(sample.state.rawValue),
      "as_of": time(sample.at[.quick]), "report_as_of": time(sample.at[.whole]),
      "look_seconds": sample.cost[.quick].map { .decimal($0, 6) } ?? .null,
      "report_look_seconds": sample.cost[.whole].map { .decimal($0, 6) } ?? .null,
      "looks": .int(sample.looks[.quick] ?? 0), "report_looks": .int(sample.looks[.whole] ?? 0),
      "troubles": strings(sample.troubles),
      "per_hour": .object([
        "now": .decimal(sample.paces[0].perHour, 1),
        "last_hour": .decimal(sample.paces[1].perHour, 1),
        "last_day": .decimal(sample.paces[2].perHour, 1),
      ]),
      "seconds_left": sample.secondsLeft.map {
        .array([.decimal($0.lowerBound, 0), .decimal($0.upperBound, 0)])
      } ?? .null,
      "useful_workers": .int(sample.usefulWorkers),
      "hosts": .array(sample.hosts.map(host)), "tools": .array(sample.tools.map(tool)),
      "holders": .array(
        sample.health.holders.map {
          .object(["owner": .string($0.owner), "documents": .int($0.documents)])
        }),
      "health": monitor.json, "report": sample.report.json,
    ])
  }

  private func time(_ time: Int64?) -> JSON { time.map { .string(Time.timestamp($0)) } ?? .null }

  private func strings(_ values: [String: String]) -> JSON {
    var object = JSONObject()
    for (name, value) in values.sorted(by: { $0.key < $1.key }) { object[name] = .string(value) }
    return .object(object)
  }

  private func host(_ host: Limiter.HostStatus) -> JSON {
    var object = host.json.object ?? JSONObject()
    let delay = sample.delay(of: host)
    object["delay_seconds"] = delay.map { .decimal($0) }
    object["requests_per_second"] = sample.requestRates[host.host].map { .decimal($0) }
    object["closed"] = host.steering.closure(at: sample.at[.quick] ?? 0).map { .string($0) }
    return .object(object)
  }

  private func tool(_ tool: ToolStatus) -> JSON {
    .object([
      "tool": .string(tool.tool), "process": .int(tool.process), "workers": .int(tool.workers),
      "busy": .int(tool.busy), "oldest_seconds": .decimal(tool.oldest, 1),
      "busy_share": .decimal(tool.share, 3), "documents": .int(tool.documents),
      "failures": .int(tool.failures), "details": tool.details,
    ])
  }
}
