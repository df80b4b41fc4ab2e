import Common
import Testing

@Suite struct DayTests {
  @Test(arguments: [
    ("1951-03-04", "1951-03-05"), ("1951-12-31", "1952-01-01"), ("1951-02-28", "1951-03-01"),
    ("1952-02-28", "1952-02-29"), ("1900-02-28", "1900-03-01"), ("2000-02-28", "2000-02-29"),
    ("9999-12-31", nil),
  ])
  func next(day: String, after: String?) {
    #expect(Day(day)?.next?.description == after)
    #expect(Day(day)?.description == day)
  }

  @Test(arguments: [
    "", "1951", "1951-3-4", "1951-00-01", "1951-13-01", "1951-04-31", "1900-02-29", "0000-01-01",
    "1951-03-04 ", "+951-03-04", "19\u{0665}1-03-04", "1951-03-04-05", "-951-03-04",
  ])
  func whatIsNoDay(text: String) { #expect(Day(text) == nil) }
}
