import Common

/// A question of the report: how many documents are alike, and sums over them.
struct Grouping: Sendable {
  /// Expressions of columns; documents in which all are equal are alike.
  let keys: [String]
  /// Expressions whose values are added up; null adds nothing.
  var sums: [String] = []
  /// A condition without values; other documents are left out.
  var condition = "1 = 1"

  /// An expression to sum up, of the documents for which a condition holds.
  static func sum(_ value: String = "1", where condition: String) -> String {
    "CASE WHEN \(condition) THEN \(value) END"
  }

  /// Documents that are alike.
  struct Group: Sendable, Equatable {
    /// As texts, `nil` for null and for bytes.
    var keys: [String?]
    var count = 0
    /// Clamped to what a number can be.
    var sums: [Int]
  }

  /// The question alone, to a database that groups without sorting.
  func sql(_ documents: Condition) -> String {
    let columns = keys + ["COUNT(*)"] + sums.map { "SUM(\($0))" }
    let places = (1...keys.count).map(String.init).joined(separator: ", ")
    return """
      SELECT \(columns.joined(separator: ", ")) FROM index_documents
      WHERE \(documents.sql) AND \(condition) GROUP BY \(places)
      """
  }

  /// A row of the answer.
  func group(_ row: [String?]) -> Group {
    let numbers = row.dropFirst(keys.count).map { $0.flatMap { Int($0) } ?? 0 }
    return Group(
      keys: Array(row.prefix(keys.count)), count: numbers.first ?? 0,
      sums: Array(numbers.dropFirst()))
  }
}
