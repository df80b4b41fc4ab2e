import Common
import Config

/// How long a run takes at least, and what it cannot exceed, however many workers it has: what the
/// portals' delays permit. Pure.
struct StartEstimate: Sendable, Equatable {
  /// The documents that one portal has.
  struct Part: Sendable, Equatable {
    let host: String
    /// Seconds between two requests.
    let delay: Double
    /// Requests for a document.
    let requests: Int
    let documents: Int
  }

  /// By machine, since all portals of one share its budget.
  private let hosts: [(host: String, parts: [Part])]
  /// Documents of the selection, and of the run, which may have a limit.
  private let (selected, total): (Int, Int)

  /// `limit` is that of the run; which documents it takes is not known, so that they are taken to be a mix
  /// like the whole.
  init(_ parts: [Part], limit: Int?) {
    let parts = parts.filter { $0.documents > 0 }
    var order: [String] = []
    var byHost: [String: [Part]] = [:]
    for part in parts {
      if byHost[part.host] == nil { order.append(part.host) }
      byHost[part.host, default: []].append(part)
    }
    hosts = order.map { ($0, byHost[$0] ?? []) }
    selected = parts.reduce(0) { $0 + $1.documents }
    total = min(limit ?? .max, selected)
  }

  static func == (one: Self, other: Self) -> Bool { one.lines == other.lines }

  /// Seconds that the requests to the slowest machine take; 0 where no delay is kept.
  var seconds: Double {
    guard selected > 0 else { return 0 }
    return hosts.map { Self.seconds($0.parts) }.reduce(0, max) * Double(total) / Double(selected)
  }

  private static func seconds(_ parts: [Part]) -> Double {
    parts.reduce(0) { $0 + Double($1.documents * $1.requests) * $1.delay }
  }

  /// A line for each machine, and where there are several, one for the whole.
  var lines: [String] {
    guard total > 0 else { return [] }
    var lines = hosts.map { line($0.host, $0.parts) }
    if hosts.count > 1 {
      lines.append(
        "together \(Self.documents(total, of: selected)): about \(Self.words(seconds: seconds))")
    }
    return lines
  }

  private func line(_ host: String, _ parts: [Part]) -> String {
    let here = parts.reduce(0) { $0 + $1.documents }
    let share = hosts.count == 1 ? total : here
    let requests = Self.span(parts.map(\.requests)) { Self.word($0) }
    let delays = parts.map(\.delay)
    var line = "\(Self.documents(share, of: here)) from \(Format.printable(host)), "
    let whole = Self.seconds(parts)
    guard whole > 0 else {
      return line + "no pause between requests, \(requests) each: as fast as it answers"
    }
    let pace = Self.span(delays) { Format.decimal($0, 3) } + " s"
    line += "\(pace) between requests, \(requests) each: about "
    line += Self.words(seconds: whole * Double(share) / Double(here))
    let ceiling = Double(here) / whole * 3600
    let noun = delays.count == 1 && parts[0].requests == 1 ? "request" : "requests"
    return line + "; at \(pace) and \(requests) \(noun) a document at most "
      + "\(Format.rate(ceiling)) an hour, whatever the workers"
  }

  private static func documents(_ some: Int, of all: Int) -> String {
    some == all
      ? Format.counted(all, "document")
      : "\(Format.count(some)) of \(Format.counted(all, "document"))"
  }

  /// `0.5`, or `0.5 to 1` where they differ.
  private static func span<T: Comparable>(_ values: [T], _ text: (T) -> String) -> String {
    guard let least = values.min(), let most = values.max() else { return "" }
    return least == most ? text(least) : "\(text(least)) to \(text(most))"
  }

  private static func word(_ number: Int) -> String {
    switch number {
    case 1: "one"
    case 2: "two"
    default: Format.count(number)
    }
  }

  private static func words(seconds: Double) -> String {
    seconds < 59.5 ? "\(max(1, Int(seconds.rounded()))) s" : Format.duration(seconds: seconds)
  }
}
