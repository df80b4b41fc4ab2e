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

      \(Common.ExitCode.table)
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
  var gsIsolation: GhostscriptKeeper.Isolation = .worker

  @Option(help: "Part of all pages to draw before and after, and to compare (5%).")
  var verifyPixels: String = "0%"

  @Flag(help: "Tell which Ghostscript there is and how it is kept in, and end.")
  var gsStatus = false

  @Flag(help: "Pass records on without touching a file.")
  var dryRun = false

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
    guard Share.parse(verifyPixels) != nil else {
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

  func perform(stop: Stop, logger: Logger) throws -> Common.ExitCode {
    let path = getenv("PATH").map { String(cString: $0) }
    if gsStatus { return try GhostscriptStatus.tell(gs, path: path) }
    let processors = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    let loop = StageLoop(
      tool: "optimize", workers: workers ?? processors, stop: stop, logger: logger,
      input: files.isEmpty ? STDIN_FILENO : try FileNames.descriptor(files),
      lines: files.isEmpty ? .records : .fileNames)
    if dryRun { return loop.run { _ in PassingOn() } }
    let share = Share.parse(verifyPixels) ?? 0
    let settings = Settings(
      engine: engine, ghostscript: try ghostscript(path, logger), isolation: gsIsolation,
      quality: quality, renderer: share > 0 ? try renderer(path) : nil, verifiedShare: share,
      seconds: seconds ?? 60, memory: memory ?? 2 << 30)
    let destination = try Destination(directory: outputDir)
    return loop.run { number in
      var logger = logger
      logger[metadataKey: "worker"] = "\(number)"
      return Optimizer(settings: settings, destination: destination, stop: stop, logger: logger)
    }
  }
}

extension Optimize {
  /// Where Ghostscript is, if it is needed. Only who asks for it has to have it, and only who asks
  /// for it gets one that damages documents.
  private func ghostscript(_ path: String?, _ logger: Logger) throws(Fatal) -> String? {
    if engine == .images || quality == .lossless { return nil }
    let found: String
    do throws(Fatal) { found = try Ghostscript.locate(gs, path: path) } catch {
      if engine == .ghostscript || gs != nil { throw error }
      logger.warning("Ghostscript (gs) was not found; only images are made smaller")
      return nil
    }
    guard let version = GhostscriptVersion.ask(found), version.truncatesImages,
      let trouble = version.trouble
    else { return found }
    if engine == .ghostscript {
      logger.warning("Ghostscript \(version): \(trouble)")
      return found
    }
    logger.warning("Ghostscript \(version): \(trouble); only images are made smaller")
    return nil
  }

  private func renderer(_ path: String?) throws(Fatal) -> String {
    if let found = ProgramPath.find(ProgramPath.candidates("pdftoppm", path)) { return found }
    throw Fatal(
      .unavailable,
      "--verify-pixels needs pdftoppm, which is not on PATH; install it with "
        + "`apt-get install poppler-utils`")
  }
}

/// `--dry-run`: records go on as they are.
private struct PassingOn: StageWorker {
  mutating func process(_ record: inout Record) {}
}
