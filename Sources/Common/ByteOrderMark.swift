/// The mark that Windows puts before UTF-8: U+FEFF, which is no part of the text.
public enum ByteOrderMark {
  /// How it reads in UTF-8.
  public static let utf8: [UInt8] = [0xEF, 0xBB, 0xBF]

  /// The bytes without it.
  public static func dropped(from bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    bytes.starts(with: utf8) ? bytes.dropFirst(utf8.count) : bytes
  }
}
