import ArgumentParser
import CLI
import Common
import Glibc
import Logging

/// The command line of `optimize`.
struct Optimize: Tool {
  static let configuration = CommandConfiguration(
    commandName: "optimize",
    abstract: "Makes PDFs smaller, where nothing is lost by it.",
    discussion: """
      Reads records from standard input (a JSON object with an "id" on each line), takes the file \
      at "fetch.path" or "path", adds a member "optimize" and writes the record. With files as \
      arguments, it makes the records itself.

      A result replaces its original only if it passes every check: the same pages of the same \
      size, no error reported, fewer bytes. Otherwise the original goes on, and "optimize.reason" \
      says why.

      EXAMPLES:
        fetch < documents.jsonl | optimize | upload --to gs://bucket/documents
        printf '{"id":"1","path":"/tmp/x.pdf"}\\n' | optimize
        optimize a.pdf b.pdf --output-dir smaller

      \(ToolExit.table)
      """)

  @Argument(help: "PDFs to optimize, instead of records from standard input.")
  var files: [String] = []

  @Option(
    name: [.short, .long],
    help: "Put results here instead of beside their originals (NAME.optimized.pdf).")
  var outputDir: String?

  @Option(
    help: "Who does it: images (rewrites them in place), ghostscript, or auto (the best of both).")
  var engine: Engine = .auto

  @Option(help: "How much quality images keep: screen, ebook, printer, prepress or lossless.")
  var quality: Quality = .ebook

  @Flag(
    help: """
      Turn scans that are nearly black and white, such as a JPEG of a typed page, into black and \
      white. (What is exactly black and white becomes that anyway.)
      """)
  var bilevel = false

  @Option(help: "Documents at a time (default: one for each processor).")
  var workers: Int?

  @Option(help: "Processor time for a document, besides one second a page (60s, 5m).")
  var timeout: String = "60s"

  @Option(help: "Memory for a document (512M, 2G).")
  var memoryLimit: String = "2G"

  @Option(help: "Where Ghostscript is (default: gs on PATH).")
  var gs: String?

  @Option(
    help: "Documents for one Ghostscript: worker (many, one after the other) or document (one).")
  var gsIsolation: GhostscriptPool.Isolation = .worker

  @Option(
    help: """
      Part of all pages to draw before and after, and to compare, where images were rewritten (5%; \
      what Ghostscript wrote is always drawn whole). Default: 2% where pdftoppm is installed.
      """)
  var verifyPixels: String?

  @Flag(help: "Take what Ghostscript wrote without comparing text, pages and structure.")
  var unchecked = false

  @Flag(help: "Tell which Ghostscript there is and how it is kept in, and end.")
  var gsStatus = false

  @Flag(help: "Pass records on without touching a file.")
  var dryRun = false

  @Option(help: "Use only files below this directory, wherever links lead; others are refused.")
  var root: String?

  @OptionGroup var log: LogOptions

  func validate() throws {
    guard (1...256).contains(workers ?? 1) else {
      throw ValidationError("--workers is a number from 1 to 256")
    }
    guard seconds != nil else {
      throw ValidationError("--timeout is a time of 1 second or more, like 60s or 5m")
    }
    guard memory != nil else {
      throw ValidationError("--memory-limit is a size from 256M on, like 512M or 2G")
    }
    guard share != nil else {
      throw ValidationError("--verify-pixels is a part of all pages, like 5%")
    }
    guard engine != .ghostscript || quality != .lossless else {
      throw ValidationError("Ghostscript is not lossless: use --engine images")
    }
    guard files.allSatisfy({ !$0.isEmpty && !$0.utf8.contains(UInt8(ascii: "\n")) }) else {
      throw ValidationError("a file name is empty or has a line break")
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
      logger.warning("only images are made smaller: Ghostscript (gs) is not installed")
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
        only images are made smaller: pdftoppm and pdftotext, which check what Ghostscript writes, \
        are not installed (apt-get install poppler-utils)
        """)
      return nil
    }
    guard let trouble = version?.trouble else { return found }
    logger.warning("only images are made smaller: Ghostscript \(trouble)")
    return nil
  }

  /// Who draws pages to be compared. Missing where it is asked for, it ends the run.
  private func renderer(_ path: String?) throws(Fatal) -> Renderer.Programs? {
    if let found = Renderer.Programs.find(path) { return found }
    let isNeeded = verifyPixels != nil && share != 0 || engine == .ghostscript && !unchecked
    guard isNeeded else { return nil }
    throw Fatal(
      .unavailable,
      "pdftoppm and pdftotext were not found on PATH: results cannot be compared with their sources. "
        + "Install them with `apt-get install poppler-utils`"
        + (engine == .ghostscript ? ", or use --unchecked" : ""))
  }
}

/// `--dry-run`: records go on as they are.
private struct PassingOn: RecordProcessor {
  mutating func process(_ record: inout DocumentRecord) {}
}
