import Files
import Glibc
import Logging

/// Log lines for people and for `grep`: to stderr and, with a file, also there.
///
/// A line holds time, level, tool, worker and message; in a file, which several runs may share, also run
/// and process:
/// `2026-11-23T18:30:35.123Z ERROR fetch Worker 3: 184223: portal_error: … run=20261123T183002-71 pid=73`
package struct LineLog: LogHandler {
  package enum Layout: String, Sendable, CaseIterable { case text, json }

  /// Where lines go, and from which level on.
  package struct Target: Sendable {
    enum Place: Sendable {
      case descriptor(Int32)
      case file(LogFile)
    }

    let place: Place
    let level: Logger.Level

    /// Lines of `level` and above go to `descriptor`, which stays open as long as the process.
    package init(descriptor: Int32, level: Logger.Level) {
      place = .descriptor(descriptor)
      self.level = level
    }

    /// Lines of `level` and above go to a file, with the run and the process.
    package init(file: LogFile, level: Logger.Level) {
      place = .file(file)
      self.level = level
    }
  }

  private let tool: String
  private let run: String
  private let targets: [Target]
  private let layout: Layout
  /// `worker` is put before the message, the rest behind it.
  package var metadata: Logger.Metadata = [:]
  /// The lowest level that any target takes.
  package var logLevel: Logger.Level

  /// A handler for the lines of `tool` in the run of this name.
  package init(tool: String, run: String = "", targets: [Target], layout: Layout = .text) {
    self.tool = tool
    self.run = run
    self.targets = targets
    self.layout = layout
    logLevel = targets.map(\.level).min() ?? .critical
  }

  /// A value attached to each line.
  package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  /// Writes one line with a single write(2). A log that cannot be written stops nobody.
  package func log(event: LogEvent) {
    let merged = metadata.merging(event.metadata ?? [:]) { $1 }
    // `grep -i error` is what people look for trouble with, and "CRITICAL" does not match.
    let message = (event.level == .critical ? "error: " : "") + event.message.description
    for target in targets where event.level >= target.level {
      switch target.place {
      case .descriptor(let descriptor):
        _ = writeAll(Array((render(event.level, message, merged) + "\n").utf8), to: descriptor)
      case .file(let file):
        let origin: Logger.Metadata = ["run": "\(run)", "pid": "\(getpid())"]
        let all = merged.merging(origin) { $1 }
        file.write(Array((render(event.level, message, all) + "\n").utf8))
      }
    }
  }

  func render(_ level: Logger.Level, _ message: String, _ metadata: Logger.Metadata) -> String {
    let time = Time.timestamp()
    let message = Format.printable(SecretRedactor.message(message))
    let others = metadata.filter { $0.key != "worker" }.sorted { $0.key < $1.key }
    switch layout {
    case .json:
      var object: JSONObject = [
        "time": .string(time), "level": .string(level.rawValue), "tool": .string(tool),
        "worker": metadata["worker"].map { .string("\($0)") }, "message": .string(message),
      ]
      for (name, value) in others { object[name] = .string(SecretRedactor.message("\(value)")) }
      return JSON.object(object).description
    case .text:
      let worker = metadata["worker"].map { " Worker \($0)" } ?? ""
      let rest = others.map {
        " \($0.key)=" + Format.printable(SecretRedactor.message("\($0.value)"))
      }
      .joined()
      let name = Format.padRight(level.rawValue.uppercased(), 8)
      return "\(time) \(name) \(tool)\(worker): \(message)\(rest)"
    }
  }
}

/// A log file that follows its name, as log rotation expects: where the file was renamed or removed, the
/// next line goes into a new one. (`copytruncate` needs nothing: the file is opened for appending.)
package final class LogFile: Sendable {
  private struct State {
    var descriptor: Int32
    var device: dev_t
    var inode: ino_t
  }

  private let path: String
  private let state: Lock<State>

  /// Opens or creates it. Throws with exit code 74.
  package init(path: String) throws(Fatal) {
    self.path = path
    guard let state = Self.open(path) else {
      throw Fatal(
        .inputOutput, "cannot open the log file \(path): \(String(cString: strerror(errno)))")
    }
    self.state = Lock(state)
  }

  deinit { state.withLock { _ = close($0.descriptor) } }

  /// Appends a line with a single write(2), so that lines of several processes do not mix. A log that
  /// cannot be written stops nobody.
  func write(_ line: [UInt8]) {
    state.withLock { state in
      // stat(2) takes a microsecond, and needs no signal that an operator could forget.
      var named = stat()
      let isSame =
        stat(path, &named) == 0 && named.st_ino == state.inode && named.st_dev == state.device
      if !isSame, let new = Self.open(path) {
        close(state.descriptor)
        state = new
      }
      _ = writeAll(line, to: state.descriptor)
    }
  }

  private static func open(_ path: String) -> State? {
    let descriptor = Glibc.open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { return nil }
    var status = stat()
    fstat(descriptor, &status)
    return State(descriptor: descriptor, device: status.st_dev, inode: status.st_ino)
  }
}
