import ArgumentParser
import Glibc
import Subprocesses

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
