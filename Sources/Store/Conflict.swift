import Common
import Digest

extension RecordError {
  /// Other content is in a document's place in a bucket (promise P8).
  static func conflict(
    _ url: String, found: ObjectInfo?, _ content: FileDigest
  ) -> RecordError {
    func text(_ bytes: Int, _ md5: String?) -> String {
      "\(Format.count(bytes)) bytes" + (md5.map { ", MD5 \($0.prefix(12))…" } ?? "")
    }
    let there = found.map { " (\(text($0.bytes, $0.md5)))" } ?? ""
    return RecordError(
      .storeConflict,
      "\(url) holds other content\(there) than this document "
        + "(\(text(content.bytes, content.md5))): it was left as it is; "
        + "--overwrite would replace it")
  }
}
