import Common

/// How many requests each host was sent, how it answered and how long that took: for the dashboard and its metrics.
final class Traffic: Sendable {
  /// Upper bounds of the histogram, in seconds.
  static let bounds = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]
  /// Hosts that are counted by name: links may lead to very many.
  static let mostHosts = 20

  private struct Host {
    var delay = 0.0
    var classes: [String: Int] = [:]
    var counts = [Int](repeating: 0, count: bounds.count + 1)
    var seconds = 0.0

    mutating func note(_ kind: String, _ seconds: Double, delay: Double) {
      self.delay = delay
      classes[kind, default: 0] += 1
      counts[Traffic.bounds.firstIndex { seconds <= $0 } ?? Traffic.bounds.count] += 1
      self.seconds += seconds
    }
  }

  private let hosts = Lock<[String: Host]>([:])
  private let adaptive: AdaptiveLimit

  init(_ adaptive: AdaptiveLimit) { self.adaptive = adaptive }

  /// A request ended with a status, or with none, after so many seconds. `delay` is what lies between two of them.
  func note(host name: String, status: Int?, seconds: Double, delay: Double) {
    let kind =
      switch status {
      case nil: "network"
      case 429?, 503?: "refused"
      case 404?, 410?: "absent"
      case .some(let status) where status >= 500: "server_error"
      case .some(let status) where status >= 400: "client_error"
      default: "answered"
      }
    hosts.withLock { hosts in
      let isOther = hosts.count >= Self.mostHosts && hosts[name] == nil
      hosts[isOther ? "others" : name, default: Host()].note(kind, seconds, delay: delay)
    }
  }

  /// `{"hosts":{"portal:443":{"delay":0.5,"classes":{"answered":7},"counts":[…],"seconds":3.1}},"workers":8,…}`
  var json: JSON {
    var all = JSONObject()
    for (name, host) in hosts.withLock({ $0 }).sorted(by: { $0.key < $1.key }) {
      var classes = JSONObject()
      for (kind, count) in host.classes.sorted(by: { $0.key < $1.key }) {
        classes[kind] = .int(count)
      }
      all[name] = .object([
        "delay": .decimal(host.delay, 3), "classes": .object(classes),
        "counts": .array(host.counts.map { .int($0) }), "seconds": .decimal(host.seconds, 3),
      ])
    }
    return .object([
      "hosts": .object(all), "bounds": .array(Self.bounds.map { .decimal($0, 3) }),
      "workers": adaptive.workers.map { .int($0) },
      "decision": adaptive.decision.map { .string("\($0.limit), \($0.reason)") },
    ])
  }
}
