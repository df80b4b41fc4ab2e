import Common

/// Reads what a page means by the portal file's patterns. Belongs to one worker, because compiled
/// expressions do.
struct PageMeaning {
  private let rules: [(regex: Regex<AnyRegexOutput>, kind: ErrorClass)]

  /// Patterns that were compiled once already when the portal file was read.
  init(_ portal: Portal) {
    rules = portal.meanings.compactMap { rule in
      (try? Regex(rule.pattern)).map { ($0.ignoresCase(), rule.kind) }
    }
  }

  /// The first rule's class whose pattern is in the page's text.
  func callAsFunction(_ page: [UInt8]) -> ErrorClass? {
    guard !rules.isEmpty, let page = HTMLPage(page) else { return nil }
    let text = page.texts("//text()").joined(separator: " ")
    return rules.first { text.firstMatch(of: $0.regex) != nil }?.kind
  }
}
