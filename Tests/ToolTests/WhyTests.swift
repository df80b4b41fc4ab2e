import Common
import Glibc
import Support
import Testing

/// One document, as an operator asks for it and steers it.
@Suite("About one document")
struct WhyTests {
  @Test("why says what each place knows, skip and retry change its status")
  func story() throws {
    let pipeline = try PipelineRun(documents: 12, ["--document-size", "2000"])
    #expect(try pipeline.start().wait().code == 0)
    func conveyor(_ words: [String]) throws -> Finished {
      try run(
        "\(sourceTree)/bin/conveyor", words + ["--index", pipeline.indexURL],
        environment: ["CONVEYOR_BIN": builtTools])
    }
    let ask = ["why", "1", "--state", pipeline.state, "--to", pipeline.to]
    let stored = try conveyor(ask)
    #expect(stored.code == 0, "\(stored)")
    for words in ["1: completed", "there, as recorded", "Last in the log:", "What to do: nothing"] {
      #expect(stored.text.contains(words), "\(stored)")
    }
    // Gone from the store, as somebody may have done by hand.
    for path in Files.all(in: pipeline.to) { unlink("\(pipeline.to)/\(path)") }
    #expect(try conveyor(ask).text.contains("reconcile --repair"))

    #expect(try conveyor(["skip", "1", "--why", "sealed"]).errors.contains("it is completed"))
    #expect(try conveyor(["retry", "1"]).errors.contains("0 failed or skipped documents"))
    try pipeline.rows(
      """
      UPDATE index_documents SET download_status = 'failed', error_class = 'restricted',
        download_error = 'HTTP 403' WHERE id IN (2, 3)
      """)
    #expect(try conveyor(["why", "2"]).text.contains("conveyor skip 2 --why"))
    #expect(try conveyor(["skip", "2", "3", "--why", "sealed"]).errors.contains("2 documents"))
    let skipped = try conveyor(["why", "2"])
    #expect(skipped.text.contains("reason    sealed") && skipped.text.contains("conveyor retry 2"))
    // By its id it comes back, and no other way.
    #expect(try conveyor(["retry"]).errors.contains("0 failed documents"))
    #expect(try conveyor(["retry", "2", "--dry-run"]).errors.contains("would set 1 failed or"))
    #expect(try conveyor(["retry", "2"]).errors.contains("set 1 failed or skipped document"))
    #expect(
      try pipeline.rows(
        """
        SELECT download_status, download_attempts, coalesce(download_error, '') FROM index_documents
        WHERE id IN (2, 3) ORDER BY id
        """) == [["pending", "0", ""], ["skipped", "1", "sealed"]])
    #expect(try conveyor(["why", "4711"]).code == 74)
    #expect(try conveyor(["why", "deed"]).code == 64)
  }
}
