import Common
import Glibc
import Synchronization

/// Knows a store's directory again, so that nothing goes into the empty folder that an unmounted disk
/// leaves behind, and nothing is taken for missing that is only away (promise P15).
final class RootWatch: Sendable {
  private struct Identity: Equatable {
    let device: UInt
    let node: UInt
  }

  private let first = Mutex<Identity?>(nil)

  /// Looks at the directory. Throws ``Fatal`` where it was there before, and is not, or is another one.
  func look(at root: String) throws(Fatal) {
    var status = stat()
    let now = stat(root, &status) == 0 ? Identity(device: status.st_dev, node: status.st_ino) : nil
    let code = errno
    try first.withLock { first throws(Fatal) in
      guard let before = first else {
        first = now
        return
      }
      guard now != before else { return }
      let why =
        now == nil ? String(cString: strerror(code)) : "another directory is in its place"
      throw Fatal(
        .inputOutput,
        "the store \(root) is not what it was when this run began: \(why). Mount it again, then run the "
          + "same command again")
    }
  }
}
