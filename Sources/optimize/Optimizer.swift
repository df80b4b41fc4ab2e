import Files
import Common
import Crypto
import Glibc
import Logging
import Subprocesses

/// One thread's share of the work: takes records, has a worker process judge their files, puts
/// names accepted results. It reads bytes for their checksums and parses nothing.
struct Optimizer: RecordProcessor, ~Copyable {
  private let settings: Settings
  private let destination: Destination
  /// A directory that all sources have to be in.
  private let root: String?
  private let stop: ShutdownSignal
  private let logger: Logger
  /// Kept while documents come from the same directory.
  private var workspace: Workspace?
  private var child: WorkerProcess?

  init(
    settings: Settings, destination: Destination, root: String? = nil, stop: ShutdownSignal,
    logger: Logger
  ) {
    self.root = root
    self.settings = settings
    self.destination = destination
    self.stop = stop
    self.logger = logger
  }

  mutating func process(_ record: inout DocumentRecord) throws {
    let start = Time.monotonic()
    let source = try SourceFile(of: record, below: root)
    var result = try optimized(source)
    result.seconds = Double(Time.monotonic() - start) / 1e9
    logger.info("\(record.label): \(Self.summary(result))")
    record.optimize = result
  }

  /// What the record is to say of the file that goes on.
  private mutating func optimized(_ source: SourceFile) throws -> OptimizeResult {
    let directory: String
    do { directory = try prepare(for: source) } catch let error as Workspace.Failure {
      // A folder that cannot be written to is the document's; the one for all results is the run's.
      guard error.isOfPlace, !destination.isShared else { throw error.fatal }
      return try keep(source, Rejection(.folderNotWritable, error.description), pages: nil)
    }
    let findings = try findings(for: JobRequest(directory: directory, settings: settings))
    var result = try result(for: findings.verdict, of: source, in: directory)
    result.rejected = findings.rejected?.json
    if !findings.seconds.isEmpty { result.times = findings.times }
    return result
  }

  /// Names an accepted result, or keeps the original.
  private borrowing func result(
    for verdict: JobVerdict, of source: SourceFile, in directory: String
  ) throws -> OptimizeResult {
    switch verdict {
    case .kept(let rejection, let pages): return try keep(source, rejection, pages: pages)
    case .accepted(let engine, let pages, let isRepaired):
      // What is replaced has to be what was fetched.
      if source.sha256 != nil { _ = try source.digest() }
      do throws(Refusal) {
        var result = try accept(
          "\(directory)/\(JobRequest.result)", of: source, pages: pages,
          method: settings.method(engine))
        result.isRepaired = isRepaired
        return result
      } catch {
        if HostError.isLocal(error.code) {
          throw Fatal(.inputOutput, error.rejection.description)
        }
        return try keep(source, error.rejection, pages: pages)
      }
    }
  }

  /// An empty private directory with the source in it. Returns its path.
  private mutating func prepare(for source: SourceFile) throws -> String {
    let parent = destination.directory(for: source.path)
    // It may have been removed, with the spool around it.
    if workspace?.parent != parent || workspace?.isThere == false {
      workspace = nil
      workspace = try Workspace(in: parent)
    }
    let directory = workspace?.path ?? ""
    FileTree.removeContents(of: directory)
    // A link: nothing is copied, and Ghostscript sees no other name.
    guard symlink(source.absolute, "\(directory)/\(JobRequest.source)") == 0 else {
      let code = errno
      throw failure(
        "cannot write to \(directory): \(String(cString: strerror(code)))", directory, code)
    }
    return directory
  }

  /// Ends the run, unless the working folder was removed from outside: that costs this document another
  /// attempt, and no more.
  private func failure(_ message: String, _ directory: String, _ code: Int32) -> any Error {
    access(directory, F_OK) == 0 && ![ENOENT, ENOTDIR, ESTALE].contains(code)
      ? Fatal(.inputOutput, message)
      : RecordError(
        .local, "the folder \(directory) was removed while a document was being optimized")
  }

  /// Has the worker process judge a document. A document may pay only for what it does to a process
  /// of its own, so that one that is lost with an old process gets a new one, once.
  private mutating func findings(for job: JobRequest) throws -> Findings {
    while true {
      let isNew = child == nil
      let process = try child.take() ?? WorkerProcess(memory: settings.memory)
      let outcome = process.work(on: job, stop: stop)
      switch outcome {
      case .findings(let findings):
        child = consume process
        return findings
      case .trouble(let message, let code): throw failure(message, job.directory, code)
      case .stopped: throw RecordError.stopped
      case .late(let seconds):
        return Findings(verdict: .kept(Rejection(.tooSlow, "more than \(seconds) s")))
      case .lost:
        let end = process.finish()
        if isNew {
          return Findings(verdict: .kept(Rejection(.workerEnded, "it \(end.description)")))
        }
      }
    }
  }

  /// Why a result is not used after all, and the `errno`.
  private struct Refusal: Error {
    var code: Int32 = 0
    let rejection: Rejection
  }

  /// Names the result, which becomes visible only now.
  private borrowing func accept(
    _ result: String, of source: SourceFile, pages: Int, method: String
  ) throws(Refusal) -> OptimizeResult {
    // What hostile input made is looked at once more from outside: a link would lead elsewhere.
    var status = stat()
    guard lstat(result, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_nlink == 1,
      status.st_size < source.bytes
    else { throw Refusal(rejection: Rejection(.notAFile)) }
    let digest: FileDigest
    do throws(FileError) { digest = try FileDigest(path: result) } catch {
      throw Refusal(code: error.code, rejection: Rejection(.notAFile, error.description))
    }
    let path: String
    do throws(Launch.Failure) { path = try destination.publish(result, of: source.path) } catch {
      let reason = String(cString: strerror(error.code))
      throw Refusal(code: error.code, rejection: Rejection(.notPublished, reason))
    }
    return Self.result(
      path, digest, pages: pages, method: method, originalBytes: source.bytes)
  }

  private borrowing func keep(
    _ source: SourceFile, _ rejection: Rejection, pages: Int?
  ) throws -> OptimizeResult {
    let digest = try source.digest()
    var result = Self.result(
      source.path, digest, pages: pages, method: OptimizeResult.original,
      originalBytes: digest.bytes)
    result.reason = rejection.reason.rawValue
    result.detail = rejection.detail.map(Format.printable)
    return result
  }

  private static func result(
    _ path: String, _ digest: FileDigest, pages: Int?, method: String, originalBytes: Int
  ) -> OptimizeResult {
    var result = OptimizeResult(members: JSONObject())
    result.path = path
    result.bytes = digest.bytes
    result.sha256 = digest.sha256
    result.pages = pages
    result.method = method
    result.originalBytes = originalBytes
    return result
  }

  private static func summary(_ result: OptimizeResult) -> String {
    if let reason = result.reason {
      return "kept the original: \(reason)" + (result.detail.map { " (\($0))" } ?? "")
    }
    let (before, after) = (result.originalBytes ?? 0, result.bytes ?? 0)
    return "optimized from \(Format.bytes(before)) to \(Format.bytes(after))"
  }
}
