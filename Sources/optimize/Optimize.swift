import ArgumentParser
import CLI
import Common
import Glibc
import Logging

/// The command line of `optimize`.
struct Optimize: Tool {
  static let configuration = CommandConfiguration(
    commandName: "optimize",
    abstract: "Make PDFs smaller without losing content.",
    discussion: """
      Read records from standard input (a JSON object with an "id" on each line), optimize the file \
      at "fetch.path" or "path", add a member "optimize" and write the record. With files as \
      arguments, make the records.

      A result replaces its original only if it passes every check: the same pages of the same \
      size, no errors, fewer bytes. Otherwise the original is kept, and "optimize.reason" says why.

      EXAMPLES:
        fetch < documents.jsonl | optimize | upload --to gs://bucket/documents
        printf '{"id":"1","path":"/tmp/x.pdf"}\\n' | optimize
        optimize a.pdf b.pdf --output-dir smaller

      \(ToolExit.table)
      """)

  @Argument(help: "PDFs to optimize instead of records from standard input.")
  var files: [String] = []

  @Option(
    name: [.short, .long],
    help: "Write results to this directory instead of beside the originals (NAME.optimized.pdf).")
  var outputDir: String?

  @Option(
    help:
      "Use this engine: images (rewrites them in place), ghostscript, or auto (the best of both).")
  var engine: Engine = .auto

  @Option(help: "Keep this image quality: screen, ebook, printer, prepress or lossless.")
  var quality: Quality = .ebook

  @Flag(
    help: """
      Turn scans that are nearly black and white, such as a JPEG of a typed page, into black and \
      white. (Exactly black and white scans are always converted.)
      """)
  var bilevel = false

  @Option(help: "Optimize this many documents at a time (default: one for each processor).")
  var workers: Int?

  @Option(help: "Limit processor time for a document, plus one second a page (60s, 5m).")
  var timeout: String = "60s"

  @Option(help: "Limit memory for a document (512M, 2G).")
  var memoryLimit: String = "2G"

  @Option(help: "Use Ghostscript at this path (default: gs on PATH).")
  var gs: String?

  @Option(
    help:
      "Reuse a Ghostscript process: worker (many documents, one after the other) or document (one)."
  )
  var gsIsolation: GhostscriptPool.Isolation = .worker

  @Option(
    help: """
      Draw this share of pages before and after rewriting images, and compare them (5%; results of \
      Ghostscript are always compared page by page). Default: 2% if pdftoppm is installed.
      """)
  var verifyPixels: String?

  @Flag(help: "Accept results of Ghostscript without comparing text, pages and structure.")
  var unchecked = false

  @Flag(help: "Print the version of Ghostscript and its sandboxing, and exit.")
  var gsStatus = false

  @Flag(help: "Pass records on without touching files.")
  var dryRun = false

  @Option(help: "Use only files below this directory, after resolving links; reject others.")
  var root: String?

  @OptionGroup var log: LogOptions

  func validate() throws {
    guard (1...256).contains(workers ?? 1) else {
      throw ValidationError("--workers must be a number from 1 to 256.")
    }
    guard seconds != nil else {
      throw ValidationError("--timeout must be a time span of at least 1 second, like 60s or 5m.")
    }
    guard memory != nil else {
      throw ValidationError("--memory-limit must be a size of at least 256M, like 512M or 2G.")
    }
    guard share != nil else {
      throw ValidationError("--verify-pixels must be a share of pages, like 5%.")
    }
    guard engine != .ghostscript || quality != .lossless else {
      throw ValidationError("Ghostscript is not lossless. Use --engine images.")
    }
    guard files.allSatisfy({ !$0.isEmpty && !$0.utf8.contains(UInt8(ascii: "\n")) }) else {
      throw ValidationError("A file name is empty or contains a line break.")
    }
  }

  private var seconds: Int? {
    Time.span(timeout).map { Int($0.rounded(.up)) }.flatMap { $0 >= 1 ? $0 : nil }
  }

  /// Less would not hold our own program.
  private var memory: Int? { ByteSize.parse(memoryLimit).flatMap { $0 >= 256 << 20 ? $0 : nil } }

  func perform(stop: ShutdownSignal, logger: Logger) throws -> ToolExit {
    let path = getenv("PATH").map { String(cString: $0) }
    if gsStatus { return try GhostscriptStatus.tell(gs, path: path) }
    let processors = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    let loop = RecordLoop(
      tool: "optimize", workers: workers ?? processors, stop: stop, logger: logger,
      input: files.isEmpty ? STDIN_FILENO : try FileNames.descriptor(files),
      lines: files.isEmpty ? .records : .fileNames)
    if dryRun { return loop.run { _ in PassingOn() } }
    let renderer = try renderer(path)
    let settings = Settings(
      engine: engine, ghostscript: try ghostscript(path, renderer, logger), isolation: gsIsolation,
      quality: quality, makesBilevel: bilevel, renderer: renderer, verifiedShare: share ?? 0,
      isUnchecked: unchecked,
      seconds: seconds ?? 60, memory: memory ?? 2 << 30)
    let destination = try Destination(directory: outputDir)
    return loop.run { [root] number in
      var logger = logger
      logger[metadataKey: "worker"] = "\(number)"
      return Optimizer(
        settings: settings, destination: destination, root: root, stop: stop, logger: logger)
    }
  }
}

extension Optimize {
  private static let defaultShare = 0.02

  private var share: Double? { verifyPixels.map(Share.parse) ?? Self.defaultShare }

  /// Where Ghostscript is, if it is needed. Only who asks for it has to have it, and only who asks
  /// for it gets one that damages documents.
  private func ghostscript(
    _ path: String?, _ renderer: Renderer.Programs?, _ logger: Logger
  ) throws(Fatal) -> String? {
    if engine == .images || quality == .lossless { return nil }
    let found: String
    do throws(Fatal) { found = try Ghostscript.locate(gs, path: path) } catch {
      if engine == .ghostscript || gs != nil { throw error }
      logger.warning("using the images engine only: Ghostscript (gs) is not installed")
      return nil
    }
    let version = GhostscriptVersion.ask(found)
    if engine == .ghostscript {
      if let trouble = version?.trouble { logger.warning("Ghostscript: \(trouble)") }
      return found
    }
    if renderer == nil, !unchecked {
      logger.warning(
        """
        using the images engine only: pdftoppm and pdftotext, which check results of Ghostscript, are \
        not installed. Install them with: apt-get install poppler-utils
        """)
      return nil
    }
    guard let trouble = version?.trouble else { return found }
    logger.warning("using the images engine only: Ghostscript \(trouble)")
    return nil
  }

  /// Who draws pages to be compared. Missing where it is asked for, it ends the run.
  private func renderer(_ path: String?) throws(Fatal) -> Renderer.Programs? {
    if let found = Renderer.Programs.find(path) { return found }
    let isNeeded = verifyPixels != nil && share != 0 || engine == .ghostscript && !unchecked
    guard isNeeded else { return nil }
    throw Fatal(
      .unavailable,
      "cannot compare results with their sources: pdftoppm and pdftotext are not on PATH. "
        + "Install them with: apt-get install poppler-utils"
        + (engine == .ghostscript ? ". Or use --unchecked." : ""))
  }
}

/// `--dry-run`: records go on as they are.
private struct PassingOn: RecordProcessor {
  mutating func process(_ record: inout DocumentRecord) {}
}
