import Common
import Glibc

/// What a portal permits, as far as an estimate needs it: read from its file, of which `fetch` reads the
/// rest and says what is wrong with it.
package struct PortalOutline: Sendable, Equatable {
  /// The file's name without its ending.
  package var name: String
  /// Books that it has, both ends included; `nil` for all.
  package var books: ClosedRange<Int>?
  /// The machine that is asked, as its address names it; the portal's name where it has no address.
  package var host: String
  /// Seconds between two requests; `nil` leaves it to the stage.
  package var delay: Double?
  /// Requests for a document: one for each step, where a look-up has two. A document in several images
  /// takes more.
  package var requests: Int

  package init(
    name: String, books: ClosedRange<Int>? = nil, host: String, delay: Double? = nil, requests: Int
  ) {
    self.name = name
    self.books = books
    self.host = host
    self.delay = delay
    self.requests = requests
  }

  /// Reads the file that a stage names `name`: a path, or a name in the folders `path`. `base` replaces its
  /// address.
  package init(named name: String, in path: String, base: String? = nil) throws(Fatal) {
    var settings = try SettingsFile(path: SearchPath(path).find("portal", named: name)).settings()
    let file = name.split(separator: "/").last.map(String.init) ?? name
    self.name = file.hasSuffix(".yaml") ? String(file.dropLast(5)) : file
    books = try settings.parsed("books", "a range like 238-3971", Stage.range)
    let written = try settings.string("base")
    let budget = try settings.string("budget")
    host = budget ?? (base ?? written).flatMap(Self.host) ?? self.name
    delay = try settings.parsed("rate-limit-delay", "seconds, like 0.5", Time.span)
    let steps = try settings.nestedList("steps").count
    requests = try max(steps, settings.nested("lookup") == nil ? 1 : 2)
  }

  /// `portal.example.org:8080` of a URL, without what may be a password.
  static func host(of url: String) -> String? {
    let parts = url.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: false)
    guard parts.count == 3, parts[1].isEmpty else { return nil }
    let authority = parts[2].prefix { !"/?#".contains($0) }
    let host = authority.split(separator: "@", omittingEmptySubsequences: false).last ?? ""
    return host.isEmpty ? nil : host.lowercased()
  }
}

extension PortalOutline {
  /// Which books of a selection (none mean all) go to each portal: a book goes to the first that has it.
  /// A portal that gets nothing has no ranges.
  package static func division(
    of selected: [ClosedRange<Int>], among portals: [PortalOutline]
  ) -> [(portal: PortalOutline, books: [ClosedRange<Int>])] {
    let all = 0...Int(Int32.max)
    var left = selected.isEmpty ? [all] : selected
    return portals.map { portal in
      let own = portal.books ?? all
      let books = left.filter { $0.overlaps(own) }.map { $0.clamped(to: own) }
      left = left.flatMap { remainder(of: $0, without: own) }
      return (portal, books)
    }
  }

  private static func remainder(
    of range: ClosedRange<Int>, without other: ClosedRange<Int>
  ) -> [ClosedRange<Int>] {
    guard range.overlaps(other) else { return [range] }
    var parts: [ClosedRange<Int>] = []
    if range.lowerBound < other.lowerBound { parts.append(range.lowerBound...other.lowerBound - 1) }
    if range.upperBound > other.upperBound { parts.append(other.upperBound + 1...range.upperBound) }
    return parts
  }
}

/// Which books the portals of a stage have, as their files say it: what `enqueue` needs to know of a portal.
package struct PortalBooks: Sendable {
  package struct Portal: Sendable, Equatable {
    /// The name of its file.
    package let name: String
    package let books: ClosedRange<Int>
  }

  /// In the order of the stage.
  package let portals: [Portal]

  package init(_ portals: [Portal]) { self.portals = portals }

  /// Reads the portal files that `names` stand for in the folders `path`. `nil` where one is not there, or does not
  /// say which books it has: then nothing is known to be left out. `fetch` reads the files in earnest.
  package init?(_ names: [String], in path: String) throws(Fatal) {
    guard !names.isEmpty else { return nil }
    var portals: [Portal] = []
    for name in names {
      let path = try? SearchPath(path).find("portal", named: name)
      guard let path, access(path, R_OK) == 0 else { return nil }
      var settings = try SettingsFile(path: path).settings()
      guard let books = try settings.parsed("books", "a range like 238-3971", Stage.range) else {
        return nil
      }
      portals.append(Portal(name: name, books: books))
    }
    self.portals = portals
  }

  /// The parts of `ranges` that the portals have. Throws, with what they have, where one of the ranges is
  /// of no book that they have.
  package func served(of ranges: [ClosedRange<Int>]) throws(Fatal) -> [ClosedRange<Int>] {
    var served: [ClosedRange<Int>] = []
    for range in ranges {
      let parts = portals.map(\.books).filter { $0.overlaps(range) }.map { $0.clamped(to: range) }
      guard !parts.isEmpty else { throw unserved(range) }
      served += parts
    }
    return Self.joined(served)
  }

  private func unserved(_ range: ClosedRange<Int>) -> Fatal {
    let all = portals.map { "\($0.name) has \(Self.text($0.books))" }.joined(separator: ", ")
    let ends = portals.flatMap { [$0.books.lowerBound, $0.books.upperBound] }
    let nearest = ends.min { abs($0 - range.lowerBound) < abs($1 - range.lowerBound) }
    return Fatal(
      .configuration,
      "no portal of the stage has the books \(Self.text(range)): \(all)"
        + (nearest.map { "; the nearest book is \($0)" } ?? ""))
  }

  /// The same books in as few ranges as possible, if in another order.
  static func joined(_ ranges: [ClosedRange<Int>]) -> [ClosedRange<Int>] {
    ranges.sorted { $0.lowerBound < $1.lowerBound }.reduce(into: []) { joined, range in
      guard let last = joined.last, range.lowerBound <= last.upperBound + 1 else {
        joined.append(range)
        return
      }
      joined[joined.count - 1] = last.lowerBound...max(last.upperBound, range.upperBound)
    }
  }

  static func text(_ range: ClosedRange<Int>) -> String {
    range.count == 1 ? String(range.lowerBound) : "\(range.lowerBound)-\(range.upperBound)"
  }
}
