import CPostgres
import Common
import Glibc

/// One connection to PostgreSQL, for one thread at a time: not `Sendable`, so the compiler holds it
/// to that.
package final class Connection: PooledConnection {
  private let handle: OpaquePointer

  /// Connects, within `timeout` seconds.
  package init(_ settings: ConnectionSettings, timeout: Double = 10) throws(PostgresError) {
    guard let handle = Self.start(settings) else {
      throw PostgresError("08001", "no memory for a connection")
    }
    do throws(PostgresError) {
      // In steps of our own: so the message can be asked to be verbose before there is one, and a
      // server that accepts and then says nothing costs no more than the time allowed.
      PQsetErrorVerbosity(handle, PQERRORS_VERBOSE)
      try Self.complete(handle, timeout: timeout)
    } catch {
      PQfinish(handle)
      throw error
    }
    PQsetErrorVerbosity(handle, PQERRORS_DEFAULT)
    // Without this, libpq writes notices to stderr.
    PQsetNoticeReceiver(handle, { _, _ in }, nil)
    self.handle = handle
  }

  deinit { PQfinish(handle) }

  /// False once it is known that the connection is broken.
  package var isAlive: Bool { PQstatus(handle) == CONNECTION_OK }

  /// Runs one statement with values for `$1`, `$2`, …, as texts whose types the server infers.
  ///
  /// Never prepared by name: the plan then knows the values, which partial indexes and LIMIT need,
  /// and connection poolers between us and the server need not know our names.
  @discardableResult
  package func query(_ sql: String, _ parameters: [String?] = []) throws(PostgresError) -> Rows {
    guard !parameters.contains(where: { $0?.utf8.contains(0) ?? false }) else {
      throw PostgresError("22021", "a text with NUL cannot be stored")
    }
    let result = withCStrings(parameters) { values in
      PQexecParams(handle, sql, Int32(values.count), nil, values, nil, nil, 0)
    }
    defer { PQclear(result) }
    switch PQresultStatus(result) {
    case PGRES_TUPLES_OK, PGRES_COMMAND_OK: return Rows(result)
    default: throw failure(result)
    }
  }

  /// Runs `body` between BEGIN and COMMIT, or ROLLBACK where it throws.
  package func transaction<T>(
    _ mode: StaticString = "READ COMMITTED", _ body: () throws -> T
  ) throws -> T {
    try query("BEGIN ISOLATION LEVEL \(mode)")
    do {
      let value = try body()
      try query("COMMIT")
      return value
    } catch {
      _ = try? query("ROLLBACK")
      throw error
    }
  }

  private func failure(_ result: OpaquePointer?) -> PostgresError {
    func field(_ code: Character) -> String? {
      guard let ascii = code.asciiValue else { return nil }
      return PQresultErrorField(result, Int32(ascii)).map { String(cString: $0) }
    }
    // libpq-fe.h: PG_DIAG_SQLSTATE is 'C', PG_DIAG_MESSAGE_PRIMARY is 'M'.
    let message = field("M") ?? String(cString: PQerrorMessage(handle))
    if let state = field("C") { return PostgresError(state, message) }
    return PostgresError(isAlive ? "XX000" : "08006", message)
  }

  /// Dates come as `1951-04-03`, whatever DateStyle the role, the database or the environment has. libpq sends
  /// this variable with its first message (PostgreSQL manual, 34.15): unlike SET it also holds behind a pooler that gives
  /// each transaction another connection.
  private static let hasDateStyle: Bool = setenv("PGDATESTYLE", "ISO, MDY", 1) == 0

  private static func start(_ settings: ConnectionSettings) -> OpaquePointer? {
    guard hasDateStyle else { return nil }
    let pairs = settings.values.sorted { $0.key < $1.key }
    return withCStrings(pairs.map(\.key) + [nil]) { keywords in
      withCStrings(pairs.map(\.value) + [nil]) { PQconnectStartParams(keywords, $0, 0) }
    }
  }

  /// PostgreSQL manual, 34.1.1: poll(2) as PQconnectPoll asks, until it is done.
  private static func complete(
    _ handle: OpaquePointer, timeout: Double
  ) throws(PostgresError) {
    let deadline = now() + timeout
    var state = PQstatus(handle) == CONNECTION_BAD ? PGRES_POLLING_FAILED : PGRES_POLLING_WRITING
    while state != PGRES_POLLING_OK {
      guard state != PGRES_POLLING_FAILED else { throw PostgresError(connecting: handle) }
      let events = state == PGRES_POLLING_READING ? POLLIN : POLLOUT
      var descriptor = pollfd(fd: PQsocket(handle), events: Int16(events), revents: 0)
      let left = deadline - now()
      guard left > 0 else { throw PostgresError("08001", "no answer within \(Int(timeout)) s") }
      guard poll(&descriptor, 1, Int32(left * 1000) + 1) > 0 else { continue }
      state = PQconnectPoll(handle)
    }
  }

  private static func now() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }
}

/// C strings that live as long as `body` runs; `nil` stays a null pointer.
private func withCStrings<T>(
  _ texts: [String?], _ body: ([UnsafePointer<CChar>?]) -> T
) -> T {
  let copies = texts.map { text in text.map { strdup($0) } ?? nil }
  defer { for copy in copies { free(copy) } }
  return body(copies.map { UnsafePointer($0) })
}

/// What a statement answered, as texts.
package struct Rows: Sendable {
  /// The values of each row, in the order of the columns; `nil` for null.
  package let values: [[String?]]
  /// How many rows it changed or returned.
  package let affected: Int

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
package func arrayLiteral(_ values: [String?]) -> String {
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
