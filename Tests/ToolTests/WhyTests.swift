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
    #expect(try conveyor(["retry", "1"]).errors.contains("0 failed documents"))
    #expect(try conveyor(["why", "4711"]).code == 74)
    #expect(try conveyor(["why", "deed"]).code == 64)
  }
}
