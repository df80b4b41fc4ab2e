import Crypto
import GRDB
import GRDBSQLite

/// An entry as a row. Values go to and from SQLite's statement directly: it is done for every document,
/// and GRDB's general way, through boxed arguments and rows looked up by name, took five times as
/// many instructions.
extension Checkpoint.Entry {
  /// The columns in the order of both functions here.
  static let columns = [
    "id", "request", "url", "http_status", "etag", "last_modified", "bytes", "sha256", "path",
    "images", "portal", "actual_book", "actual_page", "error_class", "error", "at", "seconds",
    "stamp", "pages", "encrypted", "content_type",
  ]

  /// Writes the row by a statement with a parameter for each column.
  func save(by statement: Statement, _ db: Database) throws {
    var row = BoundStatement(statement)
    bind(to: &row)
    _ = try row.step(db)
  }

  /// Gives a statement the parameters for each column.
  func bind(to row: inout BoundStatement) {
    row.bind(id)
    row.bind(request)
    row.bind(url)
    row.bind(httpStatus)
    row.bind(etag)
    row.bind(lastModified, or: lastModified.flatMap(StoredValues.seconds))
    row.bind(bytes)
    row.bind(sha256, or: sha256.flatMap(StoredValues.digest))
    row.bind(StoredValues.path(path, of: id))
    row.bind(images)
    row.bind(portal)
    row.bind(actualBook)
    row.bind(actualPage)
    row.bind(errorClass)
    row.bind(error)
    row.bind(at, or: StoredValues.milliseconds(at))
    row.bind(seconds)
    row.bind(stamp)
    row.bind(pages)
    row.bind(isEncrypted)
    row.bind(contentType)
  }

  /// Reads the row of a document by a statement whose one parameter is the id; `nil` for none.
  init?(id: String, by statement: Statement, _ db: Database) throws {
    var row = BoundStatement(statement)
    row.bind(id)
    guard try row.step(db) else { return nil }
    self.init(from: &row)
  }

  /// Reads a row that has all columns.
  init(from row: inout BoundStatement) {
    self.init(id: row.next() ?? "")
    request = row.next() ?? ""
    url = row.next() ?? ""
    httpStatus = row.next()
    etag = row.next()
    lastModified = row.nextText(of: StoredValues.date)
    bytes = row.next()
    sha256 = row.nextText()
    path = StoredValues.path(kept: row.next(), of: id)
    images = row.next() ?? 1
    portal = row.next()
    actualBook = row.next()
    actualPage = row.next()
    errorClass = row.next()
    error = row.next()
    at = row.nextText(of: StoredValues.timestamp) ?? ""
    seconds = row.next() ?? 0
    stamp = row.next()
    pages = row.next()
    isEncrypted = row.next() ?? false
    contentType = row.next()
  }
}

/// One use of a statement: parameters from left to right, a step, columns from left to right. Leaves
/// the statement as it found it.
struct BoundStatement: ~Copyable {
  private let statement: SQLiteStatement
  private var parameter: CInt = 0
  private var column: CInt = -1
  private var failure = SQLITE_OK

  init(_ statement: Statement) { self.statement = statement.sqliteStatement }

  deinit {
    sqlite3_reset(statement)
    sqlite3_clear_bindings(statement)
  }

  mutating func bind(_ value: some StatementBinding) {
    parameter += 1
    let code = value.bind(to: statement, at: parameter)
    if code != SQLITE_OK { failure = code }
  }

  /// A text, or the number that stands for it.
  mutating func bind(_ text: String?, or number: Int64?) {
    if let number { bind(number) } else { bind(text) }
  }

  /// A text, or the bytes that stand for it.
  mutating func bind(_ text: String?, or bytes: [UInt8]?) {
    guard let bytes else { return bind(text) }
    parameter += 1
    let copied = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
    let code = sqlite3_bind_blob(statement, parameter, bytes, CInt(bytes.count), copied)
    if code != SQLITE_OK { failure = code }
  }

  /// Whether there is a row.
  mutating func step(_ db: Database) throws -> Bool {
    let code = failure == SQLITE_OK ? sqlite3_step(statement) : failure
    guard code == SQLITE_ROW || code == SQLITE_DONE else {
      throw DatabaseError(resultCode: ResultCode(rawValue: code), message: db.lastErrorMessage)
    }
    column = -1
    return code == SQLITE_ROW
  }

  /// A text, which a number may stand for, or bytes for their hexadecimal digits.
  mutating func nextText(of words: (Int64) -> String? = { _ in nil }) -> String? {
    switch sqlite3_column_type(statement, column + 1) {
    case SQLITE_INTEGER:
      let number: Int64? = next()
      return number.flatMap { words($0) ?? "\($0)" }
    case SQLITE_BLOB:
      column += 1
      let bytes = UnsafeRawBufferPointer(
        start: sqlite3_column_blob(statement, column),
        count: Int(sqlite3_column_bytes(statement, column)))
      return Digest.hex(Array(bytes))
    default: return next()
    }
  }

  mutating func next<Value: StatementColumnConvertible>() -> Value? {
    column += 1
    guard sqlite3_column_type(statement, column) != SQLITE_NULL else { return nil }
    return Value(sqliteStatement: statement, index: column)
  }
}
