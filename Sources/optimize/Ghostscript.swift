import Common
import Glibc
import Processes

/// One run of Ghostscript on the two files of a private directory.
enum Ghostscript {
  /// How a run ended, and the first error that it reported.
  struct Outcome: Sendable, Equatable {
    var end: Launch.End
    var report: String?
  }

  /// The program's absolute path: the one given, or the first `gs` on `PATH`.
  static func locate(_ given: String?, path: String?) throws(Fatal) -> String {
    let candidates =
      given.map { [$0] }
      ?? (path ?? "/usr/local/bin:/usr/bin:/bin").split(separator: ":")
      .filter { $0.hasPrefix("/") }.map { "\($0)/gs" }
    for candidate in candidates {
      guard let resolved = realpath(candidate, nil) else { continue }
      defer { free(resolved) }
      var status = stat()
      if stat(resolved, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
        access(resolved, X_OK) == 0
      {
        return String(cString: resolved)
      }
    }
    throw Fatal(
      .unavailable,
      "Ghostscript (gs) was not found \(given.map { "at \($0)" } ?? "on PATH"); install it with "
        + "`apt-get install ghostscript`, name it with --gs, or leave optimize out of the pipeline")
  }

  /// Fixed names and a fixed list: no document and no environment has a say in what is run.
  static func arguments(_ quality: Quality) -> [String] {
    [
      "gs", "-dSAFER", "-dBATCH", "-dNOPAUSE", "-sDEVICE=pdfwrite",
      "-dPDFSETTINGS=/\(quality.rawValue)",
      // /ebook alone would write 1.5, and turn pages by the direction of their text.
      "-dCompatibilityLevel=1.6", "-dAutoRotatePages=/None",
      // No dates and no random identifier, so that the same source gives the same bytes: a second
      // run must not meet "other content" in the store.
      "-dOmitInfoDate=true", "-dOmitID=true", "-dOmitXMP=true",
      // Not -dQUIET, which silences the report of what the interpreter repaired.
      "-dPDFSTOPONERROR", "-sstdout=%stderr", "-o", Job.result, Job.source,
    ]
  }

  /// Runs it to its end. The caller must be a process of one thread, as a run dies with its thread.
  static func run(
    _ program: String, _ job: Job, limits: Limits
  ) throws(Launch.Failure) -> Outcome {
    let pipe = try Launch.makePipe()
    defer { close(pipe.output) }
    let nowhere = open("/dev/null", O_RDWR | O_CLOEXEC)
    let launch = Launch(
      path: program, arguments: arguments(job.settings.quality),
      environment: [
        "PATH=/usr/bin:/bin", "LC_ALL=C", "TMPDIR=\(job.directory)", "HOME=\(job.directory)",
      ],
      directory: job.directory, input: nowhere, output: nowhere, errors: pipe.input,
      isChildless: true, processorSeconds: limits.processorSeconds, memory: job.settings.memory,
      fileSize: limits.fileSize, openFiles: 64)
    let started = Result { () throws(Launch.Failure) in try launch.start() }
    close(nowhere)
    close(pipe.input)
    let pid = try started.get()
    let report = scan(pipe.output)
    return Outcome(end: Launch.wait(for: pid), report: report)
  }

  private static func scan(_ descriptor: Int32) -> String? {
    var errors = ErrorScan()
    var buffer = [UInt8](repeating: 0, count: 1 << 14)
    while true {
      let count = buffer.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { break }
      errors.add(buffer[..<count])
    }
    errors.finish()
    return errors.report
  }
}
