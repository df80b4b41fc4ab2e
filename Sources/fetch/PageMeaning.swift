import Common

extension Portal {
  /// What a page says instead of an answer: the class of the first pattern that is in its text, or
  /// `portal_error` for a look-up's page that lacks what every answer has. `nil` for an answer.
  func meaning(of page: [UInt8], for purpose: Judgement.Purpose) -> ErrorClass? {
    var answer: String?
    if case .lookup(let lookup) = purpose { answer = lookup.answer }
    guard answer != nil || !meanings.isEmpty, let page = HTMLPage(page) else { return nil }
    if !meanings.isEmpty {
      let text = page.texts("//text()").joined(separator: " ")
      // The patterns were compiled once already, when the portal file was read.
      let meaning = meanings.first { rule in
        (try? Regex(rule.pattern).ignoresCase()).flatMap { text.firstMatch(of: $0) } != nil
      }
      if let meaning { return meaning.kind }
    }
    if let answer, !page.has(answer) { return .portalError }
    return nil
  }
}
