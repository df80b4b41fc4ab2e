import Common
import GRDB
import GRDBSQLite

/// Several groupings by one reading of the table. SQLite groups by sorting, which takes three times as long as
/// reading a million rows does, for each question anew; here a row is read once and counted in a table for
/// each.
extension Database {
  func groups(_ groupings: [Grouping], of documents: Condition) throws -> [[Grouping.Group]] {
    var columns: [String] = []
    // What several questions ask for is worked out once.
    func column(_ expression: String) -> CInt {
      if let index = columns.firstIndex(of: expression) { return CInt(index) }
      columns.append(expression)
      return CInt(columns.count - 1)
    }
    var tables = groupings.map { GroupTable($0, column) }
    let statement = try makeStatement(
      sql: "SELECT \(columns.joined(separator: ", ")) FROM index_documents WHERE \(documents.sql)")
    try statement.setArguments(bound(documents.arguments))
    let row = statement.sqliteStatement
    defer { sqlite3_reset(row) }
    while true {
      let code = sqlite3_step(row)
      guard code == SQLITE_ROW else {
        guard code == SQLITE_DONE else {
          throw DatabaseError(resultCode: ResultCode(rawValue: code), message: lastErrorMessage)
        }
        return tables.map(\.groups)
      }
      for index in tables.indices { tables[index].add(row) }
    }
  }
}

/// The groups of one question, so far.
private struct GroupTable {
  /// Columns of the statement.
  private let condition: CInt
  private let keys: [CInt]
  private let sums: [CInt]
  private(set) var groups: [Grouping.Group] = []
  private var places: [GroupKey: Int] = [:]
  /// Of the row in hand; kept, so that a row that belongs to a known group allocates nothing.
  private var key = GroupKey()

  /// `column` is where the statement has an expression.
  init(_ grouping: Grouping, _ column: (String) -> CInt) {
    condition = column(grouping.condition)
    keys = grouping.keys.map(column)
    sums = grouping.sums.map(column)
  }

  mutating func add(_ row: SQLiteStatement) {
    guard sqlite3_column_int64(row, condition) != 0 else { return }
    key.bytes.removeAll(keepingCapacity: true)
    for column in keys { key.append(row, column) }
    let place = places[key] ?? enter(row)
    groups[place].count += 1
    for index in sums.indices {
      let value = Int(sqlite3_column_int64(row, sums[index]))
      if value != 0 { groups[place].sums[index] = groups[place].sums[index].addingClamped(value) }
    }
  }

  private mutating func enter(_ row: SQLiteStatement) -> Int {
    let keys = keys.map { DatabaseValue(sqliteStatement: row, index: $0).text }
    places[key] = groups.count
    groups.append(Grouping.Group(keys: keys, sums: Array(repeating: 0, count: sums.count)))
    return groups.count - 1
  }
}

/// The keys of a row, one behind the other, so that no two rows with different keys have the same bytes.
private struct GroupKey: Hashable {
  var bytes: [UInt8] = []

  /// Adds a column: its type, its length where it has one, and its value.
  mutating func append(_ row: SQLiteStatement, _ column: CInt) {
    let type = sqlite3_column_type(row, column)
    bytes.append(UInt8(truncatingIfNeeded: type))
    switch type {
    case SQLITE_NULL: break
    case SQLITE_INTEGER: append(sqlite3_column_int64(row, column))
    default:
      guard let text = sqlite3_column_blob(row, column) else { return append(0) }
      let count = sqlite3_column_bytes(row, column)
      append(Int64(count))
      bytes.append(contentsOf: UnsafeRawBufferPointer(start: text, count: Int(count)))
    }
  }

  private mutating func append(_ number: Int64) {
    withUnsafeBytes(of: number) { bytes.append(contentsOf: $0) }
  }

  /// The standard library hashes an array element by element.
  func hash(into hasher: inout Hasher) { bytes.withUnsafeBytes { hasher.combine(bytes: $0) } }
}
