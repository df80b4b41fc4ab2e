import Common
import Index
import Limiter
import Page

/// What `/metrics` answers, as OpenMetrics (docs/dashboard.md, "Metrics").
struct SampleMetrics: Sendable {
  static let type = "application/openmetrics-text; version=1.0.0; charset=utf-8"

  private let sample: Sample

  init(_ sample: Sample) { self.sample = sample }

  var text: String {
    var text = MetricsText(.openMetrics)
    documents(&text)
    health(&text)
    requests(&text)
    limiter(&text)
    tools(&text)
    return text.text
  }

  private func seconds(_ time: Int64?) -> Double { Double(time ?? 0) / 1e9 }

  private func documents(_ text: inout MetricsText) {
    let status = sample.report.status
    text.gauge(
      "index_documents", "Documents by status, as of the last look at the whole table",
      status.named.map { ([("status", $0.name)], Double($0.count)) })
    // The index counts them, not a process: it goes down only where documents are tried again.
    text.counter(
      "documents_total", "Documents that are done, by what became of them", "outcome",
      [
        (DocumentStatus.completed.word, status.completed),
        (DocumentStatus.failed.word, status.failed), (StatusCounts.absentWord, status.absent),
        (DocumentStatus.skipped.word, status.skipped),
      ])
    text.gauge(
      "original_bytes", "Bytes that portals sent of completed documents",
      Double(sample.report.originalBytes))
    text.gauge(
      "stored_bytes", "Bytes stored of the same documents",
      Double(sample.report.optimizedBytes))
    text.gauge(
      "mismatches", "Completed documents with another book or page",
      Double(sample.report.mismatches.reduce(0) { $0 + $1.mismatches }))
    text.gauge(
      "errors", "Documents that failed or are to be tried again, by class",
      sample.report.errors.map { ([("class", Format.printable($0.kind))], Double($0.count)) })
  }

  private func health(_ text: inout MetricsText) {
    let health = sample.health
    text.gauge(
      "documents_per_hour", "Completed documents per hour, by the time that it is measured over",
      sample.paces.map { ([("over", $0.over.replacing(" ", with: "_"))], $0.perHour) }, 1)
    text.gauge("leases", "Documents in work", Double(health.inProgress))
    text.gauge("leases_stale", "Documents left behind by runs that are gone", Double(health.stale))
    text.gauge("documents_quarantined", "Documents worked on alone", Double(health.quarantined))
    text.gauge("outages", "Portals and stores that are waited for", Double(sample.outages.count))
    text.gauge(
      "useful_workers", "Workers that the portals can keep busy", Double(sample.usefulWorkers))
    text.gauge(
      "look_time_seconds", "When the dashboard looked, since 1970",
      [
        ([("look", "quick")], seconds(sample.at[.quick])),
        ([("look", "whole")], seconds(sample.at[.whole])),
      ], 3)
    text.gauge(
      "look_duration_seconds", "How long that took",
      [
        ([("look", "quick")], sample.cost[.quick] ?? 0),
        ([("look", "whole")], sample.cost[.whole] ?? 0),
      ], 6)
    text.gauge("look_troubles", "Sources that could not be read", Double(sample.troubles.count))
  }

  private func requests(_ text: inout MetricsText) {
    let counts = sample.requestCounts.sorted { $0.key < $1.key }
    text.counter(
      "requests_total", "Requests of the tools that are running here, by host and answer",
      counts.flatMap { host, kinds in
        kinds.sorted { $0.key < $1.key }.map { kind, count in
          ([("host", Format.printable(host)), ("class", Format.printable(kind))], count)
        }
      })
    text.histogram(
      "request_seconds", "How long requests took, from their start to their end",
      counts.compactMap { host, _ in
        histogram(of: host).map {
          ([("host", Format.printable(host))], $0.bounds, $0.counts, $0.sum)
        }
      })
  }

  /// The sum of what all tools say of a host.
  private func histogram(of host: String) -> (bounds: [Double], counts: [Int], sum: Double)? {
    var result: (bounds: [Double], counts: [Int], sum: Double)?
    for tool in sample.tools {
      guard let entry = tool.details["hosts"]?[host] else { continue }
      let bounds = (tool.details["bounds"]?.array ?? []).compactMap(\.double)
      let counts = (entry["counts"]?.array ?? []).map { $0.int ?? 0 }
      guard counts.count == bounds.count + 1 else { continue }
      var sums = result ?? (bounds, [Int](repeating: 0, count: counts.count), 0)
      guard sums.bounds == bounds else { continue }
      sums.counts = zip(sums.counts, counts).map { $0.addingClamped($1) }
      sums.sum += entry["seconds"]?.double ?? 0
      result = sums
    }
    return result
  }

  private func limiter(_ text: inout MetricsText) {
    let now = sample.at[.quick] ?? 0
    func hosts(_ value: (Limiter.HostStatus) -> Double?) -> [(
      labels: [(String, String)], value: Double
    )] {
      sample.hosts.compactMap { host in
        value(host).map { ([("host", Format.printable(host.host))], $0) }
      }
    }
    text.gauge(
      "limiter_delay_seconds", "What lies between two requests to a host",
      hosts { sample.delay(of: $0) }, 3)
    text.gauge(
      "limiter_pause_seconds", "How long a host is not asked, as it wanted", hosts(\.pause), 3)
    text.gauge(
      "limiter_next_slot_seconds", "How long until the next free slot", hosts(\.nextSlot), 3)
    text.gauge(
      "limiter_refusals", "Refusals since the last good answer", hosts { Double($0.refusals) })
    text.gauge(
      "limiter_closed", "Whether the operator's orders keep all from asking",
      hosts { $0.steering.closure(at: now) == nil ? 0 : 1 })
  }

  private func tools(_ text: inout MetricsText) {
    func all(_ value: (ToolStatus) -> Double) -> [(labels: [(String, String)], value: Double)] {
      sample.tools.map {
        ([("tool", Format.printable($0.tool)), ("process", String($0.process))], value($0))
      }
    }
    text.gauge("tool_in_flight", "Documents that a tool works on", all { Double($0.busy) })
    text.gauge("tool_workers", "Workers of a tool", all { Double($0.workers) })
    text.gauge("tool_busy_ratio", "Share of their time that workers are busy", all(\.share), 3)
    text.gauge("tool_oldest_seconds", "Since when the oldest is worked on", all(\.oldest), 1)
  }
}
