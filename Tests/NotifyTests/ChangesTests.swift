import Common
import Testing

@testable import notify

@Suite("What is news in a look at a stage")
struct ChangesTests {
  private static let minute: Int64 = 60_000_000_000
  private static let start: Int64 = 1_795_000_000_000_000_000

  /// A look as `validate monitor --notify` sees it.
  private static func look(
    done: Int = 0, of total: Int = 100, success: String = "good", outages: [String] = [],
    failures: [String: Int] = [:], newest: [Int] = []
  ) -> JSON {
    .object([
      "subject": "x", "stage": "stage-0-test",
      "checks": .array([
        .object(["name": "success rate", "level": .string(success), "words": "…"]),
        .object(["name": "outage", "level": outages.isEmpty ? "good" : "warning", "words": "…"]),
      ]),
      "outages": .array(
        outages.map {
          .object(["name": .string($0), "reason": "no answer", "since": "2026-11-26T01:00:00.000Z"])
        }),
      "documents": .object(["total": .int(total), "done": .int(done)]),
      "failures": .object(
        failures.sorted { $0.key < $1.key }.reduce(into: JSONObject()) {
          $0[$1.key] = .int($1.value)
        }),
      "newest_failures": .array(newest.map(JSON.int)),
    ])
  }

  /// The events of looks, a minute apart, each as its type.
  private static func events(_ looks: [JSON], every step: Int64 = minute) -> [[Event]] {
    var state: JSON?
    return looks.enumerated().map { index, look in
      let changes = Changes(
        look, since: state, now: start + Int64(index) * step, run: "r", machine: "m")
      // Kept as text, as the outbox keeps it.
      state = try? JSON(parsing: JSON.object(changes.state).description)
      return changes.events
    }
  }

  private static func types(_ looks: [JSON], every step: Int64 = minute) -> [[String]] {
    events(looks, every: step).map { $0.map(\.kind.rawValue) }
  }

  @Test("A milestone at each ten percent, each once; those before the first look are no news")
  func milestones() {
    let types = Self.types([37, 39, 40, 41, 73, 72, 100, 100].map { Self.look(done: $0) })
    #expect(
      types == [
        [], [], ["stage.milestone"], [], ["stage.milestone"], [], ["stage.milestone"], [],
      ])
    #expect(Self.types([Self.look(of: 0), Self.look(done: 1, of: 10)]) == [[], []])
    // Documents that are tried again take it back.
    #expect(Self.types([55, 20, 31].map { Self.look(done: $0) }).last == ["stage.milestone"])
  }

  @Test("Critical is told once, and recovered only when it is good again")
  func health() {
    let levels = ["good", "critical", "critical", "warning", "critical", "good", "critical"]
    #expect(
      Self.types(levels.map { Self.look(success: $0) }) == [
        [], ["health.critical"], [], [], [], ["health.recovered"], ["health.critical"],
      ])
    #expect(Self.types([Self.look(success: "critical")]) == [["health.critical"]])
  }

  @Test("An outage begins and ends once, each by its name")
  func outages() {
    let looks = [["a"], ["a", "b"], ["b"], [], []].map { Self.look(outages: $0) }
    #expect(
      Self.types(looks) == [
        ["portal.outage_began"], ["portal.outage_began"], ["portal.outage_ended"],
        ["portal.outage_ended"], [],
      ])
  }

  @Test("Failed documents come as a digest, every 15 minutes at most, and none is told twice")
  func digests() throws {
    let counts = [5, 6, 9, 9, 12, 400, 400, 401]
    let events = Self.events(
      counts.map { Self.look(failures: ["bad_pdf": $0], newest: Array(1...12)) },
      every: 6 * Self.minute)
    let told = events.map { $0.first.flatMap { Self.data($0)["count"]?.int } }
    // Minutes 0, 6, 12, …: the five of the first look were there before.
    #expect(told == [nil, 1, nil, nil, 6, nil, nil, 389])
    let digest = try #require(events.last?.first)
    #expect(Self.data(digest)["ids"]?.array?.count == 10)
    #expect(Self.data(digest)["classes"]?.array?.first?["class"]?.string == "bad_pdf")
  }

  @Test("A clock that was set back keeps no digest back, and retried documents count again")
  func clock() {
    var state: JSON? = .object(["told": .object(["network": 10]), "digest": .int(Int.max)])
    let first = Changes(
      Self.look(failures: ["network": 11]), since: state, now: Self.start, run: nil, machine: "m")
    #expect(first.events.map(\.kind) == [.documentsFailed])
    state = .object(first.state)
    let retried = Changes(
      Self.look(failures: ["network": 2]), since: state, now: Self.start + 1, run: nil,
      machine: "m")
    let again = Changes(
      Self.look(failures: ["network": 4]), since: .object(retried.state),
      now: Self.start + 16 * Self.minute, run: nil, machine: "m")
    #expect(again.events.first.flatMap { Self.data($0)["count"]?.int } == 2)
  }

  @Test(
    "Whatever stands in the outbox or in a look, there is no trap",
    arguments: [
      "{}", #"{"told":5,"digest":"x","outages":{},"critical":[1,null],"milestone":-70}"#,
      #"{"told":{"a":9223372036854775807,"b":-1},"digest":-9223372036854775808}"#,
    ])
  func odd(_ text: String) throws {
    let odd = try JSON(parsing: text)
    let sensible = Self.look(
      done: 50, failures: ["a": .max, "b": .max, "c": 1], newest: [1, 2, 3])
    let huge = Self.look(done: .max, of: 1)
    for (look, before) in [(sensible, odd), (odd, sensible), (odd, odd), (huge, odd)] {
      _ = Changes(look, since: before, now: Self.start, run: nil, machine: "")
    }
  }

  private static func data(_ event: Event) -> JSON {
    (try? JSON(parsing: String(decoding: event.body, as: UTF8.self)))?["data"] ?? .null
  }
}

extension JSON: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral {
  package init(stringLiteral text: String) { self = .string(text) }
  package init(integerLiteral value: Int) { self = .int(value) }
}
