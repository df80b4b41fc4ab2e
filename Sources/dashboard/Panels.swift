import Common
import Index
import Limiter
import Page

/// The parts of the page, each an element of its own that is replaced when it has changed.
struct Panels: Sendable {
  /// Rows of a table that are shown: the page is looked at, and `validate report` has all.
  static let rows = 12
  /// Sections of the report that the page has as they are.
  static let charts = ["status", "throughput", "mismatches", "types", "gaps"]

  let sample: Sample
  /// What it is about: a stage, or all documents.
  let subject: String
  /// What replays or explains a document: the options that lead commands to this index.
  let hints: CommandHints
  /// Whether actions are offered.
  let hasControl: Bool

  /// All of them, by the ids of their elements.
  var fragments: [(id: String, html: String)] {
    let report = HTMLReport(
      report: sample.report, subject: subject, now: sample.at[.whole] ?? 0, rows: Self.rows,
      note: "\(asOfReport) ")
    let charts = report.sections.filter { Self.charts.contains($0.name) }
    return [
      ("asof", stamps), ("overview", overview), ("politeness", politeness), ("pipeline", pipeline),
      ("troubles", errors), ("health", health), ("workers", workers),
    ] + charts.map { ("report-\($0.name)", $0.html) } + [("log", log)]
  }

  private var stamps: String {
    "now <b>\(Self.clock(sample.at[.quick]))</b>, whole table <b>\(Self.clock(sample.at[.whole]))</b> UTC"
  }

  /// `12:03:07`.
  static func clock(_ time: Int64?) -> String {
    time.map { String(Time.timestamp($0).dropFirst(11).prefix(8)) } ?? "–"
  }

  private func section(_ title: String, _ note: String, _ body: String) -> String {
    "<h2>\(title)</h2>\n<p class=\"muted\">\(note)</p>\n\(body)"
  }

  private var asOfNow: String { "As of \(Self.clock(sample.at[.quick])) UTC." }
  private var asOfReport: String { "As of \(Self.clock(sample.at[.whole])) UTC." }

  // MARK: What matters most

  private var overview: String {
    let status = sample.report.status
    let judged = status.completed + status.failed
    let mismatches = sample.report.mismatches.reduce(0) { $0 + $1.mismatches }
    let paces = sample.paces.map { "\(Format.rate($0.perHour)) \($0.over)" }
    let report = sample.report
    let facts = [
      (sample.state.rawValue, "the run, as of \(Self.clock(sample.at[.quick]))"),
      (
        Format.percent(status.completed, of: status.total),
        "\(Format.count(status.completed)) of \(Format.counted(status.total, "document")) completed, "
          + "as of \(Self.clock(sample.at[.whole]))"
      ),
      (
        paces[0],
        "documents per hour; \(paces[1]), \(paces[2]), as of \(Self.clock(sample.at[.quick]))"
      ),
      sample.timeLeft,
      (
        Format.percent(status.completed, of: judged),
        "success; \(Format.count(status.failed)) failed, \(Format.count(status.absent)) absent, "
          + "\(Format.count(mismatches)) with another book or page"
      ),
      (
        report.originalBytes == 0
          ? "–" : Format.saving(of: report.originalBytes, stored: report.optimizedBytes),
        "\(Format.bytes(report.optimizedBytes)) stored of \(Format.bytes(report.originalBytes))"
      ),
    ]
    return notices + HTMLText.tiles(facts)
  }

  private var notices: String {
    let troubles = sample.troubles.sorted { $0.key < $1.key }.map {
      "The \($0.key) could not be read, so that its numbers are old: \($0.value)"
    }
    let outages = sample.outages.map { outage in
      outage.text(now: sample.at[.quick] ?? 0)
        + (outage.advice.isEmpty ? "" : ". \(outage.advice)")
    }
    return (troubles + outages).map {
      "<p class=\"notice\" role=\"alert\">\(HTMLText.escaped($0))</p>\n"
    }.joined()
  }

  // MARK: How the hosts are asked

  private var politeness: String {
    let note = "\(asOfNow) The share is of what the delay permits, between the last two looks."
    guard !sample.hosts.isEmpty else {
      return section("Politeness", note, Self.nothing("No host was asked so far."))
    }
    let heads = ["host", "now", "permitted", "share used", "next slot", "refusals", "last asked"]
    let rows = sample.hosts.prefix(Self.rows).map { host -> [String] in
      let delay = sample.delay(of: host)
      let rate = sample.requestRates[host.host]
      let share = rate.flatMap { rate in delay.map { rate * $0 } }
      return [
        HTMLText.escaped(host.host) + actions(host),
        HTMLText.escaped(standing(host)),
        delay.map { $0 > 0 ? "\(Format.decimal(1 / $0, 2)) a second" : "no delay" } ?? "–",
        share.map { Format.percent(Int(nearest: min(1, $0) * 1000), of: 1000) } ?? "–",
        host.nextSlot > 0 ? "in \(Format.duration(seconds: host.nextSlot))" : "free",
        Format.count(host.refusals),
        host.lastStart.map { "\(Format.duration(seconds: $0)) ago" } ?? "–",
      ]
    }
    let decisions = sample.tools.compactMap { tool in
      tool.details["decision"]?.string.map { "\(tool.tool) \(tool.process): \($0)" }
    }
    let workers = decisions.map { "<p>Workers of \(HTMLText.escaped($0))</p>\n" }.joined()
    let more = sample.hosts.count - rows.count
    let rest = more > 0 ? "<p class=\"muted\">… \(Format.count(more)) more</p>\n" : ""
    return section("Politeness", note, Self.table("Hosts", heads, rows) + rest + workers)
  }

  /// What a host's answer or the operator's order has come to.
  private func standing(_ host: Limiter.HostStatus) -> String {
    if let closure = host.steering.closure(at: sample.at[.quick] ?? 0) { return closure }
    if host.pause > 0 {
      return "pausing for \(Format.duration(seconds: host.pause)), as it asked (429 or 503)"
    }
    var words = ["may be asked"]
    if let delay = host.steering.delay {
      words.append("ordered: \(Format.decimal(delay, 3)) s between requests")
    }
    if let hours = host.steering.hours { words.append("ordered: \(hours)") }
    return words.joined(separator: "; ")
  }

  private func actions(_ host: Limiter.HostStatus) -> String {
    guard hasControl else { return "" }
    let actions: [Control.Kind] =
      [host.steering.pause == nil ? .pause : .resume, .set, .hours]
      + (host.steering.isEmpty ? [] : [.clear])
    let links = actions.map {
      "<a href=\"/control?action=\($0.rawValue)&amp;host=\(Format.percentEncoded(host.host))\">\($0.rawValue)</a>"
    }
    return "<br><small>\(links.joined(separator: " "))</small>"
  }

  // MARK: The tools

  private var pipeline: String {
    let note = "\(asOfNow) Only tools of this machine, that share the state folder."
    guard !sample.tools.isEmpty else {
      return section("Pipeline", note, Self.nothing("No tool is running here."))
    }
    // Who waits for a slot is busy, too: for fetch it is the portal that has no more to give.
    let busiest = sample.tools.filter { $0.tool != "fetch" }.max { $0.share < $1.share }
      .flatMap { $0.share > 0.8 ? $0 : nil }
    let bars = sample.tools.map { tool in
      let permitted = tool.details["workers"]?.int
      return HTMLChart.Bar(
        label: "\(tool.tool) \(tool.process)", value: tool.share * 100,
        text: permitted.map { "\(tool.busy) busy, \($0) wanted" }
          ?? "\(tool.busy) of \(tool.workers) busy",
        style: tool.process == busiest?.process ? "warn" : "accent", whole: 100)
    }
    let rows = sample.tools.map { tool in
      [
        HTMLText.escaped("\(tool.tool) \(tool.process)"), Format.count(tool.busy),
        Format.duration(seconds: tool.oldest), Format.count(tool.documents),
        Format.count(tool.failures), "\(Format.duration(seconds: tool.age)) ago",
      ]
    }
    let heads = ["tool", "in flight", "oldest", "documents", "failed", "heard"]
    let bottleneck =
      busiest.map { tool in
        "<b>\(HTMLText.escaped(tool.tool))</b>: its workers are busy "
          + "\(Format.percent(Int(nearest: tool.share * 1000), of: 1000)) of the time"
      } ?? "the portal's pace: the tools behind fetch wait for documents"
    return section(
      "Pipeline", note,
      "<p>The bottleneck is \(bottleneck).</p>\n"
        + HTMLChart.rows(bars, title: "Share of the time in which workers are busy")
        + Self.table("Tools", heads, rows))
  }

  // MARK: What went wrong

  private var errors: String {
    let report = sample.report
    let bars = report.errors.prefix(Self.rows).map {
      HTMLChart.Bar(
        label: $0.kind, value: Double($0.count), text: Format.count($0.count), style: "bad")
    }
    let rows = report.errors.prefix(Self.rows).map { error -> [String] in
      let example = error.example.map {
        "<a href=\"/document?id=\($0)\">\($0)</a>: "
      }
      return [
        HTMLText.escaped(error.kind), Format.count(error.count),
        (example ?? "") + HTMLText.escaped(String(error.message.prefix(200))),
        "<code>\(HTMLText.escaped(hints.retry(error.kind)))</code>"
          + (hasControl && ErrorClass(rawValue: error.kind) != nil
            ? " <a href=\"/control?action=retry&amp;class=\(Format.percentEncoded(error.kind))\">retry</a>"
            : ""),
      ]
    }
    let note =
      "\(asOfReport) Documents that failed or are to be tried again, with an example of the most "
      + "frequent message, and the command that tries them again."
    guard !rows.isEmpty else { return section("Errors", note, Self.nothing("No errors.")) }
    return section(
      "Errors", note,
      HTMLChart.rows(bars, title: "Errors by class")
        + Self.table("Errors by class", ["class", "documents", "example", "again"], rows))
  }

  private var health: String {
    let monitor = Monitor(sample.health, outages: sample.outages, now: sample.at[.quick] ?? 0)
    let styles: [Monitor.Level: String] = [.good: "good", .warning: "warn", .critical: "bad"]
    let rows = monitor.checks.map { check in
      [
        "<i class=\"dot \(styles[check.level] ?? "rest")\"></i>\(check.level.name)",
        HTMLText.escaped(check.name), HTMLText.escaped(check.words),
      ]
    }
    return section("Health", asOfNow, Self.table("Checks", ["level", "check", "seen"], rows))
  }

  private var workers: String {
    let rows = sample.health.holders.prefix(Self.rows).map { holder -> [String] in
      let parts = holder.owner.split(separator: "/", omittingEmptySubsequences: false)
      let process = parts.count > 1 ? parts[1].prefix { $0 != "-" } : ""
      return [
        HTMLText.escaped(holder.owner.isEmpty ? "software that names none" : String(parts[0])),
        HTMLText.escaped(String(process)),
        HTMLText.escaped(parts.count > 2 ? String(parts[2].prefix(12)) : ""),
        Format.count(holder.documents),
      ]
    }
    let body =
      rows.isEmpty
      ? Self.nothing("No run holds a lease.")
      : Self.table("Leases", ["machine", "process", "run", "documents"], rows)
    return section("Leases by machine", asOfNow, body)
  }

  private var log: String {
    let lines = sample.log.map { line -> String in
      let words = line.split(separator: " ", maxSplits: 3)
      let level = words.count > 1 ? words[1].lowercased() : ""
      let style =
        ["error", "critical"].contains(level) ? "bad" : level == "warning" ? "warn" : "plain"
      return "<span class=\"\(style)\">\(HTMLText.escaped(String(line.prefix(400))))</span>"
    }
    let body =
      lines.isEmpty
      ? Self.nothing("No log in the state folder.")
      : "<pre class=\"scroll\" role=\"region\" aria-label=\"Log\" tabindex=\"0\">\(lines.joined(separator: "\n"))</pre>\n"
    return section("Log", "\(asOfNow) Its last \(Sources.logLines) lines.", body)
  }

  // MARK: Tables

  static func nothing(_ words: String) -> String { "<p class=\"muted\">\(words)</p>\n" }

  /// A table of cells that are HTML already.
  static func table(_ name: String, _ heads: [String], _ rows: [[String]]) -> String {
    let head = heads.map { "<th scope=\"col\">\($0)</th>" }.joined()
    let body = rows.map { row in
      "<tr>\(row.map { "<td>\($0)</td>" }.joined())</tr>\n"
    }
    return
      "<div class=\"scroll\" role=\"region\" aria-label=\"\(name)\" tabindex=\"0\"><table><thead><tr>\(head)</tr></thead>\n"
      + "<tbody>\n\(body.joined())</tbody></table></div>\n"
  }
}

/// Commands as an operator types them for this index and stage.
struct CommandHints: Sendable {
  /// The stage's name; `nil` for all documents.
  let stage: String?

  private var options: String { stage.map { " --stage \($0)" } ?? "" }

  func retry(_ kind: String) -> String { "conveyor retry --class \(kind)\(options)" }
}
