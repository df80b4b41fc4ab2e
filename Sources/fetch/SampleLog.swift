import Common
import Files
import Glibc
import Logging

/// Appends a ``WindowSample`` for each host and twenty seconds in which it was asked to a file. Workers only count;
/// a thread of its own writes, and what cannot be written is left out: no document waits or fails for it.
///
/// The window is one of time. A controller's windows end after two seconds where a portal is quick, and a day of
/// those would fill the file; of these, a week is 30,000 lines.
final class SampleLog: Sendable {
  /// Length of a window, in seconds.
  static let window = 20.0
  /// Size from which the file becomes the one before, in bytes; what was that is removed.
  static let largest = 8 << 20
  /// Behind the name of the file before.
  static let before = ".1"
  /// Latencies of a window that are kept, by chance where there are more.
  private static let mostLatencies = 2048

  private struct Window {
    /// On the monotonic clock.
    var began: Int64
    var delay = 0.0
    var started = 0
    var completed = 0
    var refused = 0
    var broken = 0
    var documents = 0
    var seconds = 0.0
    var latencies: [Double] = []

    var isEmpty: Bool { started + completed + refused + broken + documents == 0 }

    mutating func note(_ latency: Double) {
      completed += 1
      seconds += latency
      guard latencies.count == SampleLog.mostLatencies else { return latencies.append(latency) }
      // Each has the same chance to be among those that are kept (Vitter's algorithm R).
      let place = Int.random(in: 0..<completed)
      if latencies.indices.contains(place) { latencies[place] = latency }
    }
  }

  private let path: String
  private let largest: Int
  private let names: [String: String]
  private let workers: @Sendable () -> Int
  private let logger: Logger
  private let windows = Lock<[String: Window]>([:])
  private let hasFailed = Lock(false)
  private let done = Latch()

  /// - Parameters:
  ///   - largest: size from which the file becomes the one before, in bytes.
  ///   - names: what the limiter calls hosts that share a budget.
  ///   - workers: how many may work now.
  init(
    path: String, largest: Int = SampleLog.largest, names: [String: String] = [:], logger: Logger,
    workers: @escaping @Sendable () -> Int
  ) {
    self.path = path
    self.largest = largest
    self.names = names
    self.logger = logger
    self.workers = workers
  }

  /// Writes after each window, until ``end()``.
  func begin() {
    _ = startThread { [self] in
      while done.sleep(seconds: Self.window) { write() }
    }
  }

  /// Writes what is left. No thread may note anything any more.
  func end() {
    done.happen()
    write()
  }

  /// A request to a host begins.
  func started(_ host: String) { change(host) { $0.started += 1 } }

  /// It ended, after so many seconds, with a status or with none. `isDropped`: the portal refused, broke off or did
  /// not answer.
  func ended(_ host: String, status: Int?, isDropped: Bool, seconds: Double, delay: Double) {
    change(host) { window in
      window.delay = delay
      if isDropped {
        if status == nil { window.broken += 1 } else { window.refused += 1 }
      } else if status != nil {
        window.note(seconds)
      }
    }
  }

  /// A document that was first asked for there is done.
  func documentDone(_ host: String) { change(host) { $0.documents += 1 } }

  private func change(_ host: String, _ body: (inout Window) -> Void) {
    let host = names[host] ?? host
    windows.withLock { windows in
      // Links may lead to very many.
      guard windows[host] != nil || windows.count < Traffic.mostHosts else { return }
      body(&windows[host, default: Window(began: Time.monotonic())])
    }
  }

  private func write() {
    let samples = take()
    guard !samples.isEmpty else { return }
    let lines = samples.map { $0.json.serialized() + [UInt8(ascii: "\n")] }
    let failure = append(Array(lines.joined()))
    guard failure != 0, hasFailed.withLock({ failed in (failed, failed = true).0 }) == false else {
      return
    }
    logger.warning(
      """
      cannot write samples to \(path): \(String(cString: strerror(failure))). The run goes on; conveyor plan \
      will know less.
      """)
  }

  /// What the windows hold that end now. A host that was asked in one is looked at from its end on in the next;
  /// else from its first request on.
  func take(now: Int64 = Time.monotonic(), at: Int64 = Time.wall()) -> [WindowSample] {
    let ended = windows.withLock { windows in
      let ended = windows.filter { !$0.value.isEmpty }
      windows = ended.mapValues { Window(began: now, delay: $0.delay) }
      return ended
    }
    return ended.sorted { $0.key < $1.key }.map { host, window in
      let sorted = window.latencies.sorted()
      return WindowSample(
        at: at, seconds: max(0.1, Double(now - window.began) / 1e9), host: host,
        workers: workers(), delay: window.delay, started: window.started,
        completed: window.completed, refused: window.refused, broken: window.broken,
        documents: window.documents,
        mean: window.completed == 0 ? 0 : window.seconds / Double(window.completed),
        median: Quantile.of(sorted, 0.5), slow: Quantile.of(sorted, 0.95))
    }
  }

  /// Appends whole lines, in one write(2) on a descriptor that appends, because several processes may share the
  /// file. Returns 0, or the `errno` of what failed.
  private func append(_ lines: [UInt8]) -> Int32 {
    var descriptor = open()
    guard descriptor >= 0 else { return errno }
    defer { close(descriptor) }
    if isFull(descriptor), rename(path, path + Self.before) == 0 {
      close(descriptor)
      descriptor = open()
      guard descriptor >= 0 else { return errno }
    }
    return writeAll(isTorn(descriptor) ? [UInt8(ascii: "\n")] + lines : lines, to: descriptor)
  }

  private func open() -> Int32 {
    Glibc.open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0o600)
  }

  /// Whether it is time for a new file, and for this process to make it: of two that find it full at the same time,
  /// the second would remove what the first has put aside.
  private func isFull(_ descriptor: Int32) -> Bool {
    var (opened, named) = (stat(), stat())
    return fstat(descriptor, &opened) == 0 && opened.st_size >= largest
      && flock(descriptor, LOCK_EX | LOCK_NB) == 0
      && stat(path, &named) == 0 && named.st_ino == opened.st_ino && named.st_dev == opened.st_dev
  }

  /// Whether a full disk, or a power cut, left half a line at the end.
  private func isTorn(_ descriptor: Int32) -> Bool {
    var status = stat()
    var last: UInt8 = 0
    return fstat(descriptor, &status) == 0 && status.st_size > 0
      && pread(descriptor, &last, 1, status.st_size - 1) == 1 && last != UInt8(ascii: "\n")
  }
}

/// Quantiles of values that are sorted, weighted by what stands beside them. Pure.
enum Quantile {
  /// Between two values, in proportion (type 7 of Hyndman and Fan); 0 of none.
  static func of(_ sorted: [Double], _ share: Double) -> Double {
    guard let last = sorted.last else { return 0 }
    let place = share * Double(sorted.count - 1)
    let index = Int(place)
    guard index + 1 < sorted.count else { return last }
    return sorted[index] + (place - Double(index)) * (sorted[index + 1] - sorted[index])
  }

  /// The smallest value at or below which the values have that share of all weight; `nil` of none.
  static func weighted(_ values: [(value: Double, weight: Double)], _ share: Double) -> Double? {
    let sorted = values.filter { $0.weight > 0 }.sorted { $0.value < $1.value }
    let whole = sorted.reduce(0) { $0 + $1.weight } * share
    var sum = 0.0
    return sorted.first { entry in
      sum += entry.weight
      return sum >= whole - 1e-9
    }?.value
  }
}
