import Testing

@testable import enqueue

@Suite("What a run can take, before it begins")
struct StartEstimateTests {
  private func part(
    _ host: String, _ delay: Double, _ requests: Int, _ documents: Int
  ) -> StartEstimate.Part {
    .init(host: host, delay: delay, requests: requests, documents: documents)
  }

  @Test func aLimitedRunSaysOfHowMany() {
    #expect(
      StartEstimate([part("portal.example.org", 0.5, 2, 5280)], limit: 20).lines == [
        "20 of 5,280 documents from portal.example.org, 0.5 s between requests, two each: about "
          + "20 s; at 0.5 s and two requests a document at most 3,600 an hour, whatever the workers"
      ])
  }

  @Test func oneRequestADocument() {
    #expect(
      StartEstimate([part("h", 1, 1, 1)], limit: nil).lines == [
        "1 document from h, 1 s between requests, one each: about 1 s; at 1 s and one request a "
          + "document at most 3,600 an hour, whatever the workers"
      ])
  }

  @Test func portalsOfOneMachineShareItsBudget() {
    let estimate = StartEstimate(
      [part("h", 0.5, 1, 100), part("h", 0.5, 2, 100)], limit: nil)
    #expect(estimate.seconds == 150)
    #expect(
      estimate.lines == [
        "200 documents from h, 0.5 s between requests, one to two each: about 2m30s; at 0.5 s and "
          + "one to two requests a document at most 4,800 an hour, whatever the workers"
      ])
  }

  @Test func machinesWorkBesideEachOther() {
    let estimate = StartEstimate([part("a", 0.5, 1, 100), part("b", 2, 2, 50)], limit: nil)
    #expect(estimate.seconds == 200)
    #expect(estimate.lines.count == 3)
    #expect(estimate.lines.last == "together 150 documents: about 3m20s")
    #expect(StartEstimate([part("a", 0.5, 1, 100), part("b", 2, 2, 50)], limit: 15).seconds == 20)
  }

  @Test func withoutADelayThereIsNoCeiling() {
    #expect(
      StartEstimate([part("h", 0, 2, 7)], limit: 100).lines == [
        "7 documents from h, no pause between requests, two each: as fast as it answers"
      ])
  }

  @Test(arguments: [(1_000_000, "about 11d13h"), (60, "about 1m00s"), (59, "about 59 s")])
  func longRuns(documents: Int, words: String) {
    let line = StartEstimate([part("h", 0.5, 2, documents)], limit: nil).lines.first
    #expect(line?.contains(words) == true, "\(line ?? "")")
  }

  @Test func nothingToDoIsNoLine() {
    #expect(StartEstimate([], limit: 20).lines.isEmpty)
    #expect(StartEstimate([part("h", 0.5, 2, 0)], limit: 20).lines.isEmpty)
  }
}
