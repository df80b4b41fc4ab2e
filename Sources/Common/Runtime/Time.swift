import Glibc

/// The two clocks of the machine.
package enum Time {
  /// Nanoseconds since the machine started: the same for all processes, never set back
  /// (clock_gettime(2), CLOCK_MONOTONIC).
  package static func monotonic() -> Int64 { read(CLOCK_MONOTONIC) }

  /// Nanoseconds since 1970 by the wall clock, which people and NTP set.
  package static func wall() -> Int64 { read(CLOCK_REALTIME) }

  /// Whole seconds since 1970 by the same clock.
  package static func wallSeconds() -> Int { Int(wall() / 1_000_000_000) }

  /// Nanoseconds of processor time that this thread has used: what takes long beside other work is not
  /// taken for what takes long by itself.
  package static func ofThread() -> Int64 { read(CLOCK_THREAD_CPUTIME_ID) }

  private static func read(_ clock: clockid_t) -> Int64 {
    var time = timespec()
    clock_gettime(clock, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }

  /// A wall-clock time as RFC 3339 in UTC with milliseconds: `2026-11-23T18:30:35.123Z`.
  package static func timestamp(_ nanoseconds: Int64 = wall()) -> String {
    var seconds = time_t(nanoseconds / 1_000_000_000)
    var parts = tm()
    gmtime_r(&seconds, &parts)
    return Format.filled("0000-00-00T00:00:00.000Z") { put in
      put(Int(parts.tm_year) + 1900, 3)
      put(Int(parts.tm_mon) + 1, 6)
      put(Int(parts.tm_mday), 9)
      put(Int(parts.tm_hour), 12)
      put(Int(parts.tm_min), 15)
      put(Int(parts.tm_sec), 18)
      put(Int(nanoseconds / 1_000_000 % 1000), 22)
    }
  }

  /// A span as options name it: seconds (`0.5`), or with a unit (`500ms`, `30s`, `5m`, `2h`, `1d`).
  /// `nil` for anything else, for negative spans and for more than a year.
  package static func span(_ text: String) -> Double? {
    let units: [(String, Double)] = [
      ("ms", 0.001), ("s", 1), ("m", 60), ("h", 3600), ("d", 86_400), ("", 1),
    ]
    guard let (suffix, factor) = units.first(where: { text.hasSuffix($0.0) }),
      let number = Double(text.dropLast(suffix.count)),
      text.allSatisfy({ $0.isASCII && $0 != "x" && $0 != "X" }),
      text.first?.isNumber ?? false || text.first == ".",
      number.isFinite, number >= 0, number * factor <= 31_536_000
    else { return nil }
    return number * factor
  }
}

/// Arithmetic on numbers that come from outside: a file, a record, a table. What does not fit is the bound that it
/// would go beyond, and no trap.
extension FixedWidthInteger {
  /// The sum, or the bound that it would go beyond.
  package func addingClamped(_ other: Self) -> Self {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? (other > 0 ? .max : .min) : sum
  }

  /// The difference, or the bound that it would go beyond.
  package func subtractingClamped(_ other: Self) -> Self {
    let (difference, overflow) = subtractingReportingOverflow(other)
    return overflow ? (other > 0 ? .min : .max) : difference
  }

  /// The product, or the bound that it would go beyond.
  package func multipliedClamped(by other: Self) -> Self {
    let (product, overflow) = multipliedReportingOverflow(by: other)
    return overflow ? ((self < 0) == (other < 0) ? .max : .min) : product
  }
}

extension Int {
  /// The whole number nearest to `value`, or the bound that it is beyond; 0 for what is no number.
  package init(nearest value: Double) {
    let rounded = value.rounded()
    self = Int(exactly: rounded) ?? (value.isNaN ? 0 : value < 0 ? .min : .max)
  }
}
