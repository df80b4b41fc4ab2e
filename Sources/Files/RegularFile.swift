import CFiles
import Glibc

/// A regular file opened for reading; owns its descriptor. A record may name anything: opening a FIFO or a
/// device must neither hang nor do harm, and what /proc and its like show is the machine's, not a document.
package struct RegularFile: ~Copyable {
  /// Open for reading, at its beginning.
  package let descriptor: Int32

  private init(descriptor: Int32) { self.descriptor = descriptor }

  deinit { close(descriptor) }

  /// Opens what `path` leads to; `nil` where that is something else than a file on a file system that
  /// keeps files. Throws the system's error.
  ///
  /// - Parameters:
  ///   - following: whether a link in the last place is followed.
  ///   - root: a directory; a file outside of it, also one that a link leads to, throws EXDEV. It is
  ///     the opened file that is looked at, so that no link can be changed in between.
  package static func open(
    _ path: String, following: Bool, below root: String? = nil
  ) throws(FileError) -> RegularFile? {
    try open(name: path.utf8CString.map(\.self), following: following, below: root)
  }

  /// The same for a name that need not be UTF-8 and ends with 0.
  package static func open(
    name: [CChar], following: Bool, below root: String? = nil
  ) throws(FileError) -> RegularFile? {
    let path = String(decoding: name.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    // A device may act on being opened, so that what it is comes first.
    var status = stat()
    let isThere = following ? stat(name, &status) : lstat(name, &status)
    guard isThere == 0 else { throw FileError("open", path) }
    guard status.st_mode & S_IFMT == S_IFREG else { return nil }
    let flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | (following ? 0 : O_NOFOLLOW)
    let descriptor = Glibc.open(name, flags)
    guard descriptor >= 0 else { throw FileError("open", path) }
    let file = RegularFile(descriptor: descriptor)
    guard fstat(descriptor, &status) == 0 else { throw FileError("examine", path) }
    guard status.st_mode & S_IFMT == S_IFREG, !file.isOnPseudoFileSystem else { return nil }
    if let root, try !file.isBelow(root) { throw FileError("use", path, code: EXDEV) }
    return file
  }

  /// Its size in bytes, at this moment. Throws the system's error.
  package func size() throws(FileError) -> Int {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw FileError("examine", "a file") }
    return Int(status.st_size)
  }

  /// Its bytes from an offset on, `count` at most. Throws the system's error.
  package func bytes(_ count: Int, from offset: Int = 0) throws(FileError) -> [UInt8] {
    var failure: Int32 = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      while filled < count {
        let rest = UnsafeMutableRawBufferPointer(buffer)[filled...]
        let read = pread(
          descriptor, UnsafeMutableRawBufferPointer(rebasing: rest).baseAddress, count - filled,
          off_t(offset + filled))
        if read < 0, errno == EINTR { continue }
        if read < 0 { failure = errno }
        guard read > 0 else { return }
        filled += read
      }
    }
    guard failure == 0 else { throw FileError("read", "a file", code: failure) }
    return bytes
  }

  /// Its absolute path without links, as the kernel knows it (proc(5), /proc/pid/fd).
  private func location() throws(FileError) -> String {
    let link = "/proc/self/fd/\(descriptor)"
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
    let count = readlink(link, &buffer, buffer.count)
    guard count > 0 else { throw FileError("read", link) }
    return String(decoding: buffer[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  private func isBelow(_ root: String) throws(FileError) -> Bool {
    guard let resolved = realpath(root, nil) else { throw FileError("open", root) }
    defer { free(resolved) }
    let root = String(cString: resolved)
    return try location().utf8.starts(with: (root == "/" ? root : root + "/").utf8)
  }

  /// Whether the kernel makes the content up, so that reading tells about this machine, has no end, or
  /// changes something.
  private var isOnPseudoFileSystem: Bool {
    Self.pseudoFileSystems.contains(cfiles_file_system(descriptor))
  }

  private static let pseudoFileSystems: Set<UInt32> = [
    0x9FA0,  // proc
    0x6265_6572,  // sysfs
    0x6462_6720,  // debugfs
    0x7472_6163,  // tracefs
    0x7363_6673,  // securityfs
    0x6265_6570,  // configfs
    0x0027_E0EB, 0x6367_7270,  // cgroup, cgroup2
    0xCAFE_4A11,  // bpf
    0x6165_676C,  // pstore
    0xDE5E_81E4,  // efivarfs
    0xF97C_FF8C, 0x4341_5D53,  // selinux, smack
    0x4249_4E4D,  // binfmt_misc
    0x1980_0202,  // mqueue
    0x6573_5543, 0x6573_5546,  // fusectl
    0x0765_5821,  // resctrl
    0x6E73_6673,  // nsfs
  ]
}

/// A call on a file that failed: which, on what, and the system's reason.
package struct FileError: Error, Sendable, Equatable, CustomStringConvertible {
  package let call: String
  package let path: String
  /// The `errno` it left.
  package let code: Int32

  /// The error of a call that failed just now, or the given code.
  package init(_ call: String, _ path: String, code: Int32 = errno) {
    self.call = call
    self.path = path
    self.code = code
  }

  /// `cannot open spool/1.pdf: No such file or directory`.
  package var description: String { "cannot \(call) \(path): \(String(cString: strerror(code)))" }
}

/// Writes all bytes, over short writes and signals. Returns 0, or the `errno` of the failure.
package func writeAll(_ bytes: [UInt8], to descriptor: Int32) -> Int32 {
  bytes.withUnsafeBytes { all in
    var rest = all[...]
    while !rest.isEmpty {
      let written = Glibc.write(
        descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
      if written >= 0 {
        rest = rest.dropFirst(written)
      } else if errno != EINTR {
        return errno
      }
    }
    return 0
  }
}
