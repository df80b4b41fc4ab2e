import Common
import Index
import Testing

@testable import Index

@Suite struct PolicyTests {
  struct Case: Sendable {
    let kind: ErrorClass
    let attempt: Int
    var counts: Bool?
    var isRetryable: Bool?
    var random = 1.0
    /// `nil`: failed.
    let after: Double?
  }

  @Test(arguments: [
    Case(kind: .network, attempt: 1, after: 120), Case(kind: .network, attempt: 2, after: 240),
    Case(kind: .network, attempt: 4, after: 960), Case(kind: .network, attempt: 5, after: nil),
    Case(kind: .network, attempt: 6, after: nil),
    Case(kind: .network, attempt: 1, random: 0, after: 60),
    Case(kind: .network, attempt: 2, random: 0.5, after: 180),
    Case(kind: .absent, attempt: 1, after: nil),
    Case(kind: .absent, attempt: 1, isRetryable: true, after: 120),
    Case(kind: .network, attempt: 1, isRetryable: false, after: nil),
    Case(kind: .local, attempt: 1, after: 120), Case(kind: .local, attempt: 5, after: 1920),
    Case(kind: .local, attempt: 9, after: 3600), Case(kind: .local, attempt: .max, after: 3600),
    Case(kind: .network, attempt: 7, counts: false, after: 3600),
    Case(kind: .interrupted, attempt: 1, after: 1), Case(kind: .interrupted, attempt: 5, after: 1),
    Case(kind: .network, attempt: 0, after: 120), Case(kind: .network, attempt: -3, after: 120),
  ])
  func outcomes(_ row: Case) {
    let error = RecordError(row.kind, "x", isRetryable: row.isRetryable, counts: row.counts)
    let outcome = AttemptPolicy.outcome(
      of: error, attempt: row.attempt, firstWait: 120, random: row.random)
    switch outcome {
    case .completed: Issue.record("an error completes nothing")
    case .givenBack(let after):
      #expect(row.kind == .interrupted)
      #expect(after == row.after)
    case .failed(let told):
      #expect(row.after == nil)
      #expect(told == error)
    case .again(let told, let after, let counts):
      #expect(after == row.after)
      #expect(counts == error.counts)
      #expect(told == error)
    }
  }

  @Test(arguments: [
    (0, AttemptPolicy.Standing.trusted), (2, .trusted), (3, .quarantined), (4, .quarantined),
    (5, .poisoned), (9, .poisoned),
  ])
  func standings(losses: Int, expected: AttemptPolicy.Standing) {
    #expect(AttemptPolicy.standing(afterLosing: losses) == expected)
  }

  struct Pending: Sendable {
    var trusted = 0
    var quarantined = 0
    var here = 0
    var quarantinedHere = 0
    let claimable: Int
    let heldBack: Int
  }

  @Test(arguments: [
    Pending(claimable: 0, heldBack: 0), Pending(trusted: 7, here: 3, claimable: 7, heldBack: 0),
    Pending(trusted: 7, quarantined: 2, claimable: 7, heldBack: 2),
    Pending(quarantined: 2, claimable: 2, heldBack: 0),
    Pending(quarantined: 2, here: 1, claimable: 0, heldBack: 2),
    Pending(trusted: 7, quarantined: 2, here: 1, quarantinedHere: 1, claimable: 0, heldBack: 9),
  ])
  func suspectsWorkAlone(_ row: Pending) {
    var queueCounts = QueueCounts()
    queueCounts.inProgressHere = row.here
    queueCounts.divide(
      trusted: row.trusted, quarantined: row.quarantined, quarantinedHere: row.quarantinedHere)
    #expect(queueCounts.claimable == row.claimable)
    #expect(queueCounts.heldBack == row.heldBack)
  }

  @Test func conditionsBindWhatTheySelect() {
    var selection = Selection()
    #expect(selection.documents == Condition(sql: "1 = 1"))
    selection.books = [1...49, 238...299]
    selection.types = ["'; DROP TABLE x; --", "B"]
    selection.excludedTypes = ["C", "'"]
    selection.priorities = [1]
    selection.sources = ["S"]
    #expect(
      selection.documents
        == Condition(
          sql: "(book BETWEEN ? AND ? OR book BETWEEN ? AND ?) AND "
            + "instrument_type_parsed IN (?, ?) AND "
            + "(instrument_type_parsed IS NULL OR instrument_type_parsed NOT IN (?, ?)) AND "
            + "download_priority IN (?) AND source IN (?)",
          values: [
            .int(1), .int(49), .int(238), .int(299), .text("'; DROP TABLE x; --"), .text("B"),
            .text("C"), .text("'"), .int(1), .text("S"),
          ]))
    var dated = Selection()
    dated.ids = [7, -1]
    dated.since = Day("1951-03-04")
    dated.until = Day("1951-12-31")
    #expect(
      dated.documents
        == Condition(
          sql: "id IN (SELECT CAST(key AS bigint) FROM json_each(?)) AND file_date >= ? "
            + "AND file_date < ?",
          values: [.text(#"{"7":0,"-1":0}"#), .text("1951-03-04"), .text("1952-01-01")]))
  }

  @Test(
    arguments: [
      ([], []),
      ([(5, 0, 1)], [5...5]),
      ([(5, 0, 1), (7, 0, 2), (9, 1, 1)], [5...7]),
      ([(5, 0, 1), (6, 1, 0), (7, 0, 1)], [5...5, 7...7]),
      ([(5, 0, 1), (6, 0, 0), (7, 0, 1)], [5...5, 7...7]),
      ([(5, 3, 0), (6, 0, 0)], []),
    ] as [([(Int, Int, Int)], [ClosedRange<Int>])])
  func gaps(books: [(Int, Int, Int)], expected: [ClosedRange<Int>]) {
    #expect(
      BookCollector.gaps(books.map { BookCollector(book: $0.0, completed: $0.1, open: $0.2) })
        == expected)
  }
}
