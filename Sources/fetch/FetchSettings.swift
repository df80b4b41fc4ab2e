import Common
import State
import Transfer

/// Everything that a run of `fetch` needs to know: parsed once, shared by all workers, never changed.
struct FetchSettings: Sendable {
  var portals: [Portal] = []
  /// Seconds between two request starts to a host.
  var delay = 0.5
  var retry = RetryPolicy(retries: 3)
  /// Redirects that are followed for one request (docs/promises.md, "Security").
  var maximumRedirects = 5
  var transfer = TransferSettings()
  /// Says what would be requested, and requests nothing.
  var isDryRun = false
  /// Seconds that transfers under way may go on after an interruption.
  var graceAfterStop = 5.0
}

/// What all workers of a run share.
struct FetchServices: Sendable {
  let settings: FetchSettings
  let spool: Spool
  let limiter: Limiter
  let checkpoint: Checkpoint
  let stop: Stop
}
