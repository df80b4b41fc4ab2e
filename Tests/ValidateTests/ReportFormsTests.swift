import Common
import Index
import Testing

@testable import Page
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
    report.priorities = [
      PriorityStatistics(priority: 1, total: 500, completed: 400, failed: 20),
      PriorityStatistics(priority: 3, total: 1500, completed: 1100, failed: 60),
    ]
    report.types = [
      TypeStatistics(
        type: hostile, total: 2000, completed: 1500, failed: 80, measured: 1500,
        originalBytes: 4000, storedBytes: 1000),
      TypeStatistics(
        type: "", total: 1, completed: 0, failed: 0, measured: 0, originalBytes: 0,
        storedBytes: 0),
    ]
    report.completedLastHour = 60
    report.completedLastSixHours = 361
    report.secondsOfLastSixHours = 21_600
    report.hours = [(498_738, 100), (498_740, 1400)]
    report.errors = [
      .init(kind: "portal_error", message: hostile, count: 70),
      .init(kind: "unclassified", message: "=1+1", count: 10),
    ]
    report.gaps = [3...5, 9...9]
    report.books = 1...600
    report.mismatches = [(0...499, 1000, 100), (500...999, 500, 0)]
    var images = OptimizationFigures(.images)
    images.documents = 1000
    images.originalBytes = 4000
    images.storedBytes = 1000
    var kept = OptimizationFigures(.kept, reason: RejectionReason.textChanged.rawValue)
    kept.documents = 499
    kept.originalBytes = 2048
    kept.storedBytes = 2048
    kept.rejectedSaving = 1024
    var unknown = OptimizationFigures(nil)
    unknown.documents = 1
    report.optimizations = [images, kept, unknown]
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
        "\n\",2000,1500,80,0,4000,1000,0.75\n,1,0,0,0,0,0,\n"))
  }

  @Test func resultsOfOptimizeAreCounted() {
    #expect(
      CSV.text(Self.report.optimizationTable)
        == """
        result,reason,documents,original_bytes,stored_bytes,saved,rejected_saving
        images,,1000,4000,1000,0.75,0
        kept,a page of the result has different text,499,2048,2048,0,1024
        unknown,,1,0,0,,0

        """)
    let json = Self.report.json["optimization"]?.array
    #expect(json?.count == 3)
    #expect(json?[1]["reason"] == .string("a page of the result has different text"))
    #expect(json?[1]["rejected_saving_bytes"]?.int == 1024)
    #expect(json?[2]["result"] == .string("unknown") && json?[2]["reason"] == .null)
    #expect(Self.page.contains("<title>images: 1,000 documents, 75.0% saved</title>"), "chart")
  }

  @Test func whereNothingWasOptimizedThereIsNoTable() {
    let report = Report()
    #expect(!report.text(now: 0).contains("optimize"))
    #expect(!HTMLReport(report: report, subject: "x", now: 0).page.contains("optimize"))
    #expect(report.json["optimization"] == .array([]))
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
    #expect(report.text(now: 0).contains("… 30 more"))
    #expect(CSV.text(report.gapTable).split(separator: "\n").count == 51)
  }

  @Test func ofManyPeriodsTheNewestAreShown() {
    var report = Report()
    report.status.completed = 2600 + 5
    report.hours = (0..<52).map { (hour: 498_738 + $0, completed: 50) }
    report.completedAtUnknownTime = 5
    report.timeZone = "America/Chicago"
    let text = report.text(now: 0)
    #expect(text.contains("Completed by hour (America/Chicago)\n"))
    #expect(text.contains("2026-11-25 21:00"), "the newest: \(text)")
    #expect(!text.contains("2026-11-23 18:00"))
    // 32 hours of fifty, and the five that were completed nobody knows when.
    #expect(text.contains("\n  … 33 earlier          1,605\n"), "\(text)")
    #expect(
      CSV.text(report.throughputTable).hasPrefix("since,completed\n,5\n2026-11-23 18:00,50\n"))
  }

  @Test func whatIsLeftOutOfATableIsInItsSums() {
    var report = Report()
    report.types = (1...45).map {
      TypeStatistics(
        type: "T\($0)", total: 10, completed: 4, failed: 1, absent: 2, measured: 3,
        originalBytes: 2048, storedBytes: 1024)
    }
    let text = report.typeTable.text(limit: 20)
    let last = text.split(separator: "\n").dropLast().last
      .map { $0.split(separator: " ").joined(separator: " ") }
    #expect(last == "… 25 more 250 100 25 50 50.0 KiB 25.0 KiB 50.0%", "\(text)")
    #expect(report.completedWithoutSizes == 45)
  }

  @Test func whatTheIndexDoesNotSayIsNamed() {
    var report = Report()
    report.status.completed = 1
    report.priorities = [PriorityStatistics(priority: nil, total: 1, completed: 1)]
    report.mismatches = [(nil, 1, 0)]
    report.types = [
      TypeStatistics(
        type: "", total: 1, completed: 1, failed: 0, measured: 0, originalBytes: 0, storedBytes: 0)
    ]
    for table in [report.priorityTable, report.mismatchTable, report.typeTable] {
      #expect(table.text(limit: 5).contains("(none)"), "\(table)")
      #expect(CSV.text(table).split(separator: "\n").last?.hasPrefix(",") == true)
    }
    #expect(report.json["priorities"]?.array?.first?["priority"] == .null)
    #expect(report.json["mismatches"]?.array?.first?["books"] == .null)
    #expect(report.json["completed_without_sizes"]?.int == 1)
    let page = HTMLReport(report: report, subject: "x", now: 0).page
    #expect(page.contains("No priority") && page.contains("no book"))
  }

  @Test func absentIsNoFailure() {
    var report = Report()
    report.status.completed = 95
    report.status.failed = 5
    report.status.absent = 900
    #expect(report.text(now: 0).contains("Success rate                         95.0%\n"))
    #expect(report.json["status"]?["absent"]?.int == 900)
    #expect(report.json["status"]?["total"]?.int == 1000)
    #expect(HTMLReport(report: report, subject: "x", now: 0).page.contains("5 failed, 900 absent"))
  }

  @Test func whatGrewIsNotSaved() {
    var report = Report()
    report.types = [
      TypeStatistics(
        type: "A", total: 1, completed: 1, failed: 0, measured: 1, originalBytes: 1000,
        storedBytes: 1012)
    ]
    #expect(report.text(now: 0).contains("(1.2% larger)"))
    #expect(HTMLReport(report: report, subject: "x", now: 0).page.contains("1.2% larger"))
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
