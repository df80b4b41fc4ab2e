import Common
import Testing

@testable import Page
@testable import validate

@Suite struct SummaryTests {
  private func record(_ id: Int, mismatch: Bool = false) throws -> DocumentRecord {
    try DocumentRecord(
      JSON(
        parsing: """
          {"id":"\(id)","fetch":{"bytes":3000,"portal":"mid","book_page_mismatch":\(mismatch)},\
          "upload":{"bytes":1000,"skipped":false}}
          """))
  }

  private func tally() throws -> StatisticsCollector {
    let tally = StatisticsCollector()
    for id in 1...9 {
      let facts = DocumentFacts(try record(id, mismatch: id % 3 == 0))
      if id == 9 {
        tally.add(.again, "9", facts)
        tally.met(RecordError(.network, "no answer from 10.0.0.1 in 30 s"))
      }
      tally.add(id == 8 ? .failed : .completed, "\(id)", facts)
    }
    tally.met(RecordError(.network, "no answer from 10.0.0.2 in 31 s"))
    tally.met(RecordError(.absent, "nothing found"))
    tally.met(RecordError(.badPDF, "no pages"))
    tally.met(RecordError(.interrupted, "Ctrl+C"))
    tally.add(.again, "10", DocumentFacts(try record(10)))
    return tally
  }

  @Test func figures() throws {
    let figures = try tally().figures
    #expect(figures.attempts == 11)
    #expect(figures.attempted == 10)
    #expect(figures.completed == 8 && figures.failed == 1 && figures.waiting == 1)
    #expect(figures.mismatches == 3)
    #expect(figures.savedBytes == 16_000)
    #expect(figures.exitCode == .documentsFailed)
  }

  @Test func aRetryThatWentWellIsNoFailure() throws {
    let tally = StatisticsCollector()
    tally.add(.again, "1", DocumentFacts(try record(1)))
    #expect(tally.figures.exitCode == .documentsFailed)
    tally.add(.completed, "1", DocumentFacts(try record(1)))
    #expect(tally.figures.exitCode == .success)
  }

  @Test func forPeople() throws {
    let text = Summary(try tally(), seconds: 60, end: 0).text
    let lines = text.split(separator: "\n").map {
      $0.split(separator: " ").joined(separator: " ")
    }
    for line in [
      "Duration 1m00s", "Attempted 10", "attempts in all 11", "Completed 8", "Failed 1",
      "Waiting for a retry 1", "Success rate 88.9%", "Documents per hour 480",
      "Mismatches 3 (37.5%)", "Saved 15.6 KiB (66.7%)", "mid 8",
      "2 network: no answer from 10.0.0.1 in 30 s", "1 bad_pdf: no pages",
    ] {
      #expect(lines.contains(line), "\(line) in \(text)")
    }
  }

  @Test func whatWasNotBegunIsNoAttempt() throws {
    let tally = StatisticsCollector()
    for id in 1...400 {
      let facts = DocumentFacts(try record(id))
      tally.add(id <= 157 ? .completed : .givenBack, "\(id)", facts)
    }
    tally.met(RecordError(.interrupted, "stopped"))
    let summary = Summary(tally, seconds: 60, end: 0)
    let lines = summary.text.split(separator: "\n").map {
      $0.split(separator: " ").joined(separator: " ")
    }
    for line in ["Attempted 157", "Waiting for a retry 0", "Given back, not begun 243"] {
      #expect(lines.contains(line), "\(line) in \(summary.text)")
    }
    #expect(!summary.text.contains("errors"))
    #expect(summary.json["attempted"]?.int == 157 && summary.json["given_back"]?.int == 243)
    #expect(summary.json["errors"]?.array?.isEmpty == true)
  }

  @Test func stoppedBeforeAnythingWasBegun() throws {
    let tally = StatisticsCollector()
    tally.add(.givenBack, "1", DocumentFacts(try record(1)))
    let text = Summary(tally, seconds: 0, end: 0).text
    #expect(text.contains("Given back, not begun") && !text.contains("nothing was left"))
  }

  @Test func absentIsCountedApart() throws {
    let tally = try tally()
    let gone = try DocumentRecord(
      JSON(parsing: #"{"id":"90","error":{"tool":"fetch","class":"absent","message":"not there"}}"#)
    )
    tally.add(.failed, "90", DocumentFacts(gone))
    #expect(tally.figures.absent == 1 && tally.figures.failed == 1)
    #expect(tally.figures.attempted == 11)
    let summary = Summary(tally, seconds: 60, end: 0)
    #expect(summary.json["success_rate"]?.double == 0.8889)
    #expect(summary.json["absent"]?.int == 1 && summary.json["failed"]?.int == 1)
    #expect(summary.text.contains("Absent at the portal"))
    var state = ProgressLine.State(elapsed: 1)
    state.figures = tally.figures
    let line = ProgressLine.render(state, width: nil)
    #expect(line.contains("88.9% ok · 1 absent · "), "\(line)")
  }

  @Test func forPrograms() throws {
    let json = Summary(try tally(), seconds: 60, end: 0).json
    #expect(json["finished_at"]?.string == "1970-01-01T00:00:00.000Z")
    #expect(json["documents_per_hour"]?.double == 480)
    #expect(json["success_rate"]?.double == 0.8889)
    #expect(json["saved_bytes"]?.int == 16_000)
    #expect(json["errors"]?.array?.count == 2)
  }

  @Test func nothingToDo() {
    #expect(
      Summary(StatisticsCollector(), seconds: 0, end: 0).text
        == "validate: nothing was left to do\n")
  }
}
