import Checkpoint
import Common
import Index
import Support
import Testing

@testable import Page
@testable import validate

@Suite struct DocumentStoryTests {
  private func story(
    _ values: [String: String], fetched: DocumentStory.Fetched? = nil, object: String? = nil,
    log: [String] = []
  ) -> String {
    let row = ["id": "184223", "book": "285", "page": "55", "download_attempts": "2"]
    let document = IndexedDocument(row.merging(values) { $1 })
    return DocumentStory(document, fetched: fetched, object: object, log: log).lines
      .joined(separator: "\n")
  }

  @Test(arguments: ErrorClass.allCases)
  func `each class of error is said with its message, and what to do`(kind: ErrorClass) {
    let text = story([
      "download_status": "failed", "error_class": kind.rawValue, "download_error": "what was wrong",
    ])
    #expect(text.hasPrefix("184223: failed (book 285, page 55)"))
    #expect(text.contains("\(kind.rawValue): what was wrong"))
    #expect(text.contains("What to do: ") && text.contains("conveyor retry 184223"))
  }

  @Test func `what waits says until when, and who holds it`() {
    let waiting = story([
      "download_status": "pending", "error_class": "network", "download_error": "reset",
      "next_attempt_at": "2026-11-27 10:00:00.000",
    ])
    #expect(waiting.contains("tries it again by itself from 2026-11-27 10:00:00.000 on"))
    #expect(story(["download_status": "pending"]).contains("waits for its turn"))
    let held = story([
      "download_status": "in_progress", "lease_owner": "host-a/12/run",
      "lease_expires_at": "tomorrow",
    ])
    #expect(held.contains("host-a/12/run until tomorrow"))
    #expect(story(["download_status": "skipped"]).contains("not wanted"))
    #expect(story(["download_status": "weird"]).contains("docs/states.md"))
  }

  @Test func `an object that is gone is said, and how it comes back`() {
    let completed = [
      "download_status": "completed", "gcs_path": "gs://b/x.pdf", "content_bytes": "1234",
    ]
    #expect(story(completed).contains("gs://b/x.pdf, 1,234 bytes"))
    #expect(story(completed, object: "there").contains("nothing. It is in the store."))
    #expect(story(completed, object: "MISSING: nothing is there").contains("reconcile --repair"))
  }

  @Test func `nothing of it moves the cursor of a terminal`() {
    let evil = "a\u{1B}[2Jb\u{7}c\nd\u{202E}e"
    let text = story(
      ["download_status": "failed", "download_error": evil, "instrument_type_parsed": evil],
      log: [evil])
    #expect(!text.unicodeScalars.contains { $0.value < 0x20 && $0 != "\n" || $0.value == 0x202E })
  }

  @Test func `a document is named by id, or by book and page`() {
    #expect(DocumentName("184223") == .id(184_223))
    #expect(DocumentName("285/55") == .place(book: 285, page: 55))
    for text in [
      "", "/", "285/", "/55", "1/2/3", "x", "1.5", "99999999999999999999", "99999999999/5",
      "285/2147483648",
    ] {
      #expect(DocumentName(text) == nil, "\(text)")
    }
  }

  @Test func `the log's lines of a document are those that name it, and no worker of its number`()
    throws
  {
    let folder = try TemporaryDirectory()
    let mine = (1...12).map { "T INFO fetch Worker \($0): 6 (book 288, page 590): attempt \($0)" }
    let others = [
      "T INFO fetch Worker 6: 8 (book 249, page 573): absent",
      "T WARNING fetch Worker 6: 66: retry",
      "T INFO fetch Worker 1: 16 (book 6, page 6): fetched",
    ]
    try folder.write((others + mine + others).joined(separator: "\n"), to: "conveyor.log")
    let found = LogExcerpt.lines(of: "6", in: "\(folder.path)/conveyor.log")
    #expect(found == Array(mine.suffix(10)))
    #expect(LogExcerpt.lines(of: "6", in: "\(folder.path)/none.log").isEmpty)
  }
}
