import Common
import Glibc
import PDF
import Subprocesses

/// What happens to one document in a worker process: look, make it smaller, look again, judge. It
/// touches nothing outside the private directory.
struct OptimizationJob {
  /// No document is at fault.
  struct Trouble: Error, Sendable, Equatable, CustomStringConvertible {
    let message: String
    /// The `errno`.
    let code: Int32
    var description: String { message }
  }

  private let job: JobRequest
  private let ghostscript: GhostscriptPool
  private let source: String
  private let result: String
  private let times = StepTimes()

  init(_ job: JobRequest, with ghostscript: GhostscriptPool) {
    self.job = job
    self.ghostscript = ghostscript
    source = "\(job.directory)/\(JobRequest.source)"
    result = "\(job.directory)/\(JobRequest.result)"
  }

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
    guard let (beginning, sourceBytes) = try lookAtSource() else {
      return kept(Rejection(.removed))
    }
    if let rejection = Acceptance.rejection(toBeginning: beginning) { return kept(rejection) }
    let before: PDFSummary
    switch times.measure(.source, { Self.inspectSource(source) }) {
    case .success(var inspection):
      inspection.beginsWithHeader = beginning.starts(with: "%PDF-".utf8)
      before = inspection
    case .failure(let error): return kept(Self.rejection(to: error))
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

  private static func rejection(to error: PDFError) -> Rejection {
    switch error.kind {
    case .password: Rejection(.password)
    case .damaged: Rejection(.damaged, error.description)
    case .system, .unsupported, .internal: Rejection(.unreadable, error.description)
    }
  }

  /// As it is, or else with the repairs that libqpdf makes as other readers do; what they are, and what they
  /// leave missing, is noted.
  private static func inspectSource(_ path: String) -> Result<PDFSummary, PDFError> {
    let strict = inspect(path)
    switch strict {
    case .success(let inspection)
    where inspection.isSigned || inspection.complaint == nil && inspection.missing == nil:
      return strict
    case .failure(let error) where error.kind == .password: return strict
    // Without repairs, a stream of another length than its own is missing.
    case .success(let inspection):
      return inspectRepaired(path, inspection.complaint ?? inspection.missing ?? "")
    case .failure(let error): return inspectRepaired(path, error.description)
    }
  }

  private static func inspectRepaired(
    _ path: String, _ repair: String
  ) -> Result<PDFSummary, PDFError> {
    inspect(path, repairing: true).map { inspection in
      var inspection = inspection
      inspection.repair = repair
      return inspection
    }
  }

  /// Has the engines work, one after the other, and takes the smallest result that passes.
  private func judge(
    _ before: PDFSummary, _ sourceBytes: Int, _ limits: Limits
  ) throws(Trouble) -> Findings {
    var best: (engine: Engine, bytes: Int)?
    var rejected: [RejectedResult] = []
    func reject(_ engine: Engine, _ rejection: Rejection, _ file: String) {
      // What it costs is known where a whole result was there.
      let bytes = rejection.reason.rejectsResult ? size(of: file) : nil
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
        try checkDisk(for: sourceBytes)
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
    if best.engine == .images, rename("\(job.directory)/\(JobRequest.imagesResult)", result) != 0 {
      throw trouble("write to")
    }
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
    let path = "\(job.directory)/\(JobRequest.imagesResult)"
    var outcome: EngineChoice.ImagesOutcome
    do throws(PDFError) {
      outcome = try times.measure(.images) { () throws(PDFError) in
        try ImageEngine(job.settings).run(source, to: path, repairing: before.repair != nil)
      }
      outcome.isRepaired = before.repair != nil
    } catch {
      if case .system(let code?) = error.kind, HostError.isLocal(code) {
        throw trouble("write to", code)
      }
      // Objects are read when they are needed, so that damage may show only now.
      if before.repair == nil, error.kind == .damaged,
        case .success(let repaired) = times.measure(
          .source, { Self.inspectRepaired(source, error.description) })
      {
        if let rejection = Acceptance.rejection(toSource: repaired) { return .failure(rejection) }
        return try rewriteImages(repaired, sourceBytes)
      }
      return .failure(Rejection(.notRewritable, error.description))
    }
    if let rejection = rejection(toResult: path, of: before) { return .failure(rejection) }
    outcome.bytes = try resultBytes(JobRequest.imagesResult)
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
    let bytes = try resultBytes(JobRequest.result)
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
    return try? Self.inspect(source, hasInventory: true).get()
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
      switch Self.inspect(path, hasInventory: before.inventory != nil) {
      case .failure(let error): Rejection(.resultUnreadable, error.description)
      case .success(let after): Acceptance.rejection(toResult: after, of: before)
      }
    }
  }

  private static func inspect(
    _ path: String, hasInventory: Bool = false, repairing: Bool = false
  ) -> Result<PDFSummary, PDFError> {
    Result { () throws(PDFError) in
      let document = try PDFDocument(path: path, repairing: repairing)
      var inspection = PDFSummary(pageCount: try document.pageCount())
      inspection.encryption = document.encryption()
      inspection.isSigned = try document.isSigned()
      inspection.hasForm = try document.hasForm()
      inspection.isTagged = try document.isTagged()
      if inspection.pageCount <= Limits.maximumPages { inspection.pages = try document.pages() }
      if hasInventory {
        let images = try document.images(inspection.pages).images
        inspection.inventory = try document.inventory(pages: inspection.pageCount, images: images)
      }
      let complaint = repairing ? document.lostObject() : document.complaint()
      inspection.complaint = complaint?.message
      if inspection.pageCount > 0, inspection.pageCount <= Limits.maximumPages {
        // Where a stream ends is found out; what it holds, the image or the page, is looked at as any other.
        inspection.missing = try document.missingPart(
          isRepaired: repairing, lengthsMayBeWrong: true)
      }
      return inspection
    }
  }

  /// How the source begins, and its size. `nil` where it cannot be read any more.
  private func lookAtSource() throws(Trouble) -> (beginning: [UInt8], bytes: Int)? {
    let descriptor = open(source, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      if HostError.isLocal(errno) { throw trouble("open") }
      return nil
    }
    defer { close(descriptor) }
    var status = stat()
    var bytes = [UInt8](repeating: 0, count: ContentKind.window)
    let count = pread(descriptor, &bytes, bytes.count, 0)
    guard count >= 0, fstat(descriptor, &status) == 0 else {
      if HostError.isLocal(errno) { throw trouble("read") }
      return nil
    }
    return (Array(bytes.prefix(count)), Int(status.st_size))
  }

  private func resultBytes(_ name: String) throws(Trouble) -> Int {
    guard let size = size(of: name) else { throw trouble("look at") }
    return size
  }

  private func size(of name: String) -> Int? {
    var status = stat()
    return stat("\(job.directory)/\(name)", &status) == 0 ? Int(status.st_size) : nil
  }

  /// A full disk makes bad results of good documents, and a document is not to pay for it. There
  /// has to be room for what Ghostscript writes: a result, and as much in temporary files, which it
  /// removes when it fails.
  private func checkDisk(for sourceBytes: Int) throws(Trouble) {
    let path = "\(job.directory)/probe"
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw trouble("write to") }
    defer {
      close(descriptor)
      unlink(path)
    }
    let failure = posix_fallocate(descriptor, 0, off_t(2 * sourceBytes + (1 << 20)))
    if HostError.isLocal(failure) { throw trouble("write to", failure) }
  }

  private func trouble(_ verb: String, _ code: Int32 = errno) -> Trouble {
    Trouble(
      message: "cannot \(verb) \(job.directory): \(String(cString: strerror(code)))", code: code)
  }
}
