import CPostgres
import Common

/// What PostgreSQL refused, or that it could not be reached.
package struct PostgresError: ConnectionFailure, Sendable, Equatable, CustomStringConvertible {
  /// Five characters (PostgreSQL manual, appendix A). Where the server said nothing: 08001 for a
  /// connection that was not made, 08006 for one that broke, 22021 for a text with NUL.
  package let sqlState: String
  /// The server's or libpq's words, on one line.
  package let description: String

  init(_ sqlState: String, _ message: String) {
    self.sqlState = sqlState
    let words = message.split { $0.isNewline || $0 == "\t" || $0 == " " }
    description = words.joined(separator: " ")
  }

  /// Whether the connection is of no more use.
  package var endsConnection: Bool {
    sqlState.hasPrefix("08") || sqlState.hasPrefix("57P0") || sqlState == "25P03"
  }

  /// Whether it is a row or a value that the table does not take: class 22, data, 23, a constraint, P0, what a
  /// trigger raises, or a state that a trigger made up itself (45, or one that begins with a letter that neither
  /// the standard nor PostgreSQL uses).
  package var isAboutData: Bool {
    let made = sqlState.first.map { ("I"..."Z").contains($0) && $0 != "P" && $0 != "X" } ?? false
    return ["22", "23", "45", "P0"].contains(sqlState.prefix(2)) || made
  }

  /// Whether waiting for a lock, or for the end of a statement, took longer than the role's
  /// `lock_timeout` or `statement_timeout` allows.
  package var isTimeout: Bool { ["55P03", "57014"].contains(sqlState) }

  /// Whether the same may succeed a little later: the connection broke, the server starts or stops,
  /// has no room for another client, or ended one of two that waited for each other.
  package var isPassing: Bool { endsConnection || ["40001", "40P01", "53300"].contains(sqlState) }
}

extension PostgresError {
  /// What an attempt to connect ended with. libpq has no function for the SQLSTATE of one; its
  /// verbose message has it: `… failed: FATAL:  28P01: password authentication failed …`.
  init(connecting connection: OpaquePointer) {
    let text = String(cString: PQerrorMessage(connection))
    var state = PQconnectionNeedsPassword(connection) != 0 ? "28P01" : "08001"
    var words: [Substring] = []
    for line in text.split(whereSeparator: \.isNewline) where !line.hasPrefix("LOCATION:") {
      words += line.split(separator: " ").filter { word in
        guard let found = Self.state(in: word) else { return true }
        state = found
        return false
      }
    }
    self.init(state, words.joined(separator: " "))
  }

  /// `28P01` in `28P01:`. A word like `FATAL:` is none: each SQLSTATE of an error has a digit.
  private static func state(in word: Substring) -> String? {
    let code = word.utf8.dropLast()
    guard word.hasSuffix(":"), code.count == 5,
      code.allSatisfy({ (48...57).contains($0) || (65...90).contains($0) }),
      code.contains(where: { (48...57).contains($0) })
    else { return nil }
    return String(word.dropLast())
  }
}
