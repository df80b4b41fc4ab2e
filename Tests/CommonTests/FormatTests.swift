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
    (2_040_109_466, "1.90 GiB"), (-2048, "-2.00 KiB"),
  ])
  func byteSizes(_ value: Int, _ expected: String) { #expect(Format.bytes(value) == expected) }

  @Test(arguments: [(0, 0, "–"), (0, 5, "0.0%"), (1, 3, "33.3%"), (5, 5, "100.0%")])
  func percent(_ part: Int, _ whole: Int, _ expected: String) {
    #expect(Format.percent(part, of: whole) == expected)
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
