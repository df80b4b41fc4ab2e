import Files
import Common
import Crypto
import Glibc

/// The names in one directory, in the byte order of the URLs that begin with them. Kept as bytes, one
/// behind the other, since there may be very many.
struct DirectoryNames {
  /// A file or a directory.
  struct Entry {
    let path: String
    let url: String
    let isDirectory: Bool
  }

  private let path: String
  private let url: String
  /// Each name percent-encoded, a directory's with a slash behind it, and a NUL.
  private var names: [CChar] = []
  private var starts: [Int32] = []
  private var place = 0

  /// Reads the directory at `path`; `nil` where it is not there.
  init?(_ path: String, beginningWith prefix: String = "") throws {
    self.path = path == "/" ? "" : path
    url = path == "/" ? FileURL.scheme : FileURL.url(ofPath: path)
    let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0, let directory = fdopendir(descriptor) else {
      let error = FileError("list", path)
      if descriptor >= 0 { close(descriptor) }
      if error.code == ENOENT { return nil }
      throw error.atDestination
    }
    defer { closedir(directory) }
    let encodedPrefix = Format.percentEncoded(prefix)
    errno = 0
    while let entry = readdir(directory) {
      add(entry, descriptor, encodedPrefix)
      errno = 0
    }
    guard errno == 0 else { throw FileError("list", path).atDestination }
    sort()
  }

  private mutating func add(
    _ entry: UnsafeMutablePointer<dirent>, _ descriptor: Int32, _ prefix: String
  ) {
    guard let isDirectory = Self.isDirectory(entry, descriptor) else { return }
    let raw = withUnsafeBytes(of: entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
    if raw == [0x2E] || raw == [0x2E, 0x2E] { return }
    // What a process of ours is writing, or left when it was killed, is no object.
    let name = String(decoding: raw, as: UTF8.self)
    if name.hasPrefix(PartFile.prefix), name.hasSuffix(PartFile.suffix) { return }
    // A name that is no UTF-8 cannot be a document's.
    guard name.utf8.elementsEqual(raw) else { return }
    let encoded = Format.percentEncoded(name) + (isDirectory ? "/" : "")
    guard encoded.hasPrefix(prefix) else { return }
    starts.append(Int32(names.count))
    names.append(contentsOf: encoded.utf8.lazy.map { CChar(bitPattern: $0) })
    names.append(0)
  }

  /// `nil` where it is neither a file nor a directory.
  private static func isDirectory(
    _ entry: UnsafeMutablePointer<dirent>, _ descriptor: Int32
  ) -> Bool? {
    switch Int(entry.pointee.d_type) {
    case DT_REG: return false
    case DT_DIR: return true
    case DT_UNKNOWN:
      var status = stat()
      let found = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) {
          fstatat(descriptor, $0, &status, AT_SYMLINK_NOFOLLOW) == 0
        }
      }
      guard found else { return nil }
      let type = status.st_mode & S_IFMT
      return type == S_IFDIR ? true : type == S_IFREG ? false : nil
    default: return nil
    }
  }

  private mutating func sort() {
    names.withUnsafeBufferPointer { names in
      guard let base = names.baseAddress else { return }
      starts.sort { strcmp(base + Int($0), base + Int($1)) < 0 }
    }
  }

  /// The next one; `nil` at the end.
  mutating func next() -> Entry? {
    guard place < starts.count else { return nil }
    defer { place += 1 }
    let bytes = names[Int(starts[place])...].prefix { $0 != 0 }
    let isDirectory = bytes.last == CChar(bitPattern: UInt8(ascii: "/"))
    let encoded = String(
      decoding: (isDirectory ? bytes.dropLast() : bytes).lazy.map { UInt8(bitPattern: $0) },
      as: UTF8.self)
    let name = Format.percentDecoded(encoded) ?? encoded
    return Entry(path: "\(path)/\(name)", url: "\(url)/\(encoded)", isDirectory: isDirectory)
  }
}
