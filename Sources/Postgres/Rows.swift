import CPostgres

/// What a statement answered, as texts.
public struct Rows: Sendable {
  /// The values of each row, in the order of the columns; `nil` for null.
  public let values: [[String?]]
  /// How many rows it changed or returned.
  public let affected: Int

  init(_ result: OpaquePointer?) {
    let columns = PQnfields(result)
    values = (0..<PQntuples(result)).map { row in
      (0..<columns).map { column in
        guard PQgetisnull(result, row, column) == 0 else { return nil }
        return String(cString: PQgetvalue(result, row, column))
      }
    }
    affected = Int(String(cString: PQcmdTuples(result))) ?? 0
  }
}

/// Values as one parameter: `unnest($1::text[])` (PostgreSQL manual, 8.15.2).
public func arrayLiteral(_ values: [String?]) -> String {
  var text = "{"
  for (number, value) in values.enumerated() {
    if number > 0 { text += "," }
    guard let value else {
      text += "NULL"
      continue
    }
    text += "\""
    for scalar in value.unicodeScalars {
      if scalar == "\"" || scalar == "\\" { text += "\\" }
      text.unicodeScalars.append(scalar)
    }
    text += "\""
  }
  return text + "}"
}
