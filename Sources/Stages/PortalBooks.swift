import Common
import Glibc

/// Which books the portals of a stage have, as their files say it: what `enqueue` needs to know of a portal.
public struct PortalBooks: Sendable {
  /// One portal.
  public struct Portal: Sendable, Equatable {
    /// The name of its file.
    public let name: String
    /// Both ends included.
    public let books: ClosedRange<Int>
  }

  /// In the order of the stage.
  public let portals: [Portal]

  /// Portals that are known.
  public init(_ portals: [Portal]) { self.portals = portals }

  /// Reads the portal files that `names` stand for in `directory`. `nil` where one is not there, or does not
  /// say which books it has: then nothing is known to be left out. `fetch` reads the files in earnest.
  public init?(_ names: [String], in directory: String) throws(Fatal) {
    guard !names.isEmpty else { return nil }
    var portals: [Portal] = []
    for name in names {
      let isPath = name.contains("/") || name.hasSuffix(".yaml")
      let path = isPath ? name : "\(directory)/\(name).yaml"
      guard access(path, R_OK) == 0 else { return nil }
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
  public func served(of ranges: [ClosedRange<Int>]) throws(Fatal) -> [ClosedRange<Int>] {
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
