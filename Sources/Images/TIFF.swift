/// TIFF as far as it carries fax data (TIFF 6.0, sections 2 and 11): Leptonica reads and writes them
/// only in there.
enum TIFF {
  /// A file around Group 4 data, in which black is 1.
  static func wrapping(fax data: [UInt8], width: Int, height: Int) -> [UInt8] {
    let entries: [(tag: Int, value: Int)] = [
      (256, width), (257, height), (258, 1),
      (259, 4),  // Compression: Group 4.
      (262, 0),  // White is 0.
      (273, 8), (277, 1), (278, height), (279, data.count),
    ]
    func number(_ value: Int, _ size: Int) -> [UInt8] {
      (0..<size).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }
    // The directory must begin at an even offset.
    let padding = data.count % 2
    var file = Array("II".utf8) + number(42, 2) + number(8 + data.count + padding, 4) + data
    file += [UInt8](repeating: 0, count: padding) + number(entries.count, 2)
    for entry in entries {
      file += number(entry.tag, 2) + number(4, 2) + number(1, 4) + number(entry.value, 4)
    }
    return file + number(0, 4)
  }

  /// The data of the only strip of a little-endian file; `nil` for any other.
  static func strip(of file: [UInt8]) -> [UInt8]? {
    func number(_ offset: Int, _ size: Int) -> Int? {
      guard offset >= 0, offset + size <= file.count else { return nil }
      return file[offset..<(offset + size)].reversed().reduce(0) { $0 << 8 | Int($1) }
    }
    guard file.starts(with: Array("II*\0".utf8)), let directory = number(4, 4),
      let count = number(directory, 2)
    else { return nil }
    var values: [Int: Int] = [:]
    for entry in 0..<count {
      let offset = directory + 2 + entry * 12
      guard let tag = number(offset, 2), let type = number(offset + 2, 2),
        number(offset + 4, 4) == 1, let value = number(offset + 8, type == 3 ? 2 : 4)
      else { continue }
      values[tag] = value
    }
    guard let start = values[273], let size = values[279], start + size <= file.count else {
      return nil
    }
    return Array(file[start..<(start + size)])
  }
}
