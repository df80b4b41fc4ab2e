/// Finds what somebody meant who wrote a name almost right.
package enum NearestName {
  /// The candidate that a name is most likely meant to be: the same but for case, blanks and punctuation, or else
  /// the one with the fewest letters changed, a quarter of them at most. `nil` where none is near.
  package static func of(_ name: String, among candidates: some Collection<String>) -> String? {
    let wanted = folded(name)
    guard !wanted.isEmpty else { return nil }
    let known = candidates.sorted()
    if let same = known.first(where: { folded($0) == wanted }) { return same }
    let limit = max(1, wanted.count / 4)
    let near = known.map { (name: $0, distance: distance(wanted, folded($0), limit: limit)) }
      .filter { $0.distance <= limit }
    return near.min { $0.distance < $1.distance }?.name
  }

  private static func folded(_ text: String) -> [Character] {
    text.lowercased().filter { $0.isLetter || $0.isNumber }.map(\.self)
  }

  /// Letters to be changed, added or removed (Levenshtein); anything above `limit` where there are more.
  private static func distance(_ a: [Character], _ b: [Character], limit: Int) -> Int {
    guard abs(a.count - b.count) <= limit else { return limit + 1 }
    var row = Array(0...b.count)
    for (i, letter) in a.enumerated() {
      var before = row[0]
      row[0] = i + 1
      for (j, other) in b.enumerated() {
        let change = before + (letter == other ? 0 : 1)
        before = row[j + 1]
        row[j + 1] = min(change, before + 1, row[j] + 1)
      }
    }
    return row[b.count]
  }
}
