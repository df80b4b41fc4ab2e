import Common
import Foundation
import Index
import Config
import Support
import Testing

/// A whole pipeline in a folder of its own: the sample portal, an index in a file or in PostgreSQL, a bucket
/// in a folder, and the driver that puts the built tools together.
final class PipelineRun {
  let folder: TemporaryDirectory
  let portal: SamplePortal
  /// How many documents of the stage there are.
  let documents: Int
  let workers = 4
  private let place: String?
  private let database: Database?
  private let site: String

  /// Everything up to book 3971, so that all documents of the sample are selected.
  private static let stage = """
    key: '{document_type|slug|or:unknown}/{book|pad:4}-{page|pad:4}.pdf'
    books: [1-3971]
    """

  /// `place` is where documents go, instead of a bucket in the folder; `portals` are asked at `site`, a folder of
  /// the sample portal.
  init(
    documents: Int, _ portalOptions: [String] = [], pipeline: [String] = [],
    in database: Database? = nil, to place: String? = nil,
    portals: [String] = ["historical", "mid"], site: String = ""
  ) throws {
    self.site = site
    self.place = place
    folder = try TemporaryDirectory()
    self.database = database
    let line = pipeline.isEmpty ? "" : "\npipeline: [\(pipeline.joined(separator: ", "))]\n"
    let asked = "portals: [\(portals.joined(separator: ", "))]\n"
    try folder.write(asked + Self.stage + line, to: "stage.yaml")
    let size = ["--documents", "\(documents)"]
    portal = try SamplePortal(in: folder.path, size + portalOptions)
    let index = try run("portal", size + portalOptions + ["--print-index", "csv"])
    self.documents = documents
    let added = try run(
      "enqueue", ["import", "-", "--index", indexURL, "--format", "csv"], input: index.output)
    #expect(added.code == 0, "\(added)")
  }

  var state: String { "\(folder.path)/state" }
  var indexURL: String { database?.url ?? "\(folder.path)/index.db" }
  var to: String { place ?? "\(folder.path)/bucket" }

  /// Starts `conveyor run`; a pipeline beside it has a state folder of its own.
  func start(
    _ options: [String] = [], state: String? = nil, environment: [String: String] = [:]
  ) throws -> Program {
    try start(["--state", state ?? self.state] + options, environment)
  }

  private func start(_ options: [String], _ environment: [String: String]) throws -> Program {
    try Program(
      "\(sourceTree)/bin/conveyor",
      [
        "run", "--stage", "\(folder.path)/stage.yaml", "--index", indexURL,
        "--to", to, "--portal-base", portal.base + site,
        "--workers", "\(workers)", "--rate-limit-delay", "0.01", "--retry-base", "0.05",
        "--retry-wait", "0.2", "--progress", "never", "--yes",
      ] + options,
      environment: environment.merging(["CONVEYOR_BIN": builtTools]) { $1 },
      directory: folder.path)
  }

  /// Runs it to its end without a word about where its state is to be.
  func finishWithoutState(environment: [String: String]) throws -> Finished {
    try start([], environment).wait()
  }

  /// Runs it to its end.
  func finish(_ options: [String] = [], environment: [String: String] = [:]) throws -> Finished {
    try start(options, environment: environment).wait()
  }

  func counts() throws -> StatusCounts {
    try openIndex(indexURL).counts(Selection())
  }

  /// What psql(1) or sqlite3(1) answers, row by row, columns separated by bars. It may have to write: a program
  /// that was killed leaves a journal behind, which whoever reads next rolls back.
  @discardableResult
  func rows(_ query: String) throws -> [[String]] {
    if let database { return try database.rows(query) }
    let answer = try run("/usr/bin/sqlite3", ["\(folder.path)/index.db", query])
    #expect(answer.code == 0, "\(answer)")
    return answer.lines.map {
      $0.split(separator: "|", omittingEmptySubsequences: false).map(String.init)
    }
  }

  /// Waits until the portal has sent so many whole scans.
  func waitForScans(_ count: Int) {
    #expect(eventually { portal.scansSent.values.reduce(0, +) >= count })
  }

  /// Sends a signal to all tools of the pipeline, and to nothing else, at once.
  func signalPipeline(_ signal: Int32) {
    for entry in (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? [] {
      guard let process = pid_t(entry),
        let line = FileManager.default.contents(atPath: "/proc/\(entry)/cmdline"),
        case let words = String(decoding: line, as: UTF8.self).split(separator: "\0"),
        words.contains("\(state)/conveyor.log"),
        let name = words.first?.split(separator: "/").last, toolNames.contains(String(name))
      else { continue }
      kill(process, signal)
    }
  }

  /// Promises P1 and P7: what the index calls completed is in the bucket, whole, with the size and
  /// the checksum that it says; and there is nothing else, in the bucket or in the spool.
  func checkCompleted() throws {
    let rows = try rows(
      """
      SELECT gcs_path, content_bytes, content_sha256 FROM index_documents
      WHERE download_status = 'completed'
      """)
    var expected: Set<String> = []
    for row in rows {
      let path = try #require(URL(string: row[0])?.path)
      expected.insert(path)
      let content = FileManager.default.contents(atPath: path) ?? Data()
      #expect(content.count == Int(row[1]), "\(row)")
      #expect(content.starts(with: Array("%PDF-".utf8)), "\(row)")
      let sum = try run("/usr/bin/sha256sum", [path])
      #expect(sum.text.hasPrefix(row[2]), "\(row)")
    }
    let bucket = "\(folder.path)/bucket"
    #expect(expected.count == rows.count)
    // Whatever else there may be is complete, too, and waits for its completion.
    for file in Files.all(in: bucket) where !file.hasPrefix(".") {
      #expect(file.hasSuffix(".pdf"), "\(file)")
    }
    let left = try counts()
    if left.completed == left.total {
      #expect(Set(Files.all(in: bucket).map { "\(bucket)/\($0)" }) == expected)
      let spool = Files.all(in: "\(state)/spool")
      #expect(spool == [])
    }
  }
}
