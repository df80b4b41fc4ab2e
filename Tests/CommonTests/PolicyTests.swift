import Common
import Testing

@Suite("When to try again")
struct RetryPolicyTests {
  @Test(
    "Waits, with the random number at its largest",
    arguments: [
      // attempt, retries, base, cap, expected
      (1, 3, 2.0, 600.0, 2.0), (2, 3, 2.0, 600.0, 4.0), (3, 3, 2.0, 600.0, 8.0),
      (4, 3, 2.0, 600.0, nil), (1, 0, 2.0, 600.0, nil), (1, 1, 0.0, 600.0, 0.0),
      (9, 20, 2.0, 60.0, 60.0), (1, 5, 90.0, 60.0, 60.0), (5, 5, 2.0, 0.0, 0.0),
      (1000, 1000, 2.0, 600.0, 600.0), (1, -1, 2.0, 600.0, nil), (1, 1, -2.0, 600.0, 0.0),
      (0, 3, 2.0, 600.0, 2.0),
    ] as [(Int, Int, Double, Double, Double?)])
  func waits(_ attempt: Int, _ retries: Int, _ base: Double, _ cap: Double, _ expected: Double?) {
    let policy = RetryPolicy(retries: retries, base: base, cap: cap)
    #expect(policy.delay(afterAttempt: attempt, elapsed: 0, random: 1) == expected)
  }

  @Test("The wait is anywhere between nothing and its longest")
  func jitter() {
    let policy = RetryPolicy(retries: 5, base: 8)
    let waits: [(Double, Double)] = [(0, 0), (0.25, 4), (0.5, 8), (1, 16), (7, 16), (-1, 0)]
    for (random, expected) in waits {
      #expect(policy.delay(afterAttempt: 2, elapsed: 0, random: random) == expected)
    }
  }

  @Test("No retry begins after the time allowed")
  func maximumTime() {
    let policy = RetryPolicy(retries: 9, base: 10, maximumTime: 60)
    #expect(policy.delay(afterAttempt: 1, elapsed: 50, random: 1) == 10)
    #expect(policy.delay(afterAttempt: 1, elapsed: 50.1, random: 1) == nil)
  }
}

@Suite("Error classes and exit codes")
struct VocabularyTests {
  @Test func whatIsNobodysFaultUsesUpNoAttempt() {
    let free = ErrorClass.allCases.filter { !$0.countsAsAttempt }
    #expect(Set(free) == [.rateLimited, .storeUnavailable, .local, .interrupted])
    // Whatever does not count must be tried again, or it would never end.
    #expect(free.allSatisfy { $0.isRetryable })
  }

  @Test func theTableHasEveryCode() {
    for code in ToolExit.allCases {
      #expect(ToolExit.table.contains(" \(code.rawValue) \(code.meaning)"))
    }
    #expect(ToolExit.allCases.map(\.rawValue) == [0, 1, 3, 64, 65, 69, 74, 77, 78, 130])
  }
}
