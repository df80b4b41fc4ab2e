import Common
import Digest
import Glibc
import Inspection
import Logging
import Synchronization

/// `validate --files`: each file checked on its own, one line each, in no particular order.
struct FilesRun: Sendable {
  fileprivate struct Totals {
    var files: [FileFinding.State: Int] = [:]
  }

  let workers: Int
  let stop: Stop
  let logger: Logger

  /// Checks all files of a place. Returns 3 where one cannot be kept.
  func perform(_ place: String) throws -> ExitCode {
    let source = Mutex(try PathSource(place, stop: stop))
    let totals = Mutex(Totals())
    let writer = LineWriter(descriptor: STDOUT_FILENO, stop: stop)
    withThreads(workers) { _ in
      do {
        var inspector = Inspector(tool: "validate", seconds: 60, stop: stop)
        while !stop.isRequested, let path = try source.withLock({ try $0.next() }) {
          guard let finding = try inspector.finding(at: path) else { break }
          totals.withLock { $0.count(finding) }
          if !writer.write([Self.line(path, finding).serialized()]) { break }
        }
      } catch { stop.request(.failed(Fatal(describing: error))) }
    }
    if case .failed(let fatal) = stop.reason { throw fatal }
    let (result, links) = (totals.withLock { $0 }, source.withLock { $0.links })
    Console.write(result.text(links: links))
    if stop.reason == .interrupted { return .interrupted }
    return result.files.keys.allSatisfy(\.isGood) ? .success : .documentsFailed
  }

  private static func line(_ path: [UInt8], _ finding: FileFinding) -> JSON {
    let name = String(decoding: path, as: UTF8.self)
    var line: JSONObject = ["path": .string(name)]
    // Without this, the file could not be found again.
    if !name.utf8.elementsEqual(path) { line["path_hex"] = .string(Digest.hex(path)) }
    line["ok"] = .bool(finding.state.isGood)
    for member in finding.json.members { line[member.name] = member.value }
    return .object(line)
  }
}

extension FilesRun.Totals {
  fileprivate mutating func count(_ finding: FileFinding) {
    files[finding.state, default: 0] += 1
  }

  fileprivate func text(links: Int) -> String {
    var table = TextTable()
    table.row("Files", files.values.reduce(0, +))
    for state in FileFinding.State.allCases {
      if let count = files[state] { table.row("  \(state.rawValue)", count) }
    }
    if links > 0 { table.row("Links passed over", links) }
    return table.text
  }
}
