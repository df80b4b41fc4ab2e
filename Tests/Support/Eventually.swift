import Common
import Glibc

/// Waits until something has come about. False when it did not within `seconds`.
package func eventually(
  within seconds: Double = 180, _ condition: () throws -> Bool
) rethrows -> Bool {
  let deadline = Time.monotonic() + Int64(seconds * 1e9)
  while try !condition() {
    guard Time.monotonic() < deadline else { return false }
    poll(nil, 0, 5)
  }
  return true
}
