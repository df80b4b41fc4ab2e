import Common
import Synchronization
import Transfer

/// For each step of a portal the last request that was answered well: asked again, it tells whether the
/// portal refuses everybody or these documents (docs/outages.md).
final class Samples: Sendable {
  /// A request that was good.
  struct Sample: Sendable {
    let url: WebURL
    var errand: Requester.Errand
    /// Throws where the answer is none.
    let read: @Sendable (Requester.Reply) throws(RecordError) -> Void
  }

  private let samples = Mutex<[String: Sample]>([:])

  /// The sample of a scope.
  subscript(scope: OutageGate.Scope) -> Sample? { samples.withLock { $0[scope.key] } }

  /// Whether there is one.
  func has(_ scope: OutageGate.Scope) -> Bool { samples.withLock { $0[scope.key] != nil } }

  /// Notes a request that was answered well. No cache between us and the portal shall answer for it.
  func note(_ sample: Sample, in scope: OutageGate.Scope) {
    var sample = sample
    sample.errand.fields = [("Cache-Control", "no-cache")]
    samples.withLock { $0[scope.key] = sample }
  }
}
