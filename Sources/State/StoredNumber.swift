import Common
import GRDB

/// Values of a state file that this program did not have to write itself: whoever may write the file may have
/// put anything there. What cannot be is an error (exit code 74), and no trap.
enum StoredNumber {
  static func read(
    _ row: Row, _ column: Int, _ name: String, within bounds: ClosedRange<Int64>, _ path: String
  ) throws(Fatal) -> Int64 {
    let value: DatabaseValue = row[column]
    guard case .int64(let number) = value.storage, bounds.contains(number) else {
      throw unreadable(name, path)
    }
    return number
  }

  static func text(
    _ row: Row, _ column: Int, _ name: String, _ path: String
  ) throws(Fatal) -> String {
    let value: DatabaseValue = row[column]
    guard case .string(let text) = value.storage else { throw unreadable(name, path) }
    return text
  }

  private static func unreadable(_ name: String, _ path: String) -> Fatal {
    Fatal(
      .inputOutput,
      "the limiter \(path) cannot be used: a value of \(name) is not one that this program writes. "
        + "Remove the file while no program uses it; it is made anew.")
  }
}
