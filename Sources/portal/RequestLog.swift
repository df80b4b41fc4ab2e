import Files
import Common
import Glibc

/// One line of JSON for each request, from all connections and, if need be, several portals.
final class RequestLog: Sendable {
  private let descriptor: Int32

  init(path: String) throws(Fatal) {
    descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else {
      throw Fatal(.inputOutput, "cannot open the log \(path): \(String(cString: strerror(errno)))")
    }
  }

  deinit { close(descriptor) }

  /// Appends a line with a single write(2), so that lines do not mix.
  func append(_ entry: Entry) {
    var line = JSON.object(entry.fields).serialized()
    line.append(UInt8(ascii: "\n"))
    _ = writeAll(line, to: descriptor)
  }

  /// What became of a request.
  struct Entry: Sendable {
    /// When the kernel had received its first bytes (`Time.monotonic()`).
    let start: Int64
    /// From 1; requests of one connection share it.
    let connection: Int
    var method: String?
    var path: String?
    var query: String?
    /// Of the status line that was sent, if any was.
    var status: Int?
    var fault: FaultKind?
    var document: Int?
    /// Whether everybody was answered so.
    var isOutage = false
    /// Bytes handed to the system, head and body.
    var bytes = 0

    var fields: JSONObject {
      [
        "start": .int(Int(start)), "connection": .int(connection),
        "method": method.map(JSON.string) ?? .null,
        "path": path.map(JSON.string) ?? .null, "query": query.map(JSON.string) ?? .null,
        "status": status.map(JSON.int) ?? .null,
        "fault": fault.map { .string($0.rawValue) } ?? .null,
        "document": document.map(JSON.int) ?? .null, "bytes": .int(bytes),
        "outage": isOutage ? .bool(true) : nil,
      ]
    }
  }
}
