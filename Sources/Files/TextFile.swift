import Glibc

package enum TextFile {
  /// The lines of a small file (up to 64 KiB) without their ends; empty where it cannot be read.
  package static func lines(_ path: String) -> [String] {
    guard let file = fopen(path, "re") else { return [] }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 1 << 16)
    let count = fread(&bytes, 1, bytes.count, file)
    return String(decoding: bytes.prefix(count), as: UTF8.self)
      .split(separator: "\n").map(String.init)
  }
}

/// The mark that Windows puts before UTF-8: U+FEFF, which is no part of the text.
package enum ByteOrderMark {
  /// How it reads in UTF-8.
  package static let utf8: [UInt8] = [0xEF, 0xBB, 0xBF]

  /// The bytes without it.
  package static func dropped(from bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    bytes.starts(with: utf8) ? bytes.dropFirst(utf8.count) : bytes
  }
}
