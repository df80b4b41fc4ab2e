import Common
import Glibc
import Subprocesses
import Testing

@testable import optimize

@Suite("Jobs and answers")
struct ProtocolTests {
  static let settings = Settings(
    engine: .auto, ghostscript: "/usr/bin/gs", quality: .ebook, renderer: renderer, seconds: 60,
    memory: 2 << 30)
  static let renderer = Renderer.Programs(drawing: "/usr/bin/pdftoppm", text: "/usr/bin/pdftotext")

  @Test("A job comes out as it went in")
  func job() throws {
    var job = JobRequest(directory: "/tmp/a \"b\"", settings: Self.settings)
    #expect(JobRequest(json: try JSON(parsing: job.json.serialized())) == job)
    job.settings.ghostscript = nil
    job.settings.engine = .images
    job.settings.isolation = .document
    job.settings.renderer = nil
    job.settings.isUnchecked = true
    job.settings.makesBilevel = true
    job.settings.verifiedShare = 0.05
    #expect(JobRequest(json: try JSON(parsing: job.json.serialized())) == job)
    #expect(JobRequest(json: .object([:])) == nil)
  }

  @Test(
    "An answer comes out as it went in",
    arguments: [
      .started(pages: 3), .findings(Findings(verdict: .accepted(.images, pages: 3))),
      .findings(
        Findings(
          verdict: .accepted(.ghostscript, pages: 1),
          seconds: [.source: 0.25, .drawing: 0.000_125])),
      .findings(
        Findings(
          verdict: .accepted(.images, pages: 2, isRepaired: true),
          rejected: RejectedResult(
            engine: .ghostscript, rejection: Rejection(.textChanged, "page 2"), bytes: 17))),
      .findings(Findings(verdict: .kept(Rejection(.signed), pages: nil))),
      .findings(Findings(verdict: .kept(Rejection(.damaged, "at byte 3"), pages: 2))),
      .trouble("no room", code: ENOSPC),
    ] as [JobReply])
  func answer(_ answer: JobReply) throws {
    #expect(JobReply(json: try JSON(parsing: answer.json.serialized())) == answer)
  }

  @Test(
    "What is no answer",
    arguments: [
      "{}", "1", #"{"accepted":0,"engine":"images"}"#,
      #"{"accepted":1}"#, #"{"accepted":1,"engine":"x"}"#, #"{"kept":{"reason":"because"}}"#,
      #"{"started":-1}"#,
    ])
  func noAnswer(_ text: String) throws {
    #expect(JobReply(json: try JSON(parsing: text)) == nil)
  }

  @Test(
    "A process that says something else, or nothing, or too much, is lost",
    arguments: ["/usr/bin/true", "/usr/bin/env", "/usr/bin/yes"])
  func lost(_ program: String) throws {
    // As the tool does (ShutdownSignal.onSignals).
    signal(SIGPIPE, SIG_IGN)
    let process = try WorkerProcess(executable: program, memory: 0)
    #expect(
      process.work(
        on: JobRequest(directory: "/tmp", settings: Self.settings), stop: ShutdownSignal()) == .lost
    )
  }

  @Test("A program that is not there cannot be started")
  func missing() {
    #expect(throws: Launch.Failure(code: ENOENT)) {
      _ = try Launch(
        path: "/nonexistent", arguments: ["x"], environment: [], input: 0, output: 1, errors: 2
      ).start()
    }
  }

  @Test("Ghostscript is looked for on absolute paths only")
  func locate() throws {
    #expect(throws: Fatal.self) { try Ghostscript.locate(nil, path: "/nonexistent:.:") }
    #expect(throws: Fatal.self) { try Ghostscript.locate("/etc/passwd", path: nil) }
    #expect(throws: Fatal.self) { try Ghostscript.locate("/tmp", path: nil) }
    #expect(try Ghostscript.locate("/usr/bin/env", path: nil).hasPrefix("/"))
  }
}
