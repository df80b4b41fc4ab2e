import Limiter
import Checkpoint
import Files
import ArgumentParser
import CLI
import Common
import Glibc
import Logging
import HTTP

/// `fetch explain`: one document, step by step, in words.
struct ExplainCommand: Tool {
  static let configuration = CommandConfiguration(
    commandName: "explain",
    abstract: "Fetch one document, and print what each step did.",
    usage: "fetch explain --portal NAME --field NAME=VALUE… [OPTION]…",
    discussion: """
      The record is given by its fields, or as a line on stdin. Nothing is kept, but what --save names. Saved \
      answers take the place of the portal with --from; with a record.json beside them they are a test \
      (conveyor portal-test).

        fetch explain --portal mid --field book=285 --field page=55 --save mid-55
        fetch explain --portal mid --from mid-55

      \(ToolExit.table)
      """)

  @Option(help: ArgumentHelp("Set this field of the record; repeatable.", valueName: "name=value"))
  var field: [RecordField] = []

  @Option(help: ArgumentHelp("Keep requests and answers in this folder.", valueName: "dir"))
  var save: String?

  @Option(
    help: ArgumentHelp("Take answers from this folder, not from the portal.", valueName: "dir"))
  var from: String?

  @Flag(help: "Ask for this document and for one that cannot exist, and compare the answers.")
  var probe = false

  @OptionGroup var requests: RequestOptions
  @OptionGroup var place: StateOptions
  @OptionGroup var log: LogOptions

  func validate() throws {
    guard from == nil || save == nil && !probe else {
      throw ValidationError("--from cannot be combined with --save or --probe.")
    }
  }

  func perform(stop: ShutdownSignal, logger: Logger) throws -> ToolExit {
    let stage = try requests.stages.load()
    let settings = try requests.settings(
      stage, secrets: from == nil ? PortalSecrets.find : Explanation.noSecret)
    let record = try record()
    let limiter = try limiter(settings.budgets, stop)
    let explanation = Explanation(settings: settings, limiter: limiter, stop: stop)
    if probe {
      let both = try Comparison(explanation, record)
      return try end(both.lines, isGood: both.isTold, stop)
    }
    let saved = try from.map { directory throws(Fatal) in try SavedAnswers(in: directory) }
    let report = try explanation.run(record, saved: saved)
    if let save {
      try Spool.makeDirectories(save)
      try SavedAnswers.save(report.exchanges, in: save, explanation.secrets)
      try SavedAnswers.write(
        JSON.object(record.fields).description + "\n", to: save + "/record.json")
      try SavedAnswers.write(report.expected.description + "\n", to: save + "/expected.json")
    }
    return try end(report.lines, isGood: report.isDecided, stop)
  }

  private func end(_ lines: [String], isGood: Bool, _ stop: ShutdownSignal) throws -> ToolExit {
    let code = try stop.print(lines)
    return code == .success && !isGood ? .documentsFailed : code
  }

  private func limiter(_ budgets: [String: String], _ stop: ShutdownSignal) throws -> Limiter {
    if from != nil { return try Limiter() }
    let folder = try place.folder()
    try Spool.makeDirectories(folder.path)
    let location = try LimiterLocation(place.limiter(in: folder))
    return try Limiter(at: location, names: budgets, stop: stop) { _ in }
  }

  private func record() throws -> DocumentRecord {
    if field.isEmpty {
      if let from, access(from + "/record.json", F_OK) == 0 {
        return try Self.record(
          String(decoding: SavedAnswers.bytes(from + "/record.json"), as: UTF8.self))
      }
      guard let line = readLine() else {
        throw Fatal(.usage, "there is no record: give its fields with --field, or a line on stdin.")
      }
      return try Self.record(line)
    }
    var record = DocumentRecord(id: "explained")
    for field in field { record.fields[field.name] = field.value }
    return record
  }

  static func record(_ line: String) throws -> DocumentRecord {
    do { return try DocumentRecord(JSON(parsing: line)) } catch {
      throw Fatal(.notRecords, "this is no record: \(error)")
    }
  }
}

/// A field of a record on the command line.
struct RecordField: OptionType {
  static let form = "Write a name and a value, like book=285."
  let name: String
  let value: JSON

  init?(parsing text: String) {
    guard let sign = text.firstIndex(of: "="), sign > text.startIndex else { return nil }
    name = String(text[..<sign])
    let written = String(text[text.index(after: sign)...])
    // An id is a text in any case.
    value = name != "id" ? Int(written).map(JSON.int) ?? .string(written) : .string(written)
  }
}

/// Fetches a document and reports each step.
struct Explanation {
  let settings: FetchSettings
  let limiter: Limiter
  let stop: ShutdownSignal

  /// What a document came to.
  struct Report {
    let lines: [String]
    let exchanges: [Trace.Exchange]
    /// Whether no more was asked for.
    let wasCut: Bool
    /// What was fetched, or why not, as a test of the portal file has it.
    let expected: JSON
    /// Whether it was fetched, or is known not to be there.
    let isDecided: Bool
    /// Saved answers that nothing asked for.
    let unused: [String]
    /// Requests that differ from those that were saved.
    let differences: [String]
  }

  var secrets: HeaderSecrets {
    HeaderSecrets(
      headers: settings.transfer.headers, proxies: [],
      others: settings.portals.flatMap { Array($0.secrets.values) })
  }

  /// What a portal file is read with where nothing is sent.
  static func noSecret(_ name: String, _ portal: String) throws(Fatal) -> Secret { Secret("***") }

  /// Fetches once, without a second try.
  func run(
    _ record: DocumentRecord, saved: SavedAnswers? = nil, most: Int = .max
  ) throws -> Report {
    let folder = try Self.temporaryFolder()
    defer { FileTree.remove(folder) }
    var settings = settings
    settings.retry = RetryPolicy(retries: 0)
    settings.outages = OutagePolicy(firstDistance: 0, longestDistance: 0, limit: 0)
    if saved != nil { settings.pace = RateLimit(delay: 0) }
    let trace = Trace(saved: saved, most: most, secrets: secrets)
    let quiet = Logger(label: "explain") { _ in SwiftLogNoOpLogHandler() }
    let services = FetchServices(
      settings: settings, spool: try Spool(root: folder), limiter: limiter,
      checkpoint: try Checkpoint(path: ":memory:"), stop: stop, trace: trace, logger: quiet)
    var fetcher = try Fetcher(services, worker: 1, logger: quiet)
    var fetched = record
    var error: RecordError?
    do { try fetcher.process(&fetched) } catch let met as RecordError {
      if met.kind == .interrupted { throw met }
      error = met
    } catch let fatal as Fatal where [.unavailable, .permission].contains(fatal.code) {
      // What the gate says of an outage has times in it, and says no more than the last answer.
      let why = trace.all.last?.verdict ?? fatal.message
      error = RecordError(.portalError, "a run would stop here: \(why)")
    }
    let portal = (try? Portal.route(record, among: settings.portals)) ?? .direct
    let words = StepReport(portal: portal, folder: folder, secrets: secrets)
    var lines = [
      "\(portal.name.isEmpty ? "no portal" : "portal \(portal.name)"), document \(fetched.label)"
    ]
    var before: Trace.Exchange?
    for exchange in trace.all {
      lines += [""] + words.lines(exchange, before: before)
      before = exchange
    }
    let wasCut = error?.message == Trace.enough.message
    // Nothing on the page says that there is no document; in a run that is believed while others are found.
    let last = trace.all.last
    let isGuess =
      error?.kind == .absent && last?.head.status == 200 && last?.step.purpose.isPage == true
      && last?.step.knowsAnswers == false && portal.meanings(of: last?.step ?? PortalStep()).isEmpty
    lines += ["", wasCut ? "result: it goes on from here" : Self.result(fetched, error)]
    if isGuess {
      lines.append(
        "  This is a guess, believed only while other documents are found: the step has neither answer nor absent."
      )
    }
    return Report(
      lines: lines, exchanges: trace.all, wasCut: wasCut, expected: Self.expected(fetched, error),
      isDecided: error == nil || error?.kind == .absent && !isGuess,
      unused: trace.rest.compactMap(\.request.first),
      differences: trace.all.compactMap { exchange in
        exchange.difference.map { "\(exchange.step.name) \($0)" }
      })
  }

  private static func temporaryFolder() throws(Fatal) -> String {
    let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    var template = Array((parent + "/conveyor-explain-XXXXXX").utf8CString)
    guard mkdtemp(&template) != nil else {
      throw Fatal(.inputOutput, "\(FileError("make a folder in", parent))")
    }
    return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  private static func result(_ record: DocumentRecord, _ error: RecordError?) -> String {
    if let error {
      let again =
        error.kind == .absent ? "" : error.isRetryable ? "; tried again" : "; not tried again"
      return "result: \(error.kind.rawValue)\(again): \(SecretRedactor.message(error.message))"
    }
    guard let fetch = record.fetch else { return "result: nothing" }
    var parts: [String] = []
    let images = fetch.images ?? 1
    parts.append(images == 1 ? "one file" : "\(images) files")
    if let pages = fetch.pages { parts.append(pages == 1 ? "one page" : "\(pages) pages") }
    if let bytes = fetch.bytes { parts.append(Format.bytes(bytes)) }
    if let type = fetch.contentType { parts.append("made from \(type)") }
    if fetch.isMismatch != nil {
      let place = [fetch.actualBook.map { "book \($0)" }, fetch.actualPage.map { "page \($0)" }]
      let differs = fetch.isMismatch == true ? ", which differs from the record" : ""
      parts.append(
        "\(place.compactMap(\.self).joined(separator: " ")) by the portal's own words\(differs)")
    }
    return "result: fetched, " + parts.joined(separator: ", ")
  }

  /// The members of a result that tell one document from another.
  private static func expected(_ record: DocumentRecord, _ error: RecordError?) -> JSON {
    if let error { return .object(["error": .string(error.kind.rawValue)]) }
    var members = JSONObject()
    for name in ["images", "pages", "actual_book", "actual_page", "content_type", "encrypted"] {
      if let value = record.fetch?.members[name], value != .null { members[name] = value }
    }
    return .object(members)
  }
}
