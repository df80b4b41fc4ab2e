import ArgumentParser

/// How many connections a tool may have to an index in PostgreSQL.
package struct PoolOptions: ParsableArguments {
  /// At most so many, 2 to 20.
  @Option(help: "At most so many connections to PostgreSQL, 2 to 20.")
  package var dbPool = 2

  /// Options as the command line gave them.
  package init() {}

  /// Refuses what is out of bounds.
  package func validate() throws {
    guard (2...20).contains(dbPool) else {
      throw ValidationError("--db-pool has to be a number from 2 to 20, and is \(dbPool)")
    }
  }
}
