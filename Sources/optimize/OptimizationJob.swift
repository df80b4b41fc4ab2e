import Common
import Glibc
import PDF
import Subprocesses

/// What happens to one document in a worker process: look, make it smaller, look again, judge. It
/// touches nothing outside the private directory.
struct OptimizationJob {
  typealias Trouble = JobFolder.Trouble

  private let job: JobRequest
  private let ghostscript: GhostscriptPool
  private let folder: JobFolder
  private let times = StepTimes()

  init(_ job: JobRequest, with ghostscript: GhostscriptPool) {
    self.job = job
    self.ghostscript = ghostscript
    folder = JobFolder(path: job.directory)
  }

  private var source: String { folder.file(JobRequest.source) }
  private var result: String { folder.file(JobRequest.result) }

  /// The verdict, and what led to it. `started` is called with the number of pages when the work begins.
  func findings(started: (Int) -> Void) throws(Trouble) -> Findings {
    var findings = try examined(started: started)
    if case .kept(let rejection, let pages) = findings.verdict {
      findings.verdict = .kept(rejection.without(directory: job.directory), pages: pages)
    }
    if let rejected = findings.rejected {
      findings.rejected = RejectedResult(
        engine: rejected.engine,
        rejection: rejected.rejection.without(directory: job.directory), bytes: rejected.bytes)
    }
    findings.seconds = times.taken.mapValues { Double($0) / 1e9 }
    return findings
  }

  private func examined(started: (Int) -> Void) throws(Trouble) -> Findings {
    func kept(_ rejection: Rejection, pages: Int? = nil) -> Findings {
      Findings(verdict: .kept(rejection, pages: pages))
    }
    guard let (beginning, sourceBytes) = try folder.look(at: JobRequest.source) else {
      return kept(Rejection(.removed))
    }
    if let rejection = Acceptance.rejection(toBeginning: beginning) { return kept(rejection) }
    let before: PDFSummary
    switch times.measure(.source, { PDFSummary.ofSource(source) }) {
    case .success(var inspection):
      inspection.beginsWithHeader = beginning.starts(with: "%PDF-".utf8)
      before = inspection
    case .failure(let error): return kept(Acceptance.rejection(to: error))
    }
    let pages = before.pageCount > 0 ? before.pageCount : nil
    if let rejection = Acceptance.rejection(toSource: before) {
      return kept(rejection, pages: pages)
    }
    started(before.pageCount)
    let limits = Limits(
      base: job.settings.seconds, pages: before.pageCount, sourceBytes: sourceBytes)
    return try judge(before, sourceBytes, limits)
  }

  /// Has the engines work, one after the other, and takes the smallest result that passes.
  private func judge(
    _ before: PDFSummary, _ sourceBytes: Int, _ limits: Limits
  ) throws(Trouble) -> Findings {
    var best: (engine: Engine, bytes: Int)?
    var rejected: [RejectedResult] = []
    func reject(_ engine: Engine, _ rejection: Rejection, _ file: String) {
      // What it costs is known where a whole result was there.
      let bytes = rejection.reason.rejectsResult ? folder.size(of: file) : nil
      rejected.append(
        RejectedResult(
          engine: engine, rejection: rejection, bytes: bytes.flatMap { $0 < sourceBytes ? $0 : nil }
        ))
    }
    var images: EngineChoice.ImagesOutcome?
    if job.settings.engine != .ghostscript {
      switch try rewriteImages(before, sourceBytes) {
      case .success(let outcome):
        images = outcome
        let rejection = try rejection(toImagesResult: outcome, before, sourceBytes, limits)
        if let rejection {
          reject(.images, rejection, JobRequest.imagesResult)
        } else {
          best = (.images, outcome.bytes)
        }
      case .failure(let rejection): reject(.images, rejection, JobRequest.imagesResult)
      }
    }
    if EngineChoice.triesGhostscript(job.settings, after: images, sourceBytes: sourceBytes) {
      switch try runGhostscript(before, sourceBytes, limits) {
      case .failure(let rejection):
        reject(.ghostscript, rejection, JobRequest.result)
        try folder.checkDisk(for: sourceBytes)
      case .success(let bytes):
        if bytes < best?.bytes ?? sourceBytes { best = (.ghostscript, bytes) }
      }
    }
    guard let best else {
      let rejected = RejectedResult.costliest(rejected)
      return Findings(
        verdict: .kept(rejected?.rejection ?? Rejection(.noEngine), pages: before.pageCount),
        rejected: rejected?.bytes == nil ? nil : rejected)
    }
    if best.engine == .images { try folder.takeImagesResult() }
    return Findings(
      verdict: .accepted(
        best.engine, pages: before.pageCount,
        isRepaired: best.engine == .images && images?.isRepaired == true),
      rejected: RejectedResult.costliest(rejected.filter { $0.mightBeat(best.bytes) }))
  }

  /// Makes a result with the engine for images; fails with the reason why it is rejected.
  private func rewriteImages(
    _ before: PDFSummary, _ sourceBytes: Int
  ) throws(Trouble) -> Result<EngineChoice.ImagesOutcome, Rejection> {
    let path = folder.file(JobRequest.imagesResult)
    var outcome: EngineChoice.ImagesOutcome
    do throws(PDFError) {
      outcome = try times.measure(.images) { () throws(PDFError) in
        try ImageEngine(job.settings).run(source, to: path, repairing: before.repair != nil)
      }
      outcome.isRepaired = before.repair != nil
    } catch {
      if case .system(let code?) = error.kind, HostError.isLocal(code) {
        throw folder.trouble("write to", code)
      }
      // Objects are read when they are needed, so that damage may show only now.
      if before.repair == nil, error.kind == .damaged,
        case .success(let repaired) = times.measure(
          .source, { PDFSummary.ofRepaired(source, error.description) })
      {
        if let rejection = Acceptance.rejection(toSource: repaired) { return .failure(rejection) }
        return try rewriteImages(repaired, sourceBytes)
      }
      return .failure(Rejection(.notRewritable, error.description))
    }
    if let rejection = rejection(toResult: path, of: before) { return .failure(rejection) }
    outcome.bytes = try folder.bytes(of: JobRequest.imagesResult)
    return .success(outcome)
  }

  /// Makes a result with Ghostscript and returns its size; fails with the reason why it is rejected.
  private func runGhostscript(
    _ before: PDFSummary, _ sourceBytes: Int, _ limits: Limits
  ) throws(Trouble) -> Result<Int, Rejection> {
    guard let program = job.settings.ghostscript else {
      return .failure(Rejection(.ghostscriptMissing))
    }
    if let rejection = Acceptance.rejection(toGhostscriptOn: before) { return .failure(rejection) }
    guard let before = times.measure(.inventory, { whole(before) }) else {
      return .failure(Rejection(.ghostscriptUnreadable))
    }
    // Now with what it claims to be.
    if let rejection = Acceptance.rejection(toGhostscriptOn: before) { return .failure(rejection) }
    let rejection = try running(program) { () throws(Launch.Failure) in
      try times.measure(.ghostscript) { () throws(Launch.Failure) in
        try ghostscript.run(program, job, limits: limits) {
          Acceptance.rejection(toRun: $0, limits: limits)
            ?? Self.keepMetadata(of: source, in: result)
            ?? self.rejection(toResult: result, of: before)
        }
      }
    }
    if let rejection { return .failure(rejection) }
    let bytes = try folder.bytes(of: JobRequest.result)
    if let rejection = Acceptance.rejection(toGhostscriptSize: bytes, of: sourceBytes) {
      return .failure(rejection)
    }
    guard !job.settings.isUnchecked else { return .success(bytes) }
    guard let check = pageCheck(before, sourceBytes, limits) else {
      return .failure(Rejection(.rendererMissing))
    }
    let change = try running(check.renderer.programs.drawing) { () throws(Launch.Failure) in
      try check.rejection(toAllOf: JobRequest.result)
    }
    return change.map { .failure($0) } ?? .success(bytes)
  }

  /// The same with what it has besides its pages.
  private func whole(_ before: PDFSummary) -> PDFSummary? {
    guard !job.settings.isUnchecked else { return before }
    return try? PDFSummary.read(source, hasInventory: true).get()
  }

  private static func keepMetadata(of source: String, in result: String) -> Rejection? {
    do throws(PDFError) {
      let source = try PDFDocument(path: source)
      let written = try PDFDocument(path: result)
      try written.adoptMetadata(of: source)
      try written.writeCompactly(to: result)
      return nil
    } catch {
      return Rejection(.resultUnreadable, error.description)
    }
  }

  /// Why images that were rewritten are rejected, where a sample of the pages is looked at.
  private func rejection(
    toImagesResult outcome: EngineChoice.ImagesOutcome, _ before: PDFSummary, _ sourceBytes: Int,
    _ limits: Limits
  ) throws(Trouble) -> Rejection? {
    if let rejection = Acceptance.rejection(toSize: outcome.bytes, of: sourceBytes) {
      return rejection
    }
    guard let check = pageCheck(before, sourceBytes, limits) else {
      return outcome.isRepaired ? Rejection(.repairUnchecked) : nil
    }
    return try running(check.renderer.programs.drawing) { () throws(Launch.Failure) in
      let share = job.settings.verifiedShare
      return outcome.isRepaired
        ? try check.rejection(toRepairOf: JobRequest.imagesResult, share: share)
        : try check.rejection(toSampleOf: JobRequest.imagesResult, share: share)
    }
  }

  private func pageCheck(
    _ before: PDFSummary, _ sourceBytes: Int, _ limits: Limits
  ) -> PageCheck? {
    job.settings.renderer.map {
      PageCheck(
        renderer: Renderer(programs: $0, job: job, limits: limits), pages: before.pageCount,
        sourceBytes: sourceBytes, times: times)
    }
  }

  private func running(
    _ program: String, _ body: () throws(Launch.Failure) -> Rejection?
  ) throws(Trouble) -> Rejection? {
    do throws(Launch.Failure) { return try body() } catch {
      throw Trouble(
        message: "cannot run \(program): \(String(cString: strerror(error.code)))", code: error.code
      )
    }
  }

  private func rejection(toResult path: String, of before: PDFSummary) -> Rejection? {
    let step = before.inventory == nil ? StepTimes.Step.structure : .inventory
    return times.measure(step) {
      switch PDFSummary.read(path, hasInventory: before.inventory != nil) {
      case .failure(let error): Rejection(.resultUnreadable, error.description)
      case .success(let after): Acceptance.rejection(toResult: after, of: before)
      }
    }
  }
}
