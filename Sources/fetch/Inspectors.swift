import CLI
import Common
import Glibc
import Inspection
import PageImages
import Subprocesses

/// The processes that look into PDFs for all workers: few, since a look takes a millisecond and a fetch much
/// longer.
final class Inspectors: Sendable {
  /// Seconds that a look may take; a file of 100,000 pages needs a few.
  private static let seconds = 20

  private final class Slot: Sendable {
    let inspector: Lock<Inspector>

    init(_ inspector: consuming sending Inspector) { self.inspector = Lock(inspector) }
  }

  private let slots: [Slot]
  private let stop: ShutdownSignal

  /// `executable` is this program, but where another one holds it: in the tests.
  /// After a stop, what was fetched is still looked into for `grace` seconds: it is not to be fetched
  /// again.
  init(stop: ShutdownSignal, grace: Double, executable: String = "/proc/self/exe") {
    self.stop = stop
    let count = min(8, max(2, sysconf(Int32(_SC_NPROCESSORS_ONLN))))
    slots = (0..<count).map { _ in
      Slot(
        Inspector(
          tool: "fetch", seconds: Self.seconds, stop: stop, grace: grace, executable: executable))
    }
  }

  /// What there is to say about a file; `nil` for one that could not be looked into.
  func finding(of path: String, worker: Int) throws -> PDFFinding? {
    let answer = try ask(worker) { (inspector) throws(Fatal) in try inspector.ask(path.utf8) }
    switch answer {
    case .said(let json):
      guard let finding = PDFFinding(json) else {
        throw RecordError(
          .internal, "the process that inspects PDFs gave an invalid answer")
      }
      return finding
    // Killed for want of memory, or by somebody: that is not the document's fault (promise P12), and one
    // that crashes the parser is judged by optimize, which has a process for it, too.
    case .crashed, .tooSlow: return nil
    case .stopped: throw RecordError.stopped
    }
  }

  /// Makes one PDF at `target` of images (TIFF, JPEG, PNG) and PDFs, in order, and returns how many pages it has. What
  /// is at `target` is of no use where it throws: `bad_pdf` for a damaged file, `not_pdf` for one of a kind that is
  /// not known, `local` where this machine cannot.
  func combine(_ paths: [String], into target: String, worker: Int) throws -> Int {
    defer { PageImages.removeParts(of: target, files: paths.count) }
    let answer = try ask(worker) { (inspector) throws(Fatal) in
      try inspector.combine(paths, into: target)
    }
    switch answer {
    case .said(let json):
      switch CombinedPages(json) {
      case .made(let pages): return pages
      case .failed(let error): throw RecordError(error, files: paths.count)
      case nil:
        throw RecordError(.internal, "the process that combines images gave an invalid answer")
      }
    case .crashed(.signal(let number)) where number != SIGKILL:
      throw RecordError(
        .badPDF, "the images cannot be combined: the process that reads them crashed")
    case .crashed(let end):
      throw RecordError(.local, "the images cannot be combined: the process for it \(end)")
    case .tooSlow:
      throw RecordError(
        .local, "the images were not combined within \(6 * Self.seconds) seconds")
    case .stopped: throw RecordError.stopped
    }
  }

  /// Asks the process of a worker. It is killed with the thread that started it, which may be another one's, and at
  /// the end of a run all of them end: then it is asked again. What a crash is worth is asked once more.
  private func ask(
    _ worker: Int,
    _ question: (inout Inspector) throws(Fatal) -> Inspector.Answer
  ) throws(Fatal) -> Inspector.Answer {
    let slot = slots[worker % slots.count]
    var tries = 0
    while true {
      let answer = try slot.inspector.withLock { (inspector) throws(Fatal) in
        try question(&inspector)
      }
      tries += 1
      guard case .crashed(let end) = answer, tries < (end == .signal(SIGKILL) ? 5 : 2) else {
        return answer
      }
    }
  }
}

extension RecordError {
  fileprivate init(_ error: PageImageError, files: Int) {
    let message =
      files == 1
      ? "it cannot be made a PDF: \(error)" : "cannot combine the \(files) images: \(error)"
    switch error.kind {
    case .damaged, .password: self.init(.badPDF, message)
    case .unsupported: self.init(.notPDF, message)
    case .local: self.init(.local, message)
    }
  }
}

/// One program, two roles: the tool, and the process that looks into the PDFs that came. The second has no
/// options, no environment and no signals of ours, so that it is told apart before any of them.
@main
enum Program {
  static func main() {
    if CommandLine.arguments.dropFirst().first == Inspector.flag {
      exit(
        Inspector.answerQuestions {
          PDFInspection.finding(at: String(decoding: $0, as: UTF8.self)).json
        })
    }
    Fetch.main()
  }
}
