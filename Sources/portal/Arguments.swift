import ArgumentParser

extension IndexPrinter.Layout: ExpressibleByArgument {}

extension Endpoint: ExpressibleByArgument {
  init?(argument: String) { self.init(parsing: argument) }

  var defaultValueDescription: String { description }
}

/// How well the portal does its work: its pace, and its troubles.
struct Behaviour: Sendable {
  let seed: Int
  /// Seconds before each answer, and how many more at most.
  let latency: Double
  let jitter: Double
  /// Seconds that a stalled answer stays silent.
  let stall: Double
  /// What `Retry-After` says, in seconds.
  let retryAfter: Int
  let faults: FaultPlan

  /// Seconds to wait before the answer to the request with this number.
  func wait(request number: Int) -> Double {
    guard jitter > 0 else { return latency }
    var random = SeededRandom(seed: seed, .latency, number)
    return latency + jitter * random.unit()
  }

  /// The answer that a fault puts in place of the right one, where it is one that does.
  func page(for kind: FaultKind) -> Response? {
    switch kind {
    case .tooMany:
      Response(429, html: Pages.failure("Too many requests."))
        .adding("Retry-After", String(retryAfter))
    case .unavailable:
      Response(503, html: Pages.failure("Down for maintenance."))
        .adding("Retry-After", String(retryAfter))
    case .internalError: Response(500, html: Pages.failure("Something went wrong."))
    case .html: Response(html: Pages.databaseError)
    case .login: Response(html: Pages.login)
    case .empty: Response(200, "application/pdf")
    case .reset, .stall, .short, .drip: nil
    }
  }
}
