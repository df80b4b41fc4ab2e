import Common
import Testing

@testable import dashboard

/// What viewers are told, and how often the run is looked at.
@Suite("What viewers are told")
struct BoardTests {
  private func told(_ board: Board, since: Int) throws -> [String: String] {
    guard let message = board.message(since: since) else { return [:] }
    let json = try JSON(parsing: String(decoding: message, as: UTF8.self))
    return (json.object?.members ?? []).reduce(into: [:]) { $0[$1.name] = $1.value.string }
  }

  @Test("Only what has changed since a viewer was told")
  func changes() throws {
    var board = Board()
    #expect(board.message(since: 0) == nil)
    board.update([("a", "1"), ("b", "1")])
    #expect(try told(board, since: 0) == ["a": "1", "b": "1"])
    let first = board.now
    #expect(board.message(since: first) == nil)
    board.update([("a", "1"), ("b", "2")])
    #expect(try told(board, since: first) == ["b": "2"])
    let second = board.now
    board.update([("a", "1"), ("b", "2")])
    #expect(board.now == second && board.message(since: second) == nil)
    board.update([("a", "3"), ("b", "2")])
    // Who was not told of the second change gets the newest of both.
    #expect(try told(board, since: first) == ["a": "3", "b": "2"])
  }

  @Test("The next look comes after two seconds, or a multiple of what the last one cost")
  func intervals() {
    func seconds(_ kind: Sampler.Kind, _ cost: Double, failed: Bool = false) -> Double {
      Double(Sampler.interval(kind, cost: Int64(cost * 1e9), hasFailed: failed)) / 1e9
    }
    #expect(seconds(.quick, 0.001) == 2 && seconds(.quick, 0.1) == 2)
    #expect(seconds(.quick, 0.5) == 10)
    #expect(seconds(.whole, 0.01) == 2 && seconds(.whole, 1.5) == 150)
    #expect(seconds(.whole, 3600) == 600)
    // What waits for a server that is away costs nothing there.
    #expect(seconds(.whole, 30, failed: true) == 5)
  }
}
