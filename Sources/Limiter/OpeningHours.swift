import Common
import Foundation

/// The hours of a day in which a host may be asked, by the clock of its place: `22:00-06:00 America/Chicago`, or several,
/// `00:00-06:30,20:00-24:00 America/Chicago`.
package struct OpeningHours: Sendable, Equatable, CustomStringConvertible {
  /// How they are written, for errors.
  package static let form =
    "Write hours like 22:00-06:00 America/Chicago; several are separated by commas."

  /// From a minute of the day to another, which may be of the next day.
  private struct Window: Equatable {
    let from: Int
    let to: Int

    func contains(_ second: Int) -> Bool {
      let (from, to) = (from * 60, to * 60)
      return from < to ? (from..<to).contains(second) : second >= from || second < to
    }
  }

  private let windows: [Window]
  private let zone: TimeZone
  /// As it was written.
  package let description: String

  /// `nil` for a text that is none, or a zone that the time zone database does not have.
  package init?(_ text: String) {
    let words = text.split(separator: " ")
    guard words.count == 2, let zone = TimeZone(identifier: String(words[1])) else { return nil }
    var windows: [Window] = []
    for part in words[0].split(separator: ",", omittingEmptySubsequences: false) {
      let ends = part.split(separator: "-", omittingEmptySubsequences: false)
      guard ends.count == 2, let from = Self.minute(ends[0]), let to = Self.minute(ends[1]),
        from != to, from < 1440
      else { return nil }
      windows.append(Window(from: from, to: to))
    }
    self.windows = windows
    self.zone = zone
    description = words.joined(separator: " ")
  }

  /// `06:30` as minutes; `24:00` is the end of the day.
  private static func minute(_ text: Substring) -> Int? {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 2, (1...2).contains(parts[0].count), parts[1].count == 2,
      text.utf8.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: ":") ~= $0 }),
      let hours = Int(parts[0]), let minutes = Int(parts[1]), minutes < 60,
      hours * 60 + minutes <= 1440
    else { return nil }
    return hours * 60 + minutes
  }

  /// Whether the host may be asked at a time, in nanoseconds since 1970.
  package func isOpen(at wall: Int64) -> Bool {
    let seconds = wall / 1_000_000_000
    let offset = zone.secondsFromGMT(for: Date(timeIntervalSince1970: Double(seconds)))
    let second = (Int(seconds) + offset) % 86_400
    return windows.contains { $0.contains((second + 86_400) % 86_400) }
  }
}
