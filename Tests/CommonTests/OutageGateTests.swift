import Logging
import Testing

@testable import Common

/// What several kinds of requests to one server know of each other.
@Suite struct OutageGateTests {
  private let reading = OutageGate.Scope(key: "r", name: "reading", group: "store")
  private let writing = OutageGate.Scope(key: "w", name: "writing", group: "store")
  private let stop = ShutdownSignal()

  private func gate(_ policy: OutagePolicy) -> OutageGate {
    let gate = OutageGate(
      policy, stop: stop, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    for scope in [reading, writing] { gate.succeeded(gate.observer(of: scope)) }
    return gate
  }

  /// Refuses `count` requests of a kind; what the last one holds.
  @discardableResult
  private func refuse(
    _ gate: OutageGate, _ count: Int, _ scope: OutageGate.Scope
  ) -> OutageGate.Held? {
    (0..<count).map {
      gate.refused(
        gate.observer(of: scope), "\(scope.name) \($0)", Refusal("503"), hasSample: false)
    }.last
  }

  @Test func refusalsOfAllKindsCountTogether() throws {
    let gate = gate(OutagePolicy(threshold: 5, firstDistance: 0))
    let reader = refuse(gate, 4, reading)
    #expect(!gate.isOut(reading) && !gate.isOut(writing))
    let writer = refuse(gate, 1, writing)
    #expect(!gate.isOut(reading) && gate.isOut(writing))
    guard case .ask(let ticket) = try gate.next(writing, writer, hasSample: false) else {
      Issue.record("one tries")
      return
    }
    #expect(ticket.isTry)
    gate.succeeded(ticket)
    guard case .ask = try gate.next(reading, reader, hasSample: false) else {
      Issue.record("what was refused meanwhile is asked for again")
      return
    }
  }

  /// Those who waited may be gone with errors of their own: then others get there, and do not wait for ever.
  @Test func anOutageThatNothingWaitsInHoldsNothingElse() throws {
    let gate = gate(OutagePolicy(threshold: 2, firstDistance: 0))
    refuse(gate, 2, writing)
    #expect(gate.isOut(writing))
    guard case .ask(let ticket) = try gate.next(reading, nil, hasSample: false) else {
      Issue.record("a reader gets through")
      return
    }
    gate.succeeded(ticket)
    guard case .ask(let attempt) = try gate.next(writing, nil, hasSample: false) else {
      Issue.record("and tries to write")
      return
    }
    #expect(attempt.isTry)
  }

  @Test func afterAStopOnlyWaitingEnds() throws {
    let gate = gate(OutagePolicy(threshold: 2, firstDistance: 3600))
    stop.request(.interrupted)
    guard case .ask = try gate.next(reading, nil, hasSample: false) else {
      Issue.record("what is in flight goes on")
      return
    }
    let held = refuse(gate, 2, writing)
    let error = #expect(throws: RecordError.self) {
      _ = try gate.next(writing, held, hasSample: false)
    }
    #expect(error?.kind == .interrupted)
  }

  /// Records may lead to a server each. What is undecided is kept, whatever came meanwhile.
  @Test func anyNumberOfServersIsForgotten() {
    var watches = OutageWatches(OutagePolicy(threshold: 5))
    _ = watches.change(writing) { $0.refused("1", Refusal("503"), now: 1, hasSample: false) }
    for number in 0..<100_000 {
      let scope = OutageGate.Scope(key: "\(number)", name: "a server")
      _ = watches.change(scope) { $0.succeeded(began: 1, now: 2) }
    }
    #expect(watches.count < 10_000)
    #expect(watches[writing]?.rowLength == 1)
  }
}
