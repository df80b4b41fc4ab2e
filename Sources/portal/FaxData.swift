/// Takes the picture data out of a TIFF file: a PDF wants them without it.
enum FaxData {
  /// The data of the only strip of a little-endian TIFF (TIFF 6.0, section 2), `nil` for any other.
  static func strip(ofTIFF file: [UInt8]) -> [UInt8]? {
    func number(_ offset: Int, _ size: Int) -> Int? {
      guard offset >= 0, offset + size <= file.count else { return nil }
      return file[offset..<(offset + size)].reversed().reduce(0) { $0 << 8 | Int($1) }
    }
    guard file.starts(with: [0x49, 0x49, 42, 0]), let directory = number(4, 4),
      let count = number(directory, 2)
    else { return nil }
    var values: [Int: Int] = [:]
    for entry in 0..<count {
      let offset = directory + 2 + entry * 12
      guard let tag = number(offset, 2), let type = number(offset + 2, 2),
        let length = number(offset + 4, 4), length == 1,
        let value = number(offset + 8, type == 3 ? 2 : 4)
      else { continue }
      values[tag] = value
    }
    // StripOffsets, StripByteCounts.
    guard let start = values[273], let size = values[279], start + size <= file.count else {
      return nil
    }
    return Array(file[start..<(start + size)])
  }
}
