@testable import SQLite
import Common
import GRDB
import Support
import Testing

@Suite struct StateDatabaseTests {
  @Test func whatABodyWroteBeforeItThrewIsTakenBack() throws {
    let directory = try TemporaryDirectory()
    let queue = try StateDatabase.open(
      directory.path + "/numbers.sqlite", "numbers", synchronous: "OFF",
      schema: ["CREATE TABLE numbers (n INTEGER)"])
    func add(_ number: Int, thenThrow failure: Fatal? = nil) throws {
      try queue.writeWithoutTransaction { db in
        try StateDatabase.inShortTransaction(db, isWriting: true) {
          try db.execute(sql: "INSERT INTO numbers VALUES (?)", arguments: [number])
          if let failure { throw failure }
        }
      }
    }
    try add(1)
    #expect(throws: Fatal(.other, "no")) { try add(2, thenThrow: Fatal(.other, "no")) }
    try add(3)
    #expect(try queue.read { try Int.fetchAll($0, sql: "SELECT n FROM numbers") } == [1, 3])
  }
}
