import Common
import Index
import Store
import Synchronization

/// Asks for single objects, several at a time, what a listing says of them or does not: no difference that
/// only a listing shows counts (a page may be short, a name written otherwise, an ETag no MD5).
struct ObjectVerifier: Sendable {
  /// What a listing leaves to be asked.
  enum Question: Sendable {
    /// Whether the object of completed documents of one URL is there, and theirs. With `isSample`, it is
    /// read, whatever the store says of it.
    case documents([StoredRow], url: String, isSample: Bool)
    /// Whether an object that no document names is there at all.
    case unknown(ListedObject)
  }

  let store: any ObjectStore
  let workers: Int
  let stop: ShutdownSignal

  /// What is wrong among them, in their order. Throws what ended the look.
  func differences(_ questions: [Question]) throws -> [Difference] {
    guard !questions.isEmpty else { return [] }
    let next = Atomic<Int>(0)
    let results = Mutex<[Int: Result<[Difference], any Error>]>([:])
    withThreads(min(workers, questions.count)) { _ in
      while true {
        let number = next.add(1, ordering: .relaxed).oldValue
        guard number < questions.count, !stop.isRequested else { return }
        let result = Result { try answer(questions[number]) }
        results.withLock { $0[number] = result }
      }
    }
    return try results.withLock { $0 }.sorted { $0.key < $1.key }.flatMap { try $0.value.get() }
  }

  private func answer(_ question: Question) throws -> [Difference] {
    do {
      switch question {
      case .documents(let rows, let url, let isSample):
        return try differences(of: rows, at: url, isSample: isSample)
      case .unknown(let object):
        return try store.holdsObject(at: object.url) ? [Difference(unknown: object)] : []
      }
    } catch let error as RecordError where error.kind != .interrupted {
      // Whether it is there could not be found out, and must not be guessed.
      throw Fatal(.unavailable, error.message)
    }
  }

  private func differences(
    of rows: [StoredRow], at url: String, isSample: Bool
  ) throws -> [Difference] {
    if !isSample {
      let info = try store.info(at: url)
      let isSettled = rows.allSatisfy { Comparison($0, info) != .open }
      if isSettled { return Difference.among(rows, info) }
    }
    return Difference.among(rows, try store.content(at: url))
  }
}
