import Common

/// Reads days and times as databases, spreadsheets and people write them. Pure.
///
/// Texts that can be read in one way only are read: `1951-03-04`, `19510304`, `1951/3/4`,
/// `4-MAR-1951`, `March 4, 1951`, `04.03.1951` (with dots, the day comes first), each also with a time
/// behind it. `3/4/1951` has two readings, which ``order`` decides. A year of two digits and Excel's
/// day numbers are read only where the user said so: whether 51 is 1851 or 1951, and whether 18691 is
/// a day, no text shows.
package struct DateReader: Sendable, Equatable {
  /// Which of two readings is meant.
  package enum Order: String, Sendable, CaseIterable {
    /// The month comes first, as in the United States.
    case monthFirst = "mdy"
    /// The day comes first.
    case dayFirst = "dmy"
    /// The year comes first, also where it has two digits.
    case yearFirst = "ymd"
    /// Numbers are Excel's: days since 1899-12-30.
    case excel
  }

  /// What decides between two readings; `nil` where the file has both, so that neither is taken.
  package var order: Order?
  /// Whether the user said so.
  package var isGiven: Bool
  /// Whether days in the file show it.
  var isProven = false

  /// A reader that takes `order`, or, without one, the month first until a file shows another.
  package init(_ order: Order? = nil) {
    self.order = order ?? .monthFirst
    isGiven = order != nil
  }

  /// The day that a text names, with or without a time behind it.
  func day(_ text: String) -> Day? { read(text)?.day }

  /// `2026-11-23 18:30:35.123`; without a time, the day alone. `nil` also for a time in another zone
  /// than UTC.
  func time(_ text: String) -> String? {
    guard let (day, time) = read(text) else { return nil }
    return time.isEmpty ? day.description : "\(day) \(time)"
  }

  private func read(_ text: String) -> (day: Day, time: String)? {
    if order == .excel, isGiven, let day = Self.excelDay(text) { return (day, "") }
    let tokens = Tokens(text)
    guard let day = day(tokens.date), let time = Self.time(tokens.time) else { return nil }
    return (day, time)
  }

  private func day(_ parts: [DatePart]) -> Day? {
    let numbers = parts.compactMap(\.number)
    let month = parts.compactMap(\.month).first
    switch (parts.map(\.shape).joined(), numbers.count) {
    case ("n", 1) where numbers[0].utf8.count == 8:
      let year = numbers[0].prefix(4)
      guard (1500...2200).contains(Int(year) ?? 0) else { return nil }
      return Day([year, numbers[0].dropFirst(4).prefix(2), numbers[0].suffix(2)])
    case ("n-n-n", 3), ("n/n/n", 3), ("n.n.n", 3):
      if numbers[0].utf8.count == 4 { return Day(numbers) }
      return day(numbers[0], numbers[1], numbers[2], hasDots: parts[1] == .mark("."))
    case ("n-M-n", 2), ("n/M/n", 2), ("n.M.n", 2), ("n M n", 2), ("n. M n", 2), ("nMn", 2):
      return day(numbers[1], Substring(String(month ?? 0)), numbers[0])
    case ("M n n", 2), ("M-n-n", 2), ("M/n/n", 2), ("M.n n", 2), ("M. n n", 2):
      return day(numbers[1], Substring(String(month ?? 0)), numbers[0])
    default: return nil
    }
  }

  private func day(_ one: Substring, _ two: Substring, _ three: Substring, hasDots: Bool) -> Day? {
    guard one.utf8.count <= 2, two.utf8.count <= 2 else { return nil }
    if hasDots, !isGiven { return day(three, two, one) }
    switch order {
    case .monthFirst, .excel: return day(three, one, two)
    case .dayFirst: return day(three, two, one)
    case .yearFirst: return three.utf8.count <= 2 ? day(one, two, three) : nil
    case nil:
      let readings = [day(three, one, two), day(three, two, one)].compactMap(\.self)
      return Set(readings).count == 1 ? readings[0] : nil
    }
  }

  private func day(_ year: Substring, _ month: Substring, _ day: Substring) -> Day? {
    switch year.utf8.count {
    case 4: return Day([year, month, day])
    case 2 where isGiven:
      // The latest year that has been: nothing is filed in the future.
      guard let short = Int(year), let now = Int(Time.timestamp().prefix(4)) else { return nil }
      let century = now / 100 * 100
      return Day([
        Substring(String(century + short <= now ? century + short : century - 100 + short)), month,
        day,
      ])
    default: return nil
    }
  }

  /// Excel counts a day that never was, 1900-02-29, so that all before it are one off.
  private static func excelDay(_ text: String) -> Day? {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count <= 2, parts.allSatisfy({ $0.utf8.allSatisfy { (48...57).contains($0) } }),
      let number = Int(parts[0]), (1...2_958_465).contains(number), number != 60
    else { return nil }
    return Day(daysSince1970: number - 25_569 + (number < 60 ? 1 : 0))
  }

  /// `18:30:35.123` of `6:30:35.123 PM` or `18:30:35Z`; empty for nothing, `nil` for what is no time.
  private static func time(_ text: Substring) -> String? {
    var text = text.drop { " T,".contains($0) }
    if text.isEmpty { return "" }
    for zone in ["Z", " UTC", " GMT", "+00:00", "+0000", "+00", "-00:00"] where text.hasSuffix(zone)
    {
      text = text.dropLast(zone.count)
      break
    }
    var words = text.split(separator: " ")
    var half: String?
    if let last = words.last?.uppercased().filter({ $0 != "." }), ["AM", "PM"].contains(last) {
      half = last
      words.removeLast()
    } else if let last = words.last, words.count == 1,
      ["AM", "PM"].contains(last.suffix(2).uppercased())
    {
      half = last.suffix(2).uppercased()
      words = [last.dropLast(2)]
    }
    guard words.count == 1 else { return nil }
    return time(words[0], half)
  }

  private static func time(_ text: Substring, _ half: String?) -> String? {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard (2...3).contains(parts.count), parts.prefix(2).allSatisfy({ $0.utf8.count <= 2 }),
      var hour = number(parts[0]), let minute = number(parts[1]), minute < 60
    else { return nil }
    if let half {
      guard (1...12).contains(hour) else { return nil }
      hour = hour % 12 + (half == "PM" ? 12 : 0)
    }
    let chunks = (parts.count == 3 ? parts[2] : "00").split(
      separator: ".", omittingEmptySubsequences: false)
    guard hour < 24, chunks.count <= 2, chunks[0].utf8.count == 2, let second = number(chunks[0]),
      second < 60, chunks.count == 1 || number(chunks[1]) != nil
    else { return nil }
    let two = { (value: Int) in Format.padded(String(value), 2) }
    return "\(two(hour)):\(two(minute)):\(two(second))" + (chunks.count == 2 ? ".\(chunks[1])" : "")
  }

  private static func number(_ text: Substring) -> Int? {
    !text.isEmpty && text.utf8.allSatisfy { (48...57).contains($0) } ? Int(text) : nil
  }
}

extension DateReader {
  /// What days in the beginning of a file show of the order. Texts that can be read in one way only
  /// prove it; where they prove both, `nil` is the order.
  mutating func learn(from texts: some Sequence<String>) {
    guard !isGiven else { return }
    var monthFirst = false
    var dayFirst = false
    for text in texts {
      guard case let parts = Tokens(text).date, parts.count == 5, case .number(let one) = parts[0],
        case .mark(let mark) = parts[1], mark != ".", case .number(let two) = parts[2],
        one.utf8.count <= 2, let first = Int(one), let second = Int(two)
      else { continue }
      if first > 12, (1...12).contains(second) { dayFirst = true }
      if second > 12, (1...12).contains(first) { monthFirst = true }
    }
    isProven = monthFirst || dayFirst
    order = monthFirst && dayFirst ? nil : dayFirst ? .dayFirst : .monthFirst
  }

  /// Whether a text is a day only if the day comes first.
  static func isDayFirst(_ text: String) -> Bool {
    var reader = DateReader(.dayFirst)
    reader.isGiven = false
    return reader.day(text) != nil && DateReader().day(text) == nil
  }

  /// Whether a text has two readings.
  static func isAmbiguous(_ text: String) -> Bool {
    var (month, day) = (DateReader(.monthFirst), DateReader(.dayFirst))
    (month.isGiven, day.isGiven) = (false, false)
    guard let one = month.day(text), let other = day.day(text) else { return false }
    return one != other
  }
}

/// A part of a date.
private enum DatePart: Equatable {
  case number(Substring)
  case month(Int)
  case mark(Character)

  var number: Substring? { if case .number(let digits) = self { digits } else { nil } }
  var month: Int? { if case .month(let month) = self { month } else { nil } }

  /// One character for each kind of part: what a whole date is recognised by.
  var shape: String {
    switch self {
    case .number: "n"
    case .month: "M"
    case .mark(let mark): String(mark)
    }
  }
}

/// A text of a date, taken apart; the time behind it stays as it is.
private struct Tokens {
  private static let months = [
    "january", "february", "march", "april", "may", "june", "july", "august", "september",
    "october", "november", "december",
  ]
  private static let weekdays = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]

  private(set) var date: [DatePart] = []
  private(set) var time: Substring

  init(_ text: String) {
    time = text.trimmed[...]
    while let first = time.first, date.count < 5, !isTime {
      if first.isASCII, first.isNumber {
        let digits = time.prefix { $0.isASCII && $0.isNumber }
        date.append(.number(digits))
        time = time[digits.endIndex...]
      } else if first.isLetter {
        let word = time.prefix(while: \.isLetter)
        let name = word.lowercased()
        let month =
          Self.months.firstIndex { $0 == name || name.count >= 3 && $0.hasPrefix(name) }
          ?? (name == "sept" ? 8 : nil)
        if let month {
          date.append(.month(month + 1))
        } else if !date.isEmpty || !Self.weekdays.contains(String(name.prefix(3))) {
          return
        }
        time = time[word.endIndex...]
        if month == nil { time = time.drop { ", ".contains($0) } }
      } else {
        // `March 4, 1951` has a comma and a blank for one mark.
        let marks = time.prefix { ", ./-".contains($0) }
        guard let mark = marks.first(where: { !", ".contains($0) }) ?? marks.first else { return }
        date.append(.mark(mark == "," ? " " : mark))
        time = time[marks.endIndex...]
      }
    }
  }

  /// Whether what is left begins as a time does: behind a whole day.
  private var isTime: Bool {
    guard let first = time.first, first == " " || first == "T" else { return false }
    guard case .number = date.last else { return false }
    let rest = time.dropFirst().drop { $0 == " " }
    let digits = rest.prefix { $0.isASCII && $0.isNumber }
    return (1...2).contains(digits.count) && rest.dropFirst(digits.count).first == ":"
  }
}

extension DateReader {
  /// How dates are read, for people; `nil` where there is nothing to say. `hasAmbiguous`: among the first `sample`
  /// lines are dates with two readings.
  func describe(hasAmbiguous: Bool, sample: Int) -> String? {
    switch order {
    case nil:
      "dates have the month first and the day first: those with two readings are left empty "
        + "(--date-format decides)"
    case .dayFirst?: "dates like 3/4/1951 have the day first"
    case .yearFirst?: "dates have the year first"
    case .excel?: "dates that are numbers are Excel's"
    case .monthFirst? where isProven || isGiven: "dates like 3/4/1951 have the month first"
    case .monthFirst?:
      hasAmbiguous
        ? "dates like 3/4/1951 are taken to have the month first, which no date in the first "
          + "\(sample) lines shows; --date-format dmy reads the day first" : nil
    }
  }
}
