import Files
import Common
import Glibc

/// The files of the command line, as an input of one name a line.
enum FileNames {
  /// A nameless file that holds the names, at its beginning.
  static func descriptor(_ names: [String]) throws(Fatal) -> Int32 {
    guard let file = tmpfile() else { throw failure(errno) }
    defer { fclose(file) }
    let descriptor = fcntl(fileno(file), F_DUPFD_CLOEXEC, 3)
    guard descriptor >= 0 else { throw failure(errno) }
    let failed = writeAll(names.flatMap { Array($0.utf8) + [UInt8(ascii: "\n")] }, to: descriptor)
    guard failed == 0, lseek(descriptor, 0, SEEK_SET) == 0 else {
      close(descriptor)
      throw failure(failed)
    }
    return descriptor
  }

  private static func failure(_ code: Int32) -> Fatal {
    Fatal(.inputOutput, "cannot store the file names: \(String(cString: strerror(code)))")
  }
}
