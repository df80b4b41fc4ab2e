import ArgumentParser
import Common
import Glibc
import Subprocesses

/// Ghostscript: its path and its arguments.
enum Ghostscript {
  /// How a run ended, and the first error that it reported.
  struct Outcome: Sendable, Equatable {
    var end: Launch.End
    var report: String?
  }

  /// The program's absolute path: the one given, or the first `gs` on `PATH`.
  static func locate(_ given: String?, path: String?) throws(Fatal) -> String {
    if let found = ProgramPath.find(given.map { [$0] } ?? ProgramPath.candidates("gs", path)) {
      return found
    }
    throw Fatal(
      .unavailable,
      "cannot find Ghostscript (gs) \(given.map { "at \($0)" } ?? "on PATH"). Install it with: apt-get "
        + "install ghostscript. Or name it with --gs, or use --engine images.")
  }

  /// Fixed names and a fixed list: no document and no environment has a say in what is run.
  static func arguments(_ quality: Quality) -> [String] {
    [
      "gs", "-dSAFER", "-dNOPAUSE", "-sDEVICE=pdfwrite", "-dPDFSETTINGS=/\(quality.rawValue)",
      // /ebook alone would write 1.5, and turn pages by the direction of their text.
      "-dCompatibilityLevel=1.6", "-dAutoRotatePages=/None",
      // No dates and no random identifier, so that the same source gives the same bytes: a second
      // run must not meet "other content" in the store.
      "-dOmitInfoDate=true", "-dOmitID=true", "-dOmitXMP=true",
      // Not -dQUIET, which silences the report of what the interpreter repaired. Not
      // -dPDFSTOPONERROR, with which 10.00.0 goes round in circles for a minute on 15 KB.
      "-sstdout=%stderr",
      "--permit-file-read=\(JobRequest.source)", "--permit-file-all=\(JobRequest.result)",
      "-sOutputFile=/dev/null", "-c", driver,
    ]
  }

  /// For each line on standard input: the source into the result, and then the line.
  ///
  /// Each document has a device of its own, a copy of the one that the options made: a device counts
  /// its pages from file to file, so that links of a second document would lead to wrong pages. The
  /// settings are made again for each, because the first copy takes those of images with it.
  ///
  /// A Ghostscript without `copydevice` (10.05.1 of Debian 13 has none) takes one document, and refuses
  /// the second, which `GhostscriptPool` then gives to a new one. Its device writes the end of the
  /// result when it is given another file.
  private static let driver = """
    /words (%stdin) (r) file def /say { (%stderr) (w) file dup 3 -1 roll writestring flushfile } def \
    /copies systemdict /copydevice known def /used false def \
    copies { /blank currentdevice def /settings currentdistillerparams def } if \
    { words 64 string readline not { quit } if /word exch def \
    used copies not and { (\\nError: it takes one document\\n) say quit } if /used true def \
    { /before save def copies { blank copydevice \
    mark /OutputFile (\(JobRequest.result)) counttomark 2 add -1 roll putdeviceprops setdevice \
    settings setdistillerparams } { << /OutputFile (\(JobRequest.result)) >> setpagedevice } ifelse \
    { (\(JobRequest.source)) (r) file runpdf } stopped \
    { (\\nError: /) say $error /errorname get dup length string cvs say (\\n) say } if \
    copies not { << /OutputFile (/dev/null) >> setpagedevice } if \
    nulldevice clear before restore } stopped { (\\nError: it cannot go on\\n) say quit } if \
    (\\n) say word say (\\n) say } loop
    """
}

/// The Ghostscript of a worker process. It takes 70 ms to start, so that one takes many documents;
/// it grows by 0.1 MB with each, and what one document does to it may meet the next. So it is
/// replaced after ``maximumJobs``, and after any document that came out odd, which is repeated in
/// a new one unless it had that for itself.
final class GhostscriptPool {
  static let maximumJobs = 200

  /// How many documents an interpreter takes.
  enum Isolation: String, Sendable, CaseIterable, ExpressibleByArgument {
    /// Many, one after the other.
    case worker
    /// One.
    case document
  }

  private var interpreter: GhostscriptProcess?

  /// The interpreter that waits for the next document.
  var process: pid_t? { interpreter?.pid }

  /// Makes a result, and returns why `judge` rejects it.
  func run(
    _ program: String, _ job: JobRequest, limits: Limits, judge: (Ghostscript.Outcome) -> Rejection?
  ) throws(Launch.Failure) -> Rejection? {
    while true {
      var interpreter = try take(program, job, limits)
      let isNew = interpreter.jobs == 0
      let outcome = interpreter.run(processorSeconds: limits.processorSeconds)
      let rejection = judge(outcome)
      if rejection == nil {
        let isLast = job.settings.isolation == .document || interpreter.jobs >= Self.maximumJobs
        if !isLast { self.interpreter = consume interpreter }
        return nil
      }
      if isNew { return rejection }
      unlink("\(job.directory)/\(JobRequest.result)")
    }
  }

  /// The running one, if it fits, or a new one.
  private func take(
    _ program: String, _ job: JobRequest, _ limits: Limits
  ) throws(Launch.Failure) -> GhostscriptProcess {
    if let kept = interpreter.take(), kept.directory == job.directory,
      kept.fileSize >= limits.fileSize
    {
      return kept
    }
    return try GhostscriptProcess(program, job, fileSize: limits.fileSize)
  }
}
