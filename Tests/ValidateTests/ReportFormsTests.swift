import Common
import Index
import Testing

@testable import validate

@Suite struct ReportFormsTests {
  private static let hostile = #"<script>alert("1")</script>&'"# + "\u{202E}\n"

  /// A report with something of everything; texts are hostile.
  private static var report: Report {
    var report = Report()
    report.status.completed = 1500
    report.status.pending = 400
    report.status.inProgress = 10
    report.status.failed = 80
    report.status.skipped = 10
    report.priorities = [(1, 500, 400, 20), (3, 1500, 1100, 60)]
    report.types = [
      TypeFigures(
        type: hostile, total: 2000, completed: 1500, failed: 80, originalBytes: 4000,
        storedBytes: 1000),
      TypeFigures(
        type: "", total: 1, completed: 0, failed: 0, originalBytes: 0, storedBytes: 0),
    ]
    report.completedLastHour = 60
    report.completedLastSixHours = 361
    report.secondsOfLastSixHours = 21_600
    report.hours = [(498_738, 100), (498_740, 1400)]
    report.errors = [("portal_error", hostile, 70), ("unclassified", "=1+1", 10)]
    report.gaps = [3...5, 9...9]
    report.books = 1...600
    report.mismatches = [(0...499, 1000, 100), (500...999, 500, 0)]
    return report
  }

  private static let page = HTMLReport(report: report, subject: "<b>stage</b>", now: 0).page

  @Test func nothingFromOutsideIsMarkup() {
    let page = Self.page
    #expect(!page.contains("<script") && !page.contains("<b>stage"))
    #expect(!page.contains("\u{202E}"))
    #expect(page.contains("&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;&#39;"))
  }

  @Test func thePageNeedsNothingBesidesItself() {
    for word in ["http:", "https:", "src=", "href=", "url(", "@import", "javascript"] {
      #expect(!Self.page.contains(word), "\(word)")
    }
    #expect(Self.page.contains("prefers-color-scheme: dark"))
    #expect(Self.page.contains("default-src 'none'"))
  }

  @Test func eachPartHasAChartWithExactValuesAndATable() {
    for table in Self.report.tables {
      let parts = Self.page.split(separator: "<section id=\"\(table.name)\">")
      let part = parts.count == 2 ? parts[1].split(separator: "</section>")[0] : ""
      #expect(part.contains("<svg") && part.contains("<title>") && part.contains("<table>"))
    }
    #expect(Self.page.contains("<title>11-23 20:00: 1,400 documents</title>"))
    #expect(Self.page.contains("<title>0: 10.0% (100 of 1,000)</title>"))
    #expect(Self.page.contains("<title>3 to 5</title>"))
  }

  @Test func anEmptyReportHasAllForms() {
    let report = Report()
    let page = HTMLReport(report: report, subject: "All documents", now: 0).page
    #expect(page.contains("Nothing so far"))
    #expect(!page.contains("nan") && !page.contains("inf"))
    #expect(report.text(now: 0).contains("nothing left"))
    #expect(CSV.text(report.gapTable) == "first_book,last_book\n")
  }

  @Test func csvIsForMachines() {
    #expect(
      CSV.text(Self.report.mismatchTable)
        == """
        first_book,last_book,completed,mismatches,rate
        0,499,1000,100,0.1
        500,999,500,0,0

        """)
    #expect(CSV.text(Self.report.errorTable).hasSuffix("unclassified,10,'=1+1\n"))
    #expect(
      CSV.text(Self.report.typeTable).hasSuffix(
        "\n\",2000,1500,80,4000,1000,0.75\n,1,0,0,0,0,\n"))
  }

  @Test(arguments: [
    ("a", "a\n"), ("a,b", "\"a,b\"\n"), ("a \"b\"", "\"a \"\"b\"\"\"\n"),
    ("a\r\nb", "\"a\r\nb\"\n"),
  ])
  func quoting(field: String, line: String) { #expect(CSV.line([field]) == line) }

  @Test(arguments: ["=1", "+1", "-1", "@x", "\tx", "\r\nx"])
  func formulasAreDefused(text: String) { #expect(CSV.safe(text) == "'" + text) }

  @Test func textHasEachTableLinedUp() {
    let text = Self.report.text(now: 0)
    for table in Self.report.tables { #expect(text.contains(table.title + "\n")) }
    #expect(text.contains("\n  status       documents  share\n"))
    #expect(text.contains("\n  completed        1,500  75.0%\n"))
    #expect(text.contains("Success rate                         94.9%\n"))
    #expect(!text.contains("\u{202E}"))
  }

  @Test func longTablesSayHowMuchIsLeftOut() {
    var report = Report()
    report.gaps = (1...50).map { $0 * 2...$0 * 2 }
    #expect(report.text(now: 0).contains("… and 30 more"))
    #expect(CSV.text(report.gapTable).split(separator: "\n").count == 51)
  }

  @Test(arguments: [(0, 0), (0.3, 0.4), (1, 1), (1.1, 2), (37, 40), (99, 100), (4321, 6000)])
  func axesEndAtEasyNumbers(value: Double, end: Double) {
    #expect(abs(HTMLChart.ceiling(value) - end) < 1e-9)
  }

  @Test func jsonHasTheSameNumbers() {
    let json = Self.report.json
    #expect(json["documents_per_hour"]?.double == 60)
    #expect(json["seconds_left"]?.int == 24_600)
    #expect(json["throughput"]?["steps"]?.array?.count == 3)
    #expect(json["types"]?.array?.first?["stored_bytes"]?.int == 1000)
  }
}
