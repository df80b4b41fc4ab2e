import Common
import Index
import Store
import Testing

@testable import validate

@Suite("Documents and objects, brought together")
struct MatchingTests {
  private final class Rows: StoredRowPages {
    private var pages: [[StoredRow]]
    init(_ pages: [[String?]]) {
      self.pages = pages.map { $0.map { StoredRow(id: 1, url: $0) } }
    }
    func next() -> [StoredRow]? { pages.isEmpty ? nil : pages.removeFirst() }
  }

  private final class Objects: ObjectLister {
    private var pages: [[ListedObject]]
    init(_ pages: [[String]]) {
      self.pages = pages.map { $0.map { ListedObject(url: $0, bytes: 0) } }
    }
    func next() -> [ListedObject]? { pages.isEmpty ? nil : pages.removeFirst() }
  }

  /// Each match as `rows:object`.
  private func matches(_ rows: [[String?]], _ objects: [[String]]) throws -> [String] {
    var matching = Matching(Rows(rows), Objects(objects))
    var found: [String] = []
    while let match = try matching.next() {
      found.append("\(match.rows.count):\(match.object?.url ?? "-")")
    }
    return found
  }

  @Test func eachOnce() throws {
    #expect(try matches([], []) == [])
    #expect(try matches([["a"], ["b"]], []) == ["1:-", "1:-"])
    #expect(try matches([], [["a"], ["b"]]) == ["0:a", "0:b"])
    #expect(
      try matches([["a", "c"], ["d"]], [["b", "c"], ["e"]])
        == ["1:-", "0:b", "1:c", "1:-", "0:e"])
    // Documents of one URL are one match, across pages; those without one are not.
    #expect(try matches([[nil, nil, "a"], ["a"]], [["a"]]) == ["1:-", "1:-", "2:a"])
    // Two spellings of a letter are two names.
    #expect(try matches([["e\u{301}"], ["\u{E9}"]], [["\u{E9}"]]) == ["1:-", "1:\u{E9}"])
  }

  @Test func aBrokenOrderEndsIt() {
    #expect(throws: Fatal.self) { _ = try matches([["b"], ["a"]], []) }
    #expect(throws: Fatal.self) { _ = try matches([], [["b", "a"]]) }
  }
}
