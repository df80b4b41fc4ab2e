import Common
import State
import Support
import Testing

@Suite struct CheckpointTests {
  @Test func remembersEverythingOverARestart() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/checkpoint.sqlite"
    var entry = Checkpoint.Entry(id: "id with 'quotes' and ü")
    entry.request = "mid: /lookup?a=1"
    entry.url = "http://portal/1.pdf"
    entry.httpStatus = 200
    entry.etag = "\"abc\""
    entry.bytes = 9_007_199_254_740_993
    entry.sha256 = "00ff"
    entry.path = "spool/1.pdf"
    entry.images = 3
    entry.actualBook = 285
    entry.actualPage = 471
    entry.at = "2026-11-23T18:30:35.123Z"
    entry.seconds = 0.25
    try Checkpoint(path: path).remember(entry)
    let again = try Checkpoint(path: path)
    #expect(try again.entry(entry.id) == entry)
    #expect(try again.entry("another") == nil)
  }

  @Test func threadsShareCommitsAndLoseNothing() throws {
    let directory = try TemporaryDirectory()
    let checkpoint = try Checkpoint(path: directory.path + "/checkpoint.sqlite")
    withThreads(16) { thread in
      for number in 1...20 {
        var entry = Checkpoint.Entry(id: "\(thread)-\(number)")
        entry.bytes = number
        try? checkpoint.remember(entry)
      }
    }
    for thread in 1...16 {
      for number in 1...20 {
        #expect(try checkpoint.entry("\(thread)-\(number)")?.bytes == number)
      }
    }
  }
}
