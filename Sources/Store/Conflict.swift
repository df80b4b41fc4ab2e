import Common
import Digest

extension RecordError {
  /// Other content is in a document's place in a bucket (promise P8).
  static func conflict(
    _ url: String, found: ObjectInfo?, _ content: FileDigest
  ) -> RecordError {
    func text(_ bytes: Int, _ crc32c: String?, _ md5: String?) -> String {
      let sum = crc32c.map { ", CRC32C \($0)" } ?? md5.map { ", MD5 \($0.prefix(12))…" } ?? ""
      return "\(Format.count(bytes)) bytes\(sum)"
    }
    let there = found.map { " (\(text($0.bytes, $0.crc32c, $0.md5)))" } ?? ""
    return RecordError(
      .storeConflict,
      "\(url) holds other content\(there) than this document "
        + "(\(text(content.bytes, content.crc32c, content.md5))): it was left as it is; "
        + "--overwrite would replace it")
  }
}
