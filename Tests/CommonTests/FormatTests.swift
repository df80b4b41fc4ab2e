import Common
import Testing

@Suite("Numbers and texts as people read them")
struct FormatTests {
  @Test(arguments: [
    (0, 3, "0"), (0.5, 3, "0.5"), (0.8125, 3, "0.813"), (-0.0001, 3, "0"), (100, 2, "100"),
    (-1.5, 0, "-2"), (1e20, 3, "1e+20"), (120, 0, "120"), (0.1 + 0.2, 3, "0.3"),
  ])
  func decimal(_ value: Double, _ decimals: Int, _ expected: String) {
    #expect(Format.decimal(value, decimals) == expected)
  }

  @Test func noNumberIsTooGreat() {
    for one in [Int.min, -1, 0, 1, Int.max] {
      for other in [Int.min, -1, 0, 1, Int.max] {
        _ = (Format.percent(one, of: other), Format.saving(of: one, stored: other))
        _ = (Format.percents([one, other]), Format.count(one), Format.bytes(one))
      }
      #expect(one.addingClamped(.max) >= one && one.subtractingClamped(.max) <= one)
    }
    #expect(Int(nearest: 1e300) == .max && Int(nearest: -.infinity) == .min)
    #expect(Int(nearest: .nan) == 0 && Int(nearest: 2.5) == 3)
    #expect(Int.min.multipliedClamped(by: -1) == .max && Int.max.multipliedClamped(by: -2) == .min)
  }

  @Test(arguments: [
    (0, 2, "0.00"), (1.005, 1, "1.0"), (-3.14159, 3, "-3.142"), (0.04, 1, "0.0"),
    (-0.04, 1, "0.0"), (9.99, 1, "10.0"),
  ])
  func fixed(_ value: Double, _ decimals: Int, _ expected: String) {
    #expect(Format.fixed(value, decimals) == expected)
  }

  @Test(arguments: [
    (0, "0"), (999, "999"), (1000, "1,000"), (-1_234_567, "-1,234,567"), (100_000, "100,000"),
  ])
  func count(_ value: Int, _ expected: String) { #expect(Format.count(value) == expected) }

  @Test(arguments: [
    (0, "0 B"), (812, "812 B"), (1023, "1023 B"), (1024, "1.00 KiB"), (48_213, "47.1 KiB"),
    (2_040_109_466, "1.90 GiB"), (-2048, "-2.00 KiB"), (1_048_575, "1.00 MiB"),
    (10_239, "10.0 KiB"), (-1_048_575, "-1.00 MiB"),
  ])
  func byteSizes(_ value: Int, _ expected: String) { #expect(Format.bytes(value) == expected) }

  @Test(arguments: [
    (0, 0, "–"), (0, 5, "0.0%"), (1, 3, "33.3%"), (5, 5, "100.0%"), (1, 5280, "<0.1%"),
    (5279, 5280, ">99.9%"), (1, 1_000_000_000, "<0.1%"), (1, 2001, "<0.1%"), (1, 1999, "0.1%"),
    (3, 2, "150.0%"),
  ])
  func percent(_ part: Int, _ whole: Int, _ expected: String) {
    #expect(Format.percent(part, of: whole) == expected)
  }

  @Test(
    arguments: [
      [1, 1, 1], [1, 1, 1, 1, 1, 1, 1], [334, 333, 333], [1999, 1], [5, 0, 0], [49, 51, 7, 3, 11],
    ] as [[Int]])
  func sharesAddUp(parts: [Int]) {
    let tenths = Format.percents(parts).map { text in
      text.hasPrefix("<") ? 0 : text.hasPrefix(">") ? 1000 : Int(text.filter(\.isNumber)) ?? -1
    }
    #expect(tenths.reduce(0, +) == 1000, "\(Format.percents(parts))")
    for (part, tenth) in zip(parts, tenths) {
      let exact = Double(part) / Double(parts.reduce(0, +)) * 1000
      #expect(abs(exact - Double(tenth)) <= 1, "\(Format.percents(parts))")
    }
  }

  @Test func sharesOfNothing() { #expect(Format.percents([0, 0]) == ["–", "–"]) }

  @Test(arguments: [
    (1, "1 document"), (0, "0 documents"), (2, "2 documents"), (5280, "5,280 documents"),
  ])
  func counted(_ number: Int, _ expected: String) {
    #expect(Format.counted(number, "document") == expected)
  }

  @Test(arguments: [
    (0, "0"), (0.01, "<0.1"), (0.4, "0.4"), (2, "2"), (9.94, "9.9"), (9.96, "10"),
    (3599.6, "3,600"), (.infinity, "–"), (.nan, "–"), (1e300, "–"), (-1, "–"),
  ])
  func rate(_ perHour: Double, _ expected: String) { #expect(Format.rate(perHour) == expected) }

  @Test(arguments: [
    (1000, 173, "82.7% saved"), (1000, 1012, "1.2% larger"), (1000, 1000, "0.0% saved"),
    (100_000, 100_001, "<0.1% larger"),
  ])
  func saving(_ original: Int, _ stored: Int, _ expected: String) {
    #expect(Format.saving(of: original, stored: stored) == expected)
  }

  @Test(arguments: [
    ("deed", 4), ("漢字", 4), ("é", 1), ("e\u{301}", 1), ("한", 2), ("–", 1), ("ｗ", 2), ("🙂", 2),
  ])
  func width(_ text: String, _ columns: Int) {
    #expect(Format.width(text) == columns)
    #expect(Format.width(Format.padRight(text, 9)) == 9)
    #expect(Format.width(Format.padLeft(text, 9)) == 9)
    #expect(Format.fitted(text + text, columns) == text)
  }

  @Test(arguments: [
    (0, "0.0s"), (0.42, "0.4s"), (9.96, "10s"), (59.4, "59s"), (59.6, "1m00s"), (185, "3m05s"),
    (3600, "1h00m"), (7620, "2h07m"), (367_200, "4d06h"), (-1, "–"), (.infinity, "–"), (.nan, "–"),
  ])
  func duration(_ seconds: Double, _ expected: String) {
    #expect(Format.duration(seconds: seconds) == expected)
  }

  @Test func textsFromOutsideAreSafeToPrint() {
    #expect(Format.quoted("a\nb\u{1B}[31m") == "\"a\u{FFFD}b\u{FFFD}[31m\"")
    #expect(Format.quoted(String(repeating: "x", count: 100)).count == 83)
    #expect(Format.quoted("é漢") == "\"é漢\"")
    #expect(
      Format.printable("a\r\nb\u{2028}c\u{202E}d\u{85}")
        == "a\u{FFFD}\u{FFFD}b\u{FFFD}c\u{FFFD}d\u{FFFD}")
  }

  @Test func padding() {
    #expect(Format.padded("7", 4) == "0007")
    #expect(Format.padded("12345", 4) == "12345")
    #expect(Format.padRight("ab", 4) == "ab  ")
    #expect(Format.padLeft("ab", 4) == "  ab")
    #expect(Format.padLeft("abcde", 4) == "abcde")
  }
}

@Suite("Time")
struct TimeTests {
  @Test(arguments: [
    ("0", 0), ("0.5", 0.5), (".5", 0.5), ("30", 30), ("30s", 30), ("500ms", 0.5), ("5m", 300),
    ("2h", 7200), ("1d", 86_400), ("365d", 31_536_000), ("1.5h", 5400),
  ])
  func span(_ text: String, _ expected: Double) { #expect(Time.span(text) == expected) }

  @Test(arguments: [
    "", " ", "-1", "+1", "s", "ms", "1w", "1 s", " 1", "1s ", "1,5", "nan", "inf", "infinity",
    "366d", "1e99", "1e400", "0x10", "٣", "1m30s", "½", "--5", "5S",
  ])
  func notASpan(_ text: String) { #expect(Time.span(text) == nil) }

  @Test func timestamps() {
    #expect(Time.timestamp(0) == "1970-01-01T00:00:00.000Z")
    #expect(Time.timestamp(1_795_458_635_123_456_789) == "2026-11-23T18:30:35.123Z")
    let earlier = Time.monotonic()
    #expect(Time.monotonic() >= earlier)
  }
}
