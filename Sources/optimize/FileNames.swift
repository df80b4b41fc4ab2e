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

/// A size as options name it.
enum ByteSize {
  /// Bytes (`1048576`), or with a unit of 1,024 (`512K`, `64M`, `2G`, also `2GiB`). `nil` for
  /// anything else and for more than 1 PiB.
  static func parse(_ text: String) -> Int? {
    let units: [(Character, Int)] = [("K", 10), ("M", 20), ("G", 30), ("T", 40)]
    var digits = Substring(text.uppercased())
    for ending in ["IB", "B"] where digits.hasSuffix(ending) {
      digits = digits.dropLast(ending.count)
      break
    }
    var shift = 0
    if let unit = units.first(where: { digits.last == $0.0 }) {
      shift = unit.1
      digits = digits.dropLast()
    }
    guard !digits.isEmpty, digits.allSatisfy({ $0.isASCII && $0.isNumber }),
      let value = Int(digits), value <= (1 << 50) >> shift
    else { return nil }
    return value << shift
  }
}

/// A part of a whole as options name it.
enum Share {
  /// `5%`, `0.5%`, `100%`: a number from 0 to 1. `nil` for anything else.
  static func parse(_ text: String) -> Double? {
    guard text.hasSuffix("%"),
      text.dropLast().allSatisfy({ $0.isASCII && ($0.isNumber || $0 == ".") }),
      let percent = Double(text.dropLast()), (0...100).contains(percent)
    else { return nil }
    return percent / 100
  }
}
