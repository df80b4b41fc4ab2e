import Common
import Testing

@testable import Page
@testable import validate

@Suite("Metrics for Prometheus")
struct MetricsTextTests {
  @Test func labelsAreEscaped() {
    var text = MetricsText()
    text.counter("x_total", "X", "portal", [("a\"b\\c\nd", 3), ("é", 4)])
    text.counter("none_total", "None", "portal", [])
    text.gauge("seconds", "S", 1.5, 3)
    #expect(
      text.text == """
        # HELP conveyor_x_total X.
        # TYPE conveyor_x_total counter
        conveyor_x_total{portal="a\\"b\\\\c\\nd"} 3
        conveyor_x_total{portal="é"} 4
        # HELP conveyor_seconds S.
        # TYPE conveyor_seconds gauge
        conveyor_seconds 1.5

        """)
  }

  /// The format's own rules, and the conventions for names: each metric has its help and its type,
  /// once and before its samples; counters, and only they, end in `_total`; base units.
  @Test func aRunsMetricsFollowTheRules() throws {
    let tally = StatisticsCollector()
    let fetch: JSON = .object(["portal": .string("mid")])
    tally.add(.completed, "1", DocumentFacts(DocumentRecord(id: "1", fields: ["fetch": fetch])))
    tally.met(RecordError(.network, "no answer"))
    let meter = Meter(tally: tally, total: 5, start: Time.monotonic())
    var types: [String: String] = [:]
    var values: [String: String] = [:]
    var helped = ""
    for line in meter.metrics(isRunning: true).text.split(separator: "\n") {
      let words = line.split(separator: " ", maxSplits: 3).map(String.init)
      if words[0] == "#", words[1] == "HELP" {
        helped = words[2]
      } else if words[0] == "#", words[1] == "TYPE" {
        #expect(words[2] == helped && types[helped] == nil, "\(line)")
        types[helped] = words[3]
      } else {
        let name = String(line.prefix { $0 != "{" && $0 != " " })
        #expect(name == helped, "\(line)")
        #expect(line.wholeMatch(of: /[a-z_]+(\{[a-z]+="[^"\n]*"\})? [0-9]+(\.[0-9]+)?/) != nil)
        let sample = String(line.split(separator: " ")[0])
        #expect(values.updateValue(words.last ?? "", forKey: sample) == nil)
      }
    }
    for (name, type) in types {
      #expect(name.hasPrefix("conveyor_"), "\(name)")
      #expect(name.hasSuffix("_total") == (type == "counter"), "\(name)")
      for unit in ["milliseconds", "minutes", "hours", "kilobytes", "percent"] {
        #expect(!name.contains(unit))
      }
    }
    #expect(values["conveyor_documents_completed_total"] == "1")
    #expect(values["conveyor_errors_total{class=\"network\"}"] == "1")
    #expect(values["conveyor_portal_documents_completed_total{portal=\"mid\"}"] == "1")
    #expect(values["conveyor_documents"] == "5" && values["conveyor_running"] == "1")
  }
}
