import Common

/// What a portal permits, as far as an estimate needs it: read from its file, of which `fetch` reads the
/// rest and says what is wrong with it.
public struct PortalOutline: Sendable, Equatable {
  /// The file's name without its ending.
  public var name: String
  /// Books that it has, both ends included; `nil` for all.
  public var books: ClosedRange<Int>?
  /// The machine that is asked, as its address names it; the portal's name where it has no address.
  public var host: String
  /// Seconds between two requests; `nil` leaves it to the stage.
  public var delay: Double?
  /// Requests for a document: one, or two where it is looked up first. A document in several images
  /// takes more.
  public var requests: Int

  /// A portal.
  public init(
    name: String, books: ClosedRange<Int>? = nil, host: String, delay: Double? = nil, requests: Int
  ) {
    self.name = name
    self.books = books
    self.host = host
    self.delay = delay
    self.requests = requests
  }

  /// Reads the file that a stage names `name`: a path, or a name in `directory`. `base` replaces its
  /// address.
  public init(named name: String, in directory: String, base: String? = nil) throws(Fatal) {
    let isPath = name.contains("/") || name.hasSuffix(".yaml")
    var settings = try SettingsFile(path: isPath ? name : "\(directory)/\(name).yaml").settings()
    let file = name.split(separator: "/").last.map(String.init) ?? name
    self.name = file.hasSuffix(".yaml") ? String(file.dropLast(5)) : file
    books = try settings.parsed("books", "a range like 238-3971", Stage.range)
    let written = try settings.string("base")
    host = (base ?? written).flatMap(Self.host) ?? self.name
    delay = try settings.parsed("rate-limit-delay", "seconds, like 0.5", Time.span)
    requests = try settings.nested("lookup") == nil ? 1 : 2
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
  public static func division(
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
