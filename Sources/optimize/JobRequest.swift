import Files
import Common
import Glibc

/// One document for a worker process: a line on its standard input.
struct JobRequest: Sendable, Equatable {
  static let source = "in.pdf"
  static let result = "out.pdf"
  /// What the engine for images makes, until it is known to be the best.
  static let imagesResult = "images.pdf"

  /// The private directory: it holds the source, and takes the result.
  var directory: String
  var settings: Settings

  var json: JSON {
    .object([
      "directory": .string(directory), "gs": settings.ghostscript.map(JSON.string),
      "engine": .string(settings.engine.rawValue), "quality": .string(settings.quality.rawValue),
      "isolation": .string(settings.isolation.rawValue), "seconds": .int(settings.seconds),
      "pdftoppm": settings.renderer.map { .string($0.drawing) },
      "pdftotext": settings.renderer.map { .string($0.text) },
      "unchecked": .bool(settings.isUnchecked), "bilevel": .bool(settings.makesBilevel),
      "verified_share": .decimal(settings.verifiedShare),
      "memory": .int(settings.memory),
    ])
  }

  init(directory: String, settings: Settings) {
    self.directory = directory
    self.settings = settings
  }

  init?(json: JSON) {
    guard let directory = json["directory"]?.string,
      let engine = json["engine"]?.string.flatMap(Engine.init),
      let quality = json["quality"]?.string.flatMap(Quality.init),
      let isolation = json["isolation"]?.string.flatMap(GhostscriptPool.Isolation.init),
      let share = json["verified_share"]?.double, let seconds = json["seconds"]?.int,
      let memory = json["memory"]?.int, let isUnchecked = json["unchecked"]?.bool,
      let makesBilevel = json["bilevel"]?.bool
    else { return nil }
    var renderer: Renderer.Programs?
    if let drawing = json["pdftoppm"]?.string, let text = json["pdftotext"]?.string {
      renderer = Renderer.Programs(drawing: drawing, text: text)
    }
    self.init(
      directory: directory,
      settings: Settings(
        engine: engine, ghostscript: json["gs"]?.string, isolation: isolation, quality: quality,
        makesBilevel: makesBilevel, renderer: renderer, verifiedShare: share,
        isUnchecked: isUnchecked, seconds: seconds,
        memory: memory))
  }
}

/// What is to become of a document.
enum JobVerdict: Sendable, Equatable {
  /// The result of an engine replaces the original; both have this many pages. Whether something had to be
  /// repaired for it.
  case accepted(Engine, pages: Int, isRepaired: Bool = false)
  /// The original goes on; why, and its pages where they could be counted.
  case kept(Rejection, pages: Int? = nil)
}

/// What a worker process says: a line on its standard output.
enum JobReply: Sendable, Equatable {
  /// The source is in order; the engines work on so many pages now.
  case started(pages: Int)
  /// The outcome of a document.
  case findings(Findings)
  /// The machine is in trouble, and no document at fault; the `errno`.
  case trouble(String, code: Int32)

  var json: JSON {
    switch self {
    case .started(let pages): return .object(["started": .int(pages)])
    case .findings(let findings):
      var object: JSONObject
      switch findings.verdict {
      case .accepted(let engine, let pages, let isRepaired):
        object = [
          "accepted": .int(pages), "engine": .string(engine.rawValue),
          "repaired": .bool(isRepaired),
        ]
      case .kept(let rejection, let pages):
        object = ["kept": rejection.json, "pages": pages.map(JSON.int)]
      }
      object["rejected"] = findings.rejected?.json
      object["times"] = findings.times
      return .object(object)
    case .trouble(let message, let code):
      return .object(["trouble": .string(message), "code": .int(Int(code))])
    }
  }

  init?(json: JSON) {
    if let pages = json["started"]?.int, pages > 0 {
      self = .started(pages: pages)
    } else if let verdict = Self.verdict(json) {
      self = .findings(
        Findings(
          verdict: verdict, rejected: json["rejected"].flatMap(RejectedResult.init),
          seconds: Findings.seconds(json["times"])))
    } else if let message = json["trouble"]?.string, let code = json["code"]?.int {
      self = .trouble(message, code: Int32(clamping: code))
    } else {
      return nil
    }
  }

  private static func verdict(_ json: JSON) -> JobVerdict? {
    if let pages = json["accepted"]?.int, pages > 0,
      let engine = json["engine"]?.string.flatMap(Engine.init),
      let isRepaired = json["repaired"]?.bool
    {
      return .accepted(engine, pages: pages, isRepaired: isRepaired)
    }
    return json["kept"].flatMap(Rejection.init).map { .kept($0, pages: json["pages"]?.int) }
  }
}

/// `optimize --worker`: the process in which hostile PDFs are parsed. One job a line on standard
/// input, its answers on standard output. The parent set its limits, and ends it.
enum WorkerMain {
  static let flag = "--worker"

  /// Works until the input ends. Returns the exit status.
  static func run() -> Int32 {
    // It was started as /proc/self/exe; people look for a name.
    let name = open("/proc/self/comm", O_WRONLY | O_CLOEXEC)
    _ = writeAll(Array("optimize".utf8), to: name)
    close(name)
    // A Ghostscript that is no more is noticed where its output ends.
    signal(SIGPIPE, SIG_IGN)
    // A limit on the size of files is an error of write(2), EFBIG, and not the document's fault.
    signal(SIGXFSZ, SIG_IGN)
    let ghostscript = GhostscriptPool()
    var lines = LineReader(descriptor: STDIN_FILENO)
    while case .line(let line)? = try? lines.next() {
      guard let json = try? JSON(parsing: line), let job = JobRequest(json: json) else {
        return ToolExit.notRecords.rawValue
      }
      answer(job, ghostscript)
    }
    return ToolExit.success.rawValue
  }

  private static func answer(_ job: JobRequest, _ ghostscript: GhostscriptPool) {
    do throws(OptimizationJob.Trouble) {
      say(
        .findings(try OptimizationJob(job, with: ghostscript).findings { say(.started(pages: $0)) })
      )
    } catch {
      say(.trouble(error.message, code: error.code))
    }
  }

  private static func say(_ answer: JobReply) {
    _ = writeAll(answer.json.serialized() + [UInt8(ascii: "\n")], to: STDOUT_FILENO)
  }
}
