import ArgumentParser
import CLI
import Common
import Files
import Glibc
import Logging

/// The command line of `optimize`.
struct Optimize: Tool {
  static let configuration = CommandConfiguration(
    commandName: "optimize",
    abstract: "Make PDFs smaller, where nothing is lost by it.",
    usage: "optimize [OPTION]… [FILE]…\noptimize status [OPTION]…",
    discussion: """
      Reads records, optimizes the file at "fetch.path" or "path", and writes the records with \
      "optimize" added. A result replaces its original only if it passes every check; otherwise \
      "optimize.reason" says why not. Rarer options: --help-all.

        fetch < documents.jsonl | optimize | upload --to gs://bucket/documents
        optimize a.pdf b.pdf --output-dir smaller

      \(ToolExit.table)
      """,
    subcommands: [StatusCommand.self])

  static let oldOptions: [String: OldOption] = ["gs-status": .flag(subcommand: "status")]

  @Argument(help: "PDFs to optimize, instead of records.")
  var files: [String] = []

  @Option(
    name: [.short, .long],
    help: ArgumentHelp(
      "Put results here instead of beside their originals.", valueName: "dir"))
  var outputDir: String?

  @Option(help: "Rewrite images, use Ghostscript, or take the best of both.")
  var engine: Engine = .auto

  @Option(help: "Keep this much quality of images.")
  var quality: Quality = .ebook

  @Flag(help: "Turn near black-and-white scans into black and white.")
  var bilevel = false

  @Option(
    help: ArgumentHelp("Optimize this many at a time. (default: CPU count)", valueName: "n"))
  var workers: WorkerCount?

  @Option(help: .rare("Allow a document this processor time, and a second per page."))
  var timeout = TimeSpan(seconds: 60)

  @Option(help: .rare("Allow a document this much memory, 256M or more."))
  var memoryLimit = ByteCount(2 << 30)

  @Option(help: .state)
  var state: String?

  @OptionGroup var ghostscript: GhostscriptOptions

  @Option(help: .rare("Give one Ghostscript many documents (worker) or one (document)."))
  var gsIsolation: GhostscriptPool.Isolation = .worker

  @Option(
    help: .rare(
      "Draw this share of pages before and after, and compare. (default: 2% with pdftoppm)"))
  var verifyPixels: Share?

  @Flag(help: .rare("Take Ghostscript's result without comparing text, pages and structure."))
  var unchecked = false

  @Flag(name: .dryRun, help: .dryRun)
  var dryRun = false

  @Option(help: .root)
  var root: String?

  @OptionGroup var log: LogOptions

  func validate() throws {
    guard timeout.seconds >= 1 else {
      throw ValidationError(
        "--timeout must be 1s or more; it is \(timeout.defaultValueDescription).")
    }
    // Less would not hold our own program.
    guard memoryLimit.bytes >= 256 << 20 else {
      throw ValidationError(
        "--memory-limit must be 256M or more; it is \(memoryLimit.defaultValueDescription).")
    }
    guard engine != .ghostscript || quality != .lossless else {
      throw ValidationError("Ghostscript is not lossless. Use --engine images.")
    }
    guard files.allSatisfy({ !$0.isEmpty && !$0.utf8.contains(UInt8(ascii: "\n")) }) else {
      throw ValidationError("A file name is empty or contains a line break.")
    }
  }

  func perform(stop: ShutdownSignal, logger: Logger) throws -> ToolExit {
    let path = getenv("PATH").map { String(cString: $0) }
    let processors = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    let loop = RecordLoop(
      tool: "optimize", workers: workers?.value ?? processors, stop: stop, logger: logger,
      input: files.isEmpty ? STDIN_FILENO : try FileNames.descriptor(files),
      lines: files.isEmpty ? .records : .fileNames,
      status: dryRun ? nil : state.map { StatusNotice(tool: "optimize", state: $0) })
    if dryRun { return loop.run { _ in PassingOn() } }
    let renderer = try renderer(path)
    let settings = Settings(
      engine: engine, ghostscript: try ghostscript(path, renderer, logger), isolation: gsIsolation,
      quality: quality, makesBilevel: bilevel, renderer: renderer, verifiedShare: share,
      isUnchecked: unchecked,
      seconds: Int(timeout.seconds.rounded(.up)), memory: memoryLimit.bytes)
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

  private var share: Double { verifyPixels?.value ?? Self.defaultShare }

  /// Where Ghostscript is, if it is needed. Only who asks for it has to have it, and only who asks
  /// for it gets one that damages documents.
  private func ghostscript(
    _ path: String?, _ renderer: Renderer.Programs?, _ logger: Logger
  ) throws(Fatal) -> String? {
    if engine == .images || quality == .lossless { return nil }
    let found: String
    do throws(Fatal) { found = try Ghostscript.locate(ghostscript.gs, path: path) } catch {
      if engine == .ghostscript || ghostscript.gs != nil { throw error }
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

/// Where Ghostscript is.
struct GhostscriptOptions: ParsableArguments {
  @Option(help: .rare("Run this Ghostscript. (default: gs on PATH)", valueName: "path"))
  var gs: String?
}

/// `optimize status`.
struct StatusCommand: Tool {
  static let configuration = CommandConfiguration(
    commandName: "status",
    abstract: "Print the Ghostscript version and how it is isolated.",
    usage: "optimize status [OPTION]…", discussion: ToolExit.table)

  @OptionGroup var ghostscript: GhostscriptOptions
  @OptionGroup var log: LogOptions

  func perform(stop: ShutdownSignal, logger: Logger) throws -> ToolExit {
    try GhostscriptStatus.tell(
      ghostscript.gs, path: getenv("PATH").map { String(cString: $0) })
  }
}

/// `--dry-run`: records go on as they are.
private struct PassingOn: RecordProcessor {
  mutating func process(_ record: inout DocumentRecord) {}
}

/// The files of the command line, as an input of one name a line.
enum FileNames {
  /// A nameless file that holds the names, at its beginning.
  static func descriptor(_ names: [String]) throws(Fatal) -> Int32 {
    guard let file = tmpfile() else { throw failure(errno) }
    defer { fclose(file) }
    let descriptor = fcntl(fileno(file), F_DUPFD_CLOEXEC, 3)
    guard descriptor >= 0 else { throw failure(errno) }
    let failed = writeAll(names.flatMap { Array($0.utf8) + [UInt8(ascii: "\n")] }, to: descriptor)
    guard failed == 0, lseek(descriptor, 0, SEEK_SET) == 0 else {
      close(descriptor)
      throw failure(failed)
    }
    return descriptor
  }

  private static func failure(_ code: Int32) -> Fatal {
    Fatal(.inputOutput, "cannot store the file names: \(String(cString: strerror(code)))")
  }
}

/// One program, two roles: the tool, and the process that it looks into PDFs with. The second has
/// no options, no environment and no signal handling, so it is recognized before any of them.
@main
enum Program {
  static func main() {
    if CommandLine.arguments.dropFirst().first == WorkerMain.flag { exit(WorkerMain.run()) }
    Optimize.main()
  }
}
