import Common
import Config
import Support
import Testing

@testable import Index

/// The view by which something else decides how many pipelines there are.
@Suite(.enabled(if: PostgresServer.isInstalled, "PostgreSQL is not installed"))
struct ScalingViewTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var pending = 0
    var inProgress = 0
    /// Delay and latency of each host, in seconds.
    var hosts: [(Double, Double)] = []
    let useful: Int

    var testDescription: String { "\(pending) + \(inProgress), \(hosts): \(useful)" }
  }

  static let cases = [
    Case(useful: 0),
    Case(hosts: [(0.5, 0.8)], useful: 0),
    // Never run: one, which finds out what is useful.
    Case(pending: 10_500, useful: 1),
    Case(pending: 1, hosts: [(0.02, 0.8)], useful: 1),
    Case(pending: 10_500, hosts: [(0.5, 0.8)], useful: 1),
    Case(pending: 10_500, hosts: [(0.02, 0.8)], useful: 9),
    Case(pending: 250, hosts: [(0.02, 0.8)], useful: 3),
    // Two portals keep as many busy as both of them.
    Case(pending: 10_500, hosts: [(0.5, 2), (0.5, 2)], useful: 2),
    // Without a delay nothing is known of a portal but that it is there.
    Case(pending: 10_500, hosts: [(0, 0.8)], useful: 1),
    Case(pending: 10_500, hosts: [(1e-9, 1e9)], useful: 100),
    Case(pending: 10_500, hosts: [(31_536_000, 0)], useful: 1),
    // Leases of pods that are gone, perhaps: somebody has to take them back.
    Case(inProgress: 40, hosts: [(0.02, 0.8)], useful: 1),
    Case(pending: 60, inProgress: 300, hosts: [(0.02, 0.8)], useful: 4),
  ]

  @Test(arguments: cases)
  func `as many as the budgets keep busy, and no more than there is to do`(_ one: Case) throws {
    let fixture = try PostgresFixture()
    let view = try made(Selection(), in: fixture)
    try add(one.pending, "pending", to: fixture)
    try add(one.inProgress, "in_progress", to: fixture)
    for (number, host) in one.hosts.enumerated() {
      try fixture.sql(
        "INSERT INTO conveyor_paces VALUES ('s', 'h\(number):443', \(host.0), \(host.1))")
    }
    #expect(try useful(view, fixture) == one.useful)
    // What else is in the table is of no account: what is done, what waits, another stage's hosts.
    try fixture.sql("INSERT INTO conveyor_paces VALUES ('other', 'h0:443', 0.001, 100)")
    try add(500, "completed", to: fixture)
    try fixture.sql(
      """
      INSERT INTO index_documents (source, book, page, download_status, next_attempt_at)
      SELECT 'later', 300, page, 'pending', now() + INTERVAL '1 hour' FROM generate_series(1, 500) AS page
      """)
    #expect(try useful(view, fixture) == one.useful)
  }

  @Test func `a pause changes nothing, and hosts of long ago are forgotten`() throws {
    let fixture = try PostgresFixture()
    let view = try made(Selection(), in: fixture)
    try add(5000, "pending", to: fixture)
    try fixture.sql("INSERT INTO conveyor_paces VALUES ('s', 'h:443', 0.1, 2)")
    #expect(try useful(view, fixture) == 5)
    try fixture.sql(
      """
      CREATE TABLE conveyor_hosts (
        host text, next_slot bigint, last_start bigint, paused_until bigint, refusals bigint);
      INSERT INTO conveyor_hosts
      VALUES ('h:443', 0, 0, (extract(epoch FROM now() + INTERVAL '1 hour') * 1e6)::bigint, 9)
      """)
    #expect(try useful(view, fixture) == 5)
    // Nobody asked it while it was paused, over a weekend.
    try fixture.sql("UPDATE conveyor_paces SET noted_at = now() - INTERVAL '3 days'")
    #expect(try useful(view, fixture) == 5)
    try fixture.sql("INSERT INTO conveyor_paces VALUES ('s', 'g:443', 0.5, 0.8)")
    #expect(try useful(view, fixture) == 1)
  }

  /// The view has the stage's values in its text, and has to mean what `enqueue` means.
  @Test(arguments: [
    "stage-0-test", "stage-1-small", "stage-2-medium", "stage-3-large", "stage-historical-all",
    "stage-mid-filtered",
  ])
  func `it counts what enqueue would claim`(name: String) throws {
    let fixture = try PostgresFixture()
    let stage = try Stage(named: name, in: "stages")
    let types = stage.selection.types + ["DEED", "OTHER"]
    let documents = (0..<400).map { number in
      Document(
        book: 1 + number * 10 % 4000, page: number + 1, priority: 1 + number % 4,
        type: types[number % types.count])
    }
    let index = try fixture.open(with: documents)
    let view = try made(stage.selection, name: stage.name, in: fixture)
    let expected = try index.counts(stage.selection).pending
    #expect(expected > 0)
    #expect(try fixture.sql("SELECT claimable FROM \(view.name)") == [[String(expected)]])
    #expect(view.name.count <= 63)
    // Again, as after an upgrade; and for two.
    try fixture.sql(view.sql)
  }

  @Test func `values mean themselves, whatever is in them`() throws {
    let fixture = try PostgresFixture()
    let odd = [
      "O'HARA", #"a\b"#, #"\"#, #"'); DROP TABLE index_documents; --"#, "what? ?", "$1 $$ é", "%s",
    ]
    let index = try fixture.open(
      with: odd.enumerated().map { Document(page: $0.offset + 1, type: $0.element) })
    for (number, type) in odd.enumerated() {
      var selection = Selection()
      selection.types = [type]
      let view = try made(selection, name: "odd.\(number) É'\\", in: fixture)
      #expect(view.name == "conveyor_scaling_odd_\(number)____")
      for setting in ["on", "off"] {
        try fixture.sql("SET standard_conforming_strings = \(setting); \(view.sql)")
        #expect(try fixture.sql("SELECT claimable FROM \(view.name)") == [["1"]], "\(type)")
      }
    }
    #expect(try index.counts(Selection()).pending == odd.count)
  }

  @Test func `a stage of failed documents has none`() throws {
    var selection = Selection()
    selection.retriesFailed = true
    let error = #expect(throws: Fatal.self) { try ScalingView(stage: "s", selection) }
    #expect(error?.code == .configuration)
    #expect(error?.message.contains("as a Job") == true)
  }

  private func made(
    _ selection: Selection, name: String = "s", in fixture: PostgresFixture
  ) throws -> ScalingView {
    let view = try ScalingView(stage: name, selection)
    try fixture.sql(view.sql)
    return view
  }

  private func useful(_ view: ScalingView, _ fixture: PostgresFixture) throws -> Int? {
    try fixture.sql("SELECT useful_pipelines FROM \(view.name)").first.flatMap { Int($0[0]) }
  }

  private func add(_ count: Int, _ status: String, to fixture: PostgresFixture) throws {
    try fixture.sql(
      """
      INSERT INTO index_documents (source, book, page, download_status)
      SELECT '\(status)', 238, page, '\(status)' FROM generate_series(1, \(count)) AS page
      """)
  }
}
