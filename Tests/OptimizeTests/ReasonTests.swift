import Common
import Foundation
import Testing

@Suite("Reasons")
struct ReasonTests {
  @Test("docs/optimize.md names each reason beside its check", arguments: RejectionReason.allCases)
  func documented(_ reason: RejectionReason) throws {
    let page = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../../docs/optimize.md").standardized
    let lines = try String(contentsOf: page, encoding: .utf8).split(separator: "\n")
    let row = try #require(lines.first { $0.hasPrefix("| `\(reason.check.rawValue)`:") })
    #expect(row.contains(reason.rawValue))
  }
}
