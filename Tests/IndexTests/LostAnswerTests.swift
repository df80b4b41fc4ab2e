import Common
import Index
import Support
import Synchronization
import Testing

@testable import Index

/// The server did it, and its answer never came.
@Suite(.enabled(if: PostgresServer.isInstalled, "PostgreSQL is not installed"))
struct LostAnswerTests {
  private func behindProxy(
    _ body: @escaping @Sendable (any DocumentIndex, LossyProxy, PostgresFixture) throws -> Void
  ) throws {
    let fixture = try PostgresFixture()
    let proxy = try LossyProxy(to: fixture.server.port)
    let stop = ShutdownSignal()
    let failure = Mutex<(any Error)?>(nil)
    withThreads(2) { number in
      guard number == 1 else { return proxy.run(until: stop.descriptor) }
      defer { stop.request(.interrupted) }
      do {
        // TLS would hide from the proxy where an answer begins.
        let url = fixture.url.replacing(":\(fixture.server.port)/", with: ":\(proxy.port)/")
        let index = try openIndex("\(url)?sslmode=disable", connections: 2)
        try body(index, proxy, fixture)
        #expect(proxy.answersToLose == 0)
      } catch {
        failure.withLock { $0 = error }
      }
    }
    if let error = failure.withLock(\.self) { throw error }
  }

  @Test func aSettlementIsRecognised() throws {
    try behindProxy { (index, proxy, fixture) throws in
      #expect(try index.add(Document.pages(3).map(\.row)).added == 3)
      let leases = try index.claim(Selection(), for: .test(), count: 3).compactMap { Lease($0) }
      let error = RecordError(.network, "no answer")
      let outcomes: [Settlement.Outcome] = [
        .completed(Completion(url: "gs://b/1", sha256: "ab", bytes: 1)),
        .again(error, after: 0, countsAttempt: false), .failed(error),
      ]
      let stranger = Settlement(Lease(id: leases[0].id, token: "other"), .failed(error))
      proxy.loseAnswers(1)
      let settlements = zip(leases, outcomes).map { Settlement($0, $1) } + [stranger]
      #expect(try index.settle(settlements) == [true, true, true, false])
      #expect(
        try fixture.sql("SELECT download_status FROM index_documents ORDER BY page")
          == [["completed"], ["pending"], ["failed"]])
      #expect(try fixture.row(page: 2, "download_attempts") == ["0"])
    }
  }

  /// A claim whose answer is lost would be renewed for ever, with nobody to work on it.
  @Test func aClaimIsFoundAgain() throws {
    try behindProxy { (index, proxy, fixture) throws in
      #expect(try index.add(Document.pages(5).map(\.row)).added == 5)
      proxy.loseAnswers(1)
      #expect(pages(try index.claim(Selection(), for: .test(), count: 2)) == [1, 2])
      #expect(
        try fixture.sql(
          "SELECT COUNT(*) FROM index_documents WHERE download_status = 'in_progress'") == [["2"]])
      #expect(pages(try index.claim(Selection(), for: .test(), count: 2)) == [3, 4])
    }
  }

  @Test func anImportAddsNothingTwice() throws {
    try behindProxy { (index, proxy, fixture) throws in
      proxy.loseAnswers(1)
      _ = try index.add(Document.pages(5).map(\.row))
      #expect(try index.counts(Selection()).total == 5)
    }
  }
}
