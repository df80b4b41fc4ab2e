import Common
import Index
import Store
import Synchronization

/// Asks about single objects what the listing does not tell, several at a time.
struct SecondLook: Sendable {
  /// Completed documents of one URL.
  struct Doubt: Sendable {
    let rows: [StoredRow]
    let url: String
    /// Whether the object is to be read, whatever the store says of it.
    let isSample: Bool
  }

  let store: any ObjectStore
  let workers: Int
  let stop: Stop

  /// What is wrong among them, in their order. Throws what ended the look.
  func differences(_ doubts: [Doubt]) throws -> [Difference] {
    guard !doubts.isEmpty else { return [] }
    let next = Atomic<Int>(0)
    let results = Mutex<[Int: Result<[Difference], any Error>]>([:])
    withThreads(min(workers, doubts.count)) { _ in
      while true {
        let number = next.add(1, ordering: .relaxed).oldValue
        guard number < doubts.count, !stop.isRequested else { return }
        let result = Result { try look(at: doubts[number]) }
        results.withLock { $0[number] = result }
      }
    }
    return try results.withLock { $0 }.sorted { $0.key < $1.key }.flatMap { try $0.value.get() }
  }

  private func look(at doubt: Doubt) throws -> [Difference] {
    do {
      if !doubt.isSample {
        let info = try store.info(at: doubt.url)
        let isSettled = doubt.rows.allSatisfy { Comparison($0, info) != .open }
        if isSettled { return Difference.among(doubt.rows, info) }
      }
      return Difference.among(doubt.rows, try store.content(at: doubt.url))
    } catch let error as RecordError where error.kind != .interrupted {
      // Whether it is there could not be found out, and must not be guessed.
      throw Fatal(.unavailable, error.message)
    }
  }
}
