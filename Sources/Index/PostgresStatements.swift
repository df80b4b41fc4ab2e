import Common
import Postgres

extension PostgresPool {
  /// One statement, a transaction by itself, that is safe to repeat; a `?` for each value.
  func query(_ sql: String, _ values: [Condition.Value] = []) throws(Fatal) -> Rows {
    try use { connection, _ throws in try connection.query(sql, values) }
  }
}

extension Connection {
  /// Runs a statement with a `?` for each value.
  @discardableResult
  func query(_ sql: String, _ values: [Condition.Value]) throws(PostgresError) -> Rows {
    try query(
      numbered(sql),
      values.map { value in
        switch value {
        case .int(let number): String(number)
        case .text(let text): text
        }
      } as [String?])
  }
}

/// The same statement with `$1`, `$2`, … for its question marks. None of ours has one in a text.
func numbered(_ sql: String) -> String {
  var number = 0
  var text = ""
  for character in sql {
    if character == "?" {
      number += 1
      text += "$\(number)"
    } else {
      text.append(character)
    }
  }
  return text
}
