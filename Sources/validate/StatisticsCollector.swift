import Common
import Synchronization

/// What a record tells about its document besides whether it arrived.
struct DocumentFacts: Sendable, Equatable {
  let portal: String?
  let isMismatch: Bool
  /// Whether the object was in the store before.
  let isSkipped: Bool
  /// Whether the portal was asked and does not have it.
  let isAbsent: Bool
  /// Whether it opens only with a password, and is stored as it came.
  let isEncrypted: Bool
  /// Bytes that the portal sent.
  let originalBytes: Int?
  /// Bytes in the store.
  let storedBytes: Int?

  init(_ record: DocumentRecord) {
    let fetch = record.fetch
    let upload = record.upload
    portal = fetch?.portal
    isMismatch = fetch?.isMismatch ?? false
    isSkipped = upload?.isSkipped ?? false
    isAbsent = record.error?.kind == .absent
    isEncrypted = fetch?.isEncrypted ?? false
    // A size below zero is none.
    originalBytes = (record.optimize?.originalBytes ?? fetch?.bytes).flatMap { $0 < 0 ? nil : $0 }
    storedBytes = upload?.bytes.flatMap { $0 < 0 ? nil : $0 }
  }
}

/// The figures of a run at one moment.
struct RunStatistics: Sendable, Equatable {
  /// Lines that came with a document, repeated attempts included.
  var attempts = 0
  var completed = 0
  /// Failed, but for the absent ones.
  var failed = 0
  /// The portal was asked and does not have them: an answer, and no failure of the run.
  var absent = 0
  var leaseLost = 0
  /// Documents that came back because the run was stopped, before their work was begun: not among the attempts.
  var givenBack = 0
  var invalidLines = 0
  /// Documents to be tried again that have not come back yet.
  var waiting = 0
  /// Of those completed: were in the store before.
  var skipped = 0
  /// Of those completed: book or page differs from the index.
  var mismatches = 0
  /// Of those completed: open only with a password.
  var encrypted = 0
  /// Bytes that the portal sent and bytes stored, of documents that have both.
  var originalBytes = 0
  var storedBytes = 0

  /// Documents that will not come again.
  var done: Int { completed + failed + absent + leaseLost }
  /// Documents that came, each counted once.
  var attempted: Int { done + waiting }
  var savedBytes: Int { originalBytes - storedBytes }
}

/// Counts what happens, for the progress line, the summary and the exit code. All threads share it.
final class StatisticsCollector: Sendable {
  private struct State {
    var figures = RunStatistics()
    var waiting: Set<String> = []
    var givenBack: Set<String> = []
    var portals = TopCounts(limit: 50)
    var errors = TopCounts(limit: 200, ignoresDetails: true)
    var errorClasses: [ErrorClass: Int] = [:]
  }

  private let state = Mutex(State())

  func add(_ verdict: ObjectVerdict, _ id: String, _ facts: DocumentFacts) {
    state.withLock { state in
      if verdict == .givenBack {
        state.givenBack.insert(id)
        return
      }
      state.figures.attempts += 1
      state.givenBack.remove(id)
      if verdict == .again {
        state.waiting.insert(id)
      } else {
        state.waiting.remove(id)
      }
      switch verdict {
      case .again, .givenBack: break
      case .failed where facts.isAbsent: state.figures.absent += 1
      case .failed: state.figures.failed += 1
      case .leaseLost: state.figures.leaseLost += 1
      case .checked, .completed:
        state.figures.complete(facts)
        if let portal = facts.portal { state.portals.add(portal) }
      }
    }
  }

  /// A failed document that there is no index to write to for.
  func failedUnsettled(_ facts: DocumentFacts) {
    state.withLock {
      $0.figures.attempts += 1
      if facts.isAbsent { $0.figures.absent += 1 } else { $0.figures.failed += 1 }
    }
  }

  /// An error that a document came with, or was found here; Ctrl+C is none. That the portal does not
  /// have a document is counted by its class, and is none of the errors that are listed.
  func met(_ error: RecordError) {
    guard error.kind != .interrupted else { return }
    state.withLock {
      $0.errorClasses[error.kind, default: 0] += 1
      guard error.kind != .absent else { return }
      $0.errors.add("\(error.kind.rawValue): \(error.message)")
    }
  }

  /// How often which class of error was met.
  var errorClasses: [ErrorClass: Int] { state.withLock { $0.errorClasses } }

  func metInvalidLine() { state.withLock { $0.figures.invalidLines += 1 } }

  var figures: RunStatistics {
    state.withLock { state in
      var figures = state.figures
      figures.givenBack = state.givenBack.count
      figures.waiting = state.waiting.subtracting(state.givenBack).count
      return figures
    }
  }

  /// Completed documents by portal, and the most frequent errors, most frequent first.
  func rankings(errors top: Int) -> (portals: [TopCounts.Entry], errors: [TopCounts.Entry]) {
    state.withLock { ($0.portals.ranking(), Array($0.errors.ranking().prefix(top))) }
  }
}

extension RunStatistics {
  fileprivate mutating func complete(_ facts: DocumentFacts) {
    completed += 1
    skipped += facts.isSkipped ? 1 : 0
    mismatches += facts.isMismatch ? 1 : 0
    encrypted += facts.isEncrypted ? 1 : 0
    if let original = facts.originalBytes, let stored = facts.storedBytes {
      originalBytes = originalBytes.addingClamped(original)
      storedBytes = storedBytes.addingClamped(stored)
    }
  }

  /// How a run that came to its end is to be judged: 0 only if all was settled well. What the portal
  /// does not have is not in the store either, so that it counts here.
  var exitCode: ToolExit {
    failed + absent + leaseLost + invalidLines + waiting + givenBack > 0
      ? .documentsFailed : .success
  }
}

/// Counts texts that come from outside, in bounded memory: when there are too many kinds of them, the
/// rest is counted together.
struct TopCounts: Sendable {
  /// A text as it first came, and how often its kind did.
  struct Entry: Sendable, Equatable {
    let text: String
    var count: Int
  }

  /// What stands for all kinds beyond the limit.
  static let others = "others"

  private let limit: Int
  private let ignoresDetails: Bool
  private var entries: [String: Entry] = [:]

  /// Up to `limit` kinds; with `ignoresDetails`, texts that differ only in numbers, paths and
  /// URLs are of one kind.
  init(limit: Int, ignoresDetails: Bool = false) {
    self.limit = limit
    self.ignoresDetails = ignoresDetails
  }

  mutating func add(_ text: String) {
    var kind = ignoresDetails ? Self.pattern(of: text) : text
    var text = text
    if entries[kind] == nil, entries.count >= limit {
      kind = Self.others
      text = Self.others
    }
    entries[kind, default: Entry(text: String(text.prefix(300)), count: 0)].count += 1
  }

  /// All kinds, most frequent first.
  func ranking() -> [Entry] {
    entries.values.sorted { ($0.count, $1.text) > ($1.count, $0.text) }
  }

  /// What the texts of a kind have in common: `spool/17.pdf: HTTP 503` is `…: HTTP #`.
  private static func pattern(of text: String) -> String {
    let words = text.prefix(300).split(separator: " ").map { word in
      guard !word.contains("/") else { return word.last == ":" ? "…:" : "…" }
      return word.split(omittingEmptySubsequences: false) { $0.isASCII && $0.isNumber }
        .joined(separator: "#")
    }
    return words.joined(separator: " ").replacing(/#+/, with: "#")
  }
}
