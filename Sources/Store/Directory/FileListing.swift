import Files
import Common
import Crypto
import Glibc

extension FileStore {
  var place: String { FileURL.url(ofPath: root) + (root == "/" ? "" : "/") }

  /// What is no regular file is no object: links are not followed.
  func list(_ prefix: String) throws -> any ObjectLister {
    let slash = prefix.lastIndex(of: "/")
    let folder = try slash.map { try ObjectKey(String(prefix[..<$0])).text }
    let start = slash.map { String(prefix[prefix.index(after: $0)...]) } ?? prefix
    let base = root == "/" ? "" : root
    return try FileLister(folder.map { "\(base)/\($0)" } ?? root, beginningWith: start)
  }

  func content(at url: String) throws -> ObjectInfo? { try info(at: url) }

  /// A walk has examined each file that it lists.
  func holdsObject(at url: String) throws -> Bool {
    FileURL.path(of: url).map { access($0, F_OK) == 0 } ?? false
  }
}

/// A walk through a directory tree in the byte order of the files' URLs. What it remembers are the
/// names in the directories that it is in, of which a million take some 30 MB.
final class FileLister: ObjectLister {
  private static let page = 1000

  private var open: [DirectoryNames]

  init(_ root: String, beginningWith prefix: String) throws {
    let names = try DirectoryNames(root, beginningWith: prefix)
    guard let names else { throw Fatal(.unavailable, "there is no store at \(root)") }
    open = [names]
  }

  func next() throws -> [ListedObject]? {
    var objects: [ListedObject] = []
    while objects.count < Self.page, !open.isEmpty {
      guard let entry = open[open.count - 1].next() else {
        open.removeLast()
        continue
      }
      if entry.isDirectory {
        // One that was removed meanwhile has nothing in it.
        if let names = try DirectoryNames(entry.path) { open.append(names) }
      } else if let object = try Self.object(entry) {
        objects.append(object)
      }
    }
    return objects.isEmpty ? nil : objects
  }

  private static func object(_ entry: DirectoryNames.Entry) throws -> ListedObject? {
    var status = stat()
    guard lstat(entry.path, &status) == 0 else {
      let error = FileError("examine", entry.path)
      if error.code == ENOENT { return nil }
      throw error.atDestination
    }
    guard status.st_mode & S_IFMT == S_IFREG else { return nil }
    // The change time, unlike that of the content, is the kernel's alone to set (inode(7)).
    let changed = status.st_ctim
    return ListedObject(
      url: entry.url, bytes: Int(status.st_size),
      changedAt: Int64(changed.tv_sec) * 1_000_000_000 + Int64(changed.tv_nsec))
  }
}
