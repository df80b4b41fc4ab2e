import Common
import Foundation
import GRDB

/// How what is long in words is kept short in a row: a million rows are 389 MB instead of 531. Each value has one
/// short form, and what has none (a date in another spelling, a digest of another length) is kept as it is, so that all
/// comes back to the byte. The view `documents` shows them in words.
enum StoredValues {
  /// Milliseconds since 1970 for `2026-11-23T18:30:35.123Z`; `nil` for any other spelling.
  static func milliseconds(_ timestamp: String) -> Int64? {
    var timestamp = timestamp
    return timestamp.withUTF8 { bytes in
      guard isWritten(bytes, as: "0000-00-00T00:00:00.000Z"),
        let day = Day(
          year: number(bytes, 0, 4), month: number(bytes, 5, 2), day: number(bytes, 8, 2)),
        let second = second(of: day, bytes, from: 11), second >= 0, day.year < 2200
      else { return nil }
      return second * 1000 + Int64(number(bytes, 20, 3))
    }
  }

  static func timestamp(_ milliseconds: Int64) -> String {
    Time.timestamp(milliseconds.multipliedReportingOverflow(by: 1_000_000).partialValue)
  }

  private static let months = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
  ]
  private static let weekdays = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]

  /// Seconds since 1970 for `Tue, 12 Mar 2019 14:05:06 GMT` (RFC 9110, section 5.6.7); `nil` for any other spelling.
  static func seconds(_ date: String) -> Int64? {
    var date = date
    return date.withUTF8 { bytes in
      guard isWritten(bytes, as: "aaa, 00 aaa 0000 00:00:00 GMT"),
        let month = months.firstIndex(where: { bytes[8..<11].elementsEqual($0.utf8) }),
        let day = Day(year: number(bytes, 12, 4), month: month + 1, day: number(bytes, 5, 2)),
        weekdays[weekday(day.daysSince1970)].utf8.elementsEqual(bytes[..<3])
      else { return nil }
      return second(of: day, bytes, from: 17)
    }
  }

  static func date(_ seconds: Int64) -> String? {
    let days = Int((Double(seconds) / 86_400).rounded(.down))
    guard let day = Day(daysSince1970: days) else { return nil }
    let second = Int(seconds) - days * 86_400
    let rest = Format.filled(", 00 ") { $0(day.day, 3) } + months[day.month - 1]
    let time = Format.filled(" 0000 00:00:00 GMT") { put in
      put(day.year, 4)
      put(second / 3600, 7)
      put(second / 60 % 60, 10)
      put(second % 60, 13)
    }
    return weekdays[weekday(days)] + rest + time
  }

  /// The first day of 1970 was a Thursday.
  private static func weekday(_ days: Int) -> Int { ((days + 4) % 7 + 7) % 7 }

  /// Whether each byte is what a pattern has at its place: a digit for 0, anything for a, else the same.
  private static func isWritten(
    _ bytes: UnsafeBufferPointer<UInt8>, as pattern: StaticString
  ) -> Bool {
    guard bytes.count == pattern.utf8CodeUnitCount else { return false }
    for (place, byte) in bytes.enumerated() {
      let wanted = pattern.utf8Start[place]
      switch wanted {
      case UInt8(ascii: "0"): guard (0x30...0x39).contains(byte) else { return false }
      case UInt8(ascii: "a"): continue
      default: guard byte == wanted else { return false }
      }
    }
    return true
  }

  /// Seconds since 1970 at a time of a day, as `14:05:06`; `nil` for one that no day has.
  private static func second(
    of day: Day, _ bytes: UnsafeBufferPointer<UInt8>, from place: Int
  ) -> Int64? {
    let (hour, minute) = (number(bytes, place, 2), number(bytes, place + 3, 2))
    let second = number(bytes, place + 6, 2)
    guard hour < 24, minute < 60, second < 60 else { return nil }
    return Int64(day.daysSince1970 * 86_400 + (hour * 60 + minute) * 60 + second)
  }

  private static func number(
    _ bytes: UnsafeBufferPointer<UInt8>, _ start: Int, _ count: Int
  ) -> Int {
    bytes[start..<start + count].reduce(0) { $0 * 10 + Int($1 - 0x30) }
  }

  /// The bytes of a SHA-256 in small hexadecimal digits; `nil` for any other text.
  static func digest(_ text: String) -> [UInt8]? {
    var text = text
    return text.withUTF8 { digits -> [UInt8]? in
      guard digits.count == 64 else { return nil }
      var bytes: [UInt8] = []
      bytes.reserveCapacity(32)
      func value(_ digit: UInt8) -> UInt8 {
        switch digit {
        case 0x30...0x39: digit - 0x30
        case 0x61...0x66: digit - 0x57
        default: 0xFF
        }
      }
      for place in stride(from: 0, to: 64, by: 2) {
        let (high, low) = (value(digits[place]), value(digits[place + 1]))
        guard high < 16, low < 16 else { return nil }
        bytes.append(high << 4 | low)
      }
      return bytes
    }
  }

  /// Where the file of an id lies that is a number, which need not be written down; `nil` for other ids.
  static func usualPath(_ id: String) -> String? {
    let length = id.utf8.count
    guard (1...102).contains(length), id.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
      return nil
    }
    return "\(length > 2 ? String(id.dropLast(2)) : "0")/\(id).pdf"
  }

  /// What is kept of the path of an id's file: `nil` for the usual one, and nothing for none.
  static func path(_ path: String?, of id: String) -> String? {
    guard let path else { return "" }
    return path == usualPath(id) ? nil : path
  }

  /// The path that was kept, in words.
  static func path(kept: String?, of id: String) -> String? {
    guard let kept else { return usualPath(id) }
    return kept.isEmpty ? nil : kept
  }
}

extension StoredValues {
  /// What the steps of the schema use.
  static let functions = [
    DatabaseFunction("without_empty_fields", argumentCount: 1, pure: true) { values in
      guard let request = String.fromDatabaseValue(values[0]) else { return values[0] }
      return Format.withoutEmptyFields(request)
    },
    DatabaseFunction("kept_time", argumentCount: 1, pure: true) { values in
      shorter(values[0], milliseconds)
    },
    DatabaseFunction("kept_date", argumentCount: 1, pure: true) { values in
      shorter(values[0], seconds)
    },
    DatabaseFunction("kept_digest", argumentCount: 1, pure: true) { values in
      shorter(values[0]) { digest($0).map { Data($0) } }
    },
    DatabaseFunction("kept_stamp", argumentCount: 1, pure: true) { values in
      shorter(values[0], FileStamp.shorter)
    },
    DatabaseFunction("kept_path", argumentCount: 2, pure: true) { values in
      guard let id = String.fromDatabaseValue(values[0]) else { return values[1] }
      if values[1].isNull { return path(nil, of: id) }
      guard let known = String.fromDatabaseValue(values[1]) else { return values[1] }
      return path(known, of: id)
    },
  ]

  private static func shorter(
    _ value: DatabaseValue, _ shorten: (String) -> (any DatabaseValueConvertible)?
  ) -> any DatabaseValueConvertible {
    String.fromDatabaseValue(value).flatMap(shorten) ?? value
  }
}
