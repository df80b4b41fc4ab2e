import Common
import Glibc
import Store

/// A file on its way into the store: to be removed afterwards, if it is still the one that was sent.
struct LocalFile {
  private let path: String
  private let before: stat

  /// Notes what the path leads to now; `nil` where that cannot be said.
  init?(_ path: String) {
    guard let before = Self.look(at: path) else { return nil }
    self.path = path
    self.before = before
  }

  /// Removes it, but not where it is what the store has now as `object`, a URL: a folder may be stored in
  /// itself. What kept it from that, for people; `nil` where it is gone.
  func remove(after object: String) -> String? {
    guard let now = Self.look(at: path) else { return nil }
    if let stored = FileURL.path(of: object).flatMap(Self.look(at:)),
      stored.st_dev == now.st_dev, stored.st_ino == now.st_ino
    {
      return "\(path) is the object itself and was left there"
    }
    let isSame =
      now.st_dev == before.st_dev && now.st_ino == before.st_ino && now.st_size == before.st_size
      && now.st_mtim.tv_sec == before.st_mtim.tv_sec
      && now.st_mtim.tv_nsec == before.st_mtim.tv_nsec
    guard isSame else { return "\(path) changed while it was sent and was left there" }
    guard unlink(path) == 0 || errno == ENOENT else {
      return "cannot remove \(path): \(String(cString: strerror(errno)))"
    }
    return nil
  }

  private static func look(at path: String) -> stat? {
    var status = stat()
    return stat(path, &status) == 0 ? status : nil
  }
}
