import Common
import GRDB
import GRDBSQLite

/// Several groupings by one reading of the table. SQLite groups by sorting, which takes three times as long as
/// reading a million rows does, for each question anew; here a row is read once and counted in a table for
/// each.
extension Database {
  func groups(_ groupings: [Grouping], of documents: Condition) throws -> [[Grouping.Group]] {
    let columns = groupings.flatMap { [$0.condition] + $0.keys + $0.sums }
    let statement = try makeStatement(
      sql: "SELECT \(columns.joined(separator: ", ")) FROM index_documents WHERE \(documents.sql)")
    try statement.setArguments(bound(documents.arguments))
    let row = statement.sqliteStatement
    defer { sqlite3_reset(row) }
    var tables = groupings.map(GroupTable.init)
    while true {
      let code = sqlite3_step(row)
      guard code == SQLITE_ROW else {
        guard code == SQLITE_DONE else {
          throw DatabaseError(resultCode: ResultCode(rawValue: code), message: lastErrorMessage)
        }
        return tables.map(\.groups)
      }
      var column: CInt = 0
      for index in tables.indices { tables[index].add(row, from: &column) }
    }
  }
}

/// The groups of one question, so far.
private struct GroupTable {
  /// The columns of keys, and of sums.
  private let keys: CInt
  private let sums: CInt
  private(set) var groups: [Grouping.Group] = []
  private var places: [GroupKey: Int] = [:]
  /// Of the row in hand; kept, so that a row that belongs to a known group allocates nothing.
  private var key = GroupKey()

  init(_ grouping: Grouping) {
    keys = CInt(grouping.keys.count)
    sums = CInt(grouping.sums.count)
  }

  /// Takes a row; its columns begin at `column`, which then is the next question's first.
  mutating func add(_ row: SQLiteStatement, from column: inout CInt) {
    let (first, last) = (column + 1, column + 1 + keys)
    defer { column = last + sums }
    guard sqlite3_column_int64(row, column) != 0 else { return }
    key.bytes.removeAll(keepingCapacity: true)
    for index in first..<last { key.append(row, index) }
    let place = places[key] ?? enter(row, first..<last)
    groups[place].count += 1
    for index in 0..<sums {
      let value = Int(sqlite3_column_int64(row, last + index))
      groups[place].sums[Int(index)] = groups[place].sums[Int(index)].addingClamped(value)
    }
  }

  private mutating func enter(_ row: SQLiteStatement, _ columns: Range<CInt>) -> Int {
    let keys = columns.map { DatabaseValue(sqliteStatement: row, index: $0).text }
    places[key] = groups.count
    groups.append(Grouping.Group(keys: keys, sums: Array(repeating: 0, count: Int(sums))))
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
