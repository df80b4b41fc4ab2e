import Common
import Files
import Glibc

/// How a host answered in some twenty seconds: a line of `samples.jsonl`, from which `fetch plan` learns.
struct WindowSample: Sendable, Equatable {
  /// Its end, in nanoseconds since 1970, and its length in seconds.
  var at: Int64
  var seconds: Double
  /// As the limiter calls it.
  var host: String
  /// How many could work.
  var workers: Int
  /// Seconds between two requests; 0 for none.
  var delay: Double
  /// Requests that began; that were answered; that the portal refused (429, 5xx); that got no answer.
  var (started, completed, refused, broken): (Int, Int, Int, Int)
  /// Documents that were fetched, or are not to be had.
  var documents: Int
  /// Seconds that answers took, without the wait for a slot; 0 where none came.
  var (mean, median, slow): (Double, Double, Double)

  /// `{"at":"2026-11-26T08:00:20.114Z","host":"portal:443","seconds":20.0,"workers":3,"delay":0.5,…}`
  var json: JSON {
    let latency: JSON =
      completed == 0
      ? .null
      : .object(["mean": .decimal(mean, 4), "p50": .decimal(median, 4), "p95": .decimal(slow, 4)])
    return .object([
      "at": .string(Time.timestamp(at)), "host": .string(host), "seconds": .decimal(seconds, 2),
      "workers": .int(workers), "delay": .decimal(delay, 4), "started": .int(started),
      "completed": .int(completed), "refused": .int(refused), "broken": .int(broken),
      "documents": .int(documents), "latency": latency,
    ])
  }
}

extension WindowSample {
  /// Longer windows come from a process that was stopped, and say nothing of the portal.
  private static let longest = 120.0

  /// `nil` for a line that this program does not write.
  init?(line: some Sequence<UInt8>) {
    guard let json = try? JSON(parsing: Array(line)), let at = OutageReport.time(json["at"]),
      let host = json["host"]?.string, !host.isEmpty, host.utf8.count <= 300,
      let seconds = json["seconds"]?.double, (0.1...Self.longest).contains(seconds),
      let workers = json["workers"]?.int, (0...100_000).contains(workers),
      let delay = json["delay"]?.double, (0...86_400).contains(delay)
    else { return nil }
    let names = ["started", "completed", "refused", "broken", "documents"]
    let counts = names.compactMap { json[$0]?.int }.filter { (0...10_000_000).contains($0) }
    guard counts.count == names.count else { return nil }
    var latency = [0.0, 0, 0]
    if counts[1] > 0 {
      latency = ["mean", "p50", "p95"].compactMap { json["latency"]?[$0]?.double }
        .filter { (0...86_400).contains($0) }
      guard latency.count == 3, latency[0] > 0 else { return nil }
    }
    self.init(
      at: at, seconds: seconds, host: Format.printable(host), workers: workers, delay: delay,
      started: counts[0], completed: counts[1], refused: counts[2], broken: counts[3],
      documents: counts[4], mean: latency[0], median: latency[1], slow: latency[2])
  }

  /// What a file and the one before it have, and how many lines are none of these. Throws with exit code 74 where
  /// there is a file that cannot be read.
  static func read(_ path: String) throws(Fatal) -> (samples: [WindowSample], others: Int) {
    var samples: [WindowSample] = []
    var others = 0
    for path in [path + SampleLog.before, path] {
      let lines = try bytes(of: path).split(separator: UInt8(ascii: "\n"))
      let read = lines.compactMap { WindowSample(line: $0) }
      samples += read
      others += lines.count - read.count
    }
    return (samples, others)
  }

  private static func bytes(of path: String) throws(Fatal) -> [UInt8] {
    do {
      guard let file = try RegularFile.open(path, following: true) else { return [] }
      let size = try file.size()
      // Files of some other origin may be larger than ours ever are.
      let count = min(size, 8 * SampleLog.largest)
      return try file.bytes(count, from: size - count)
    } catch {
      if error.code == ENOENT { return [] }
      throw Fatal(.inputOutput, "\(error). Name another file with --samples.")
    }
  }
}
