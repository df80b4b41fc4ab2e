import Files
import ArgumentParser
import CLI
import Common
import Glibc

/// The sample portal: a small county's web server with documents that never were, and with the
/// troubles of real ones on request (docs/portal.md).
@main
struct Portal: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "portal",
    abstract: "A sample portal with scanned documents, for demos, tests and benchmarks.",
    discussion: """
      Serves documents made up from a seed over HTTP/1.1 until it is killed. --fault gives some \
      of the requests trouble: \(FaultKind.allCases.map(\.rawValue).joined(separator: ", ")).

      \(ToolExit.table)
      """)

  @Option(help: ArgumentHelp("Listen here; port 0 is any free one.", valueName: "host:port"))
  var listen = Endpoint(host: "127.0.0.1", port: 0)

  @Option(help: ArgumentHelp("Write the base URL to this file.", valueName: "file"))
  var portFile: String?

  @Option(help: ArgumentHelp("Invent this many documents.", valueName: "n"))
  var documents = 300

  @Option(
    help: ArgumentHelp(
      "Serve the documents of this file (as `enqueue import` reads it) or SQLite index.",
      valueName: "file"))
  var index: String?

  @Option(help: ArgumentHelp("Draw documents and faults from this.", valueName: "n"))
  var seed = 7

  @Option(
    help: ArgumentHelp(
      "Serve one-page documents of about this size instead of scans.",
      valueName: "size"))
  var documentSize = ByteCount(0)

  @Option(
    help: ArgumentHelp(
      "Scan letter pages at this many pixels an inch: 150 is quick, 300 is what county offices do.",
      valueName: "dpi"))
  var scanResolution = ScanResolution.dpi150

  @Option(help: ArgumentHelp("Wait before each answer.", valueName: "time"))
  var latency = TimeSpan(seconds: 0)

  @Option(help: ArgumentHelp("Wait up to this much longer.", valueName: "time"))
  var jitter = TimeSpan(seconds: 0)

  @Option(
    help: ArgumentHelp(
      "Give this share of the requests trouble; repeatable.", valueName: "kind=share"),
    transform: FaultRule.init(parsing:))
  var fault: [FaultRule] = []

  @Option(
    help: ArgumentHelp(
      "Answer all requests wrongly for a while, from so many scans on: 403@30+60.",
      valueName: "kind@after+seconds"), transform: Outage.init(parsing:))
  var outage: Outage?

  @Option(
    help: ArgumentHelp("Ask clients to wait this long with 429 and 503.", valueName: "seconds"))
  var retryAfter = 1

  @Option(help: ArgumentHelp("Keep a stalled answer silent this long.", valueName: "time"))
  var stall = TimeSpan(seconds: 60)

  @Option(help: ArgumentHelp("Leave out this share of the documents.", valueName: "share"))
  var absent = Share(0)

  @Option(
    help: ArgumentHelp("Serve a page of HTML instead of this share of scans.", valueName: "share"))
  var broken = Share(0)

  @Option(
    help: ArgumentHelp(
      "End a session of a site after this many requests; 0 never.", valueName: "n"))
  var sessionRequests = 60

  @Option(
    help: ArgumentHelp(
      "Give the search form other fields after this many searches.", valueName: "n"))
  var formChange: Int?

  @Option(help: ArgumentHelp("Append a line of JSON per request to this file.", valueName: "file"))
  var log: String?

  @Option(help: ArgumentHelp("Print the index in this format, and exit.", valueName: "format"))
  var printIndex: IndexPrinter.Layout?

  @Flag(help: "Serve as a store that speaks like Google's, for benchmarks; contents are dropped.")
  var store = false

  static func main() {
    do {
      let arguments = Array(CommandLine.arguments.dropFirst())
      if arguments == ["--version"] {
        try Console.answer(Version.text(of: "portal"))
        Glibc.exit(0)
      }
      try prepare(arguments, KnownSecrets.environment())
      var command = try parseAsRoot(arguments)
      try command.run()
    } catch {
      end(with: error)
    }
  }

  func validate() throws {
    guard (1...Catalogue.maximumCount).contains(documents) else {
      throw ValidationError(
        "--documents must be from 1 to \(Catalogue.maximumCount); it is \(documents).")
    }
    guard (0...BulkPDF.maximumSize).contains(documentSize.bytes) else {
      throw ValidationError(
        "--document-size must be from 0 to \(BulkPDF.maximumSize); it is \(documentSize.bytes).")
    }
    if index != nil, printIndex != nil {
      throw ValidationError("--print-index prints the invented index; --index has its own rows.")
    }
    guard retryAfter >= 0 else {
      throw ValidationError("--retry-after must not be negative; it is \(retryAfter).")
    }
    guard sessionRequests >= 0 else {
      throw ValidationError("--session-requests must be 0 or more; it is \(sessionRequests).")
    }
    if let formChange, formChange < 0 {
      throw ValidationError("--form-change must be 0 or more; it is \(formChange).")
    }
    let sum = fault.reduce(0) { $0 + $1.share }
    guard sum <= 1.000_001 else {
      throw ValidationError(
        "the shares of --fault must not exceed 1 together; they are \(Format.decimal(sum, 3)).")
    }
  }

  func run() throws {
    do throws(Fatal) {
      if store { return try serveStore() }
      let catalogue = try catalogue()
      if let printIndex {
        try Self.print(catalogue, as: printIndex)
      } else {
        try serve(catalogue)
      }
    } catch {
      Self.report(error.message)
      throw ArgumentParser.ExitCode(error.code.rawValue)
    }
  }

  private func catalogue() throws(Fatal) -> Catalogue {
    guard let index else {
      return Catalogue(
        count: documents, seed: seed, absent: absent.value, broken: broken.value,
        isBulk: documentSize.bytes > 0)
    }
    do {
      let own = try OwnIndex(path: index, seed: seed)
      if own.refused.count > 0 {
        Self.report(
          "\(Format.counted(own.refused.count, "row")) of \(index) left out: \(own.refused.reason)")
      }
      return Catalogue(own.documents, seed: seed, absent: absent.value, broken: broken.value)
    } catch { throw Fatal(describing: error) }
  }

  private func serve(_ catalogue: Catalogue) throws(Fatal) {
    let log = try log.map { path throws(Fatal) in try RequestLog(path: path) }
    let listener = try Listener(listen)
    let context = ServerContext(
      site: Site(
        catalogue: catalogue,
        scans: ScanStore(seed: seed, bulkSize: documentSize.bytes, resolution: scanResolution),
        sites: Sites(
          catalogue: catalogue, seed: seed, sessionRequests: sessionRequests,
          formChange: formChange)),
      behaviour: Behaviour(
        seed: seed, latency: latency.seconds, jitter: jitter.seconds, stall: stall.seconds,
        retryAfter: retryAfter, faults: FaultPlan(rules: fault, seed: seed)),
      log: log, outage: outage)
    let count = Format.counted(catalogue.documents.count, "document")
    try open(listener, with: index.map { "\(count) of \($0)" } ?? "\(count) of seed \(seed)") {
      Connection(number: $0, socket: $1, server: $2, context: context).serve()
    }
  }

  /// Serves as a store in place of a portal.
  private func serveStore() throws(Fatal) {
    let store = StandIn()
    try open(try Listener(listen), with: "an empty store") { _, socket, _ in
      var connection = StandInConnection(socket, store)
      connection.serve()
    }
  }

  private func open(
    _ listener: Listener, with contents: String, _ serve: @escaping Server.Serve
  ) throws(Fatal) {
    let server = Server(listener: listener, serve: serve)
    if let portFile { try PortFile.write(listener.url, to: portFile) }
    Self.report("\(contents) at \(listener.url)")
    server.run()
  }

  private static func print(
    _ catalogue: Catalogue, as layout: IndexPrinter.Layout
  ) throws(Fatal) {
    let printer = IndexPrinter(layout: layout)
    var text = printer.header.map { $0 + "\n" } ?? ""
    for document in catalogue.documents {
      text += printer.line(document) + "\n"
      if text.utf8.count > 1 << 16 || document.number == catalogue.documents.count {
        let failure = writeAll(Array(text.utf8), to: STDOUT_FILENO)
        guard failure == 0 else {
          throw Fatal(.inputOutput, "cannot write: \(String(cString: strerror(failure)))")
        }
        text = ""
      }
    }
  }

  private static func report(_ message: String) {
    Console.write("portal: \(Format.printable(message))\n")
  }
}

extension ScanResolution: ExpressibleByArgument {}
