import Common
import Crypto
import Glibc
import Logging

/// Whether an upload tells the store what it may replace.
package enum Preconditions: String, Sendable, CaseIterable {
  /// Yes; a store that does not know them ends the run, with what to do.
  case auto
  /// No: for a store that does not know them. What is there is asked for before.
  case off
}

/// How a store is used: the same for all its objects.
package struct StoreSettings: Sendable {
  /// The type that objects are given.
  package var contentType = "application/pdf"
  /// How caches may keep objects, where that is to be said.
  package var cacheControl: String?
  /// The storage class, where it is not the bucket's own.
  package var storageClass: String?
  /// Metadata of all objects, besides those of each.
  package var metadata: [String: String] = [:]
  package var preconditions = Preconditions.auto
  /// How often and when a request is tried again.
  package var retry = RetryPolicy(retries: 8, base: 1, cap: 32, maximumTime: 300)
  /// When a store that refuses everybody is out, and for how long that is waited for.
  package var outages = OutagePolicy()
  /// The threads that use the store.
  package var turns = WorkerTurns()
  /// Tells other programs of an outage.
  package var notice: OutageNotice?
  /// Where a bucket that is to be made shall be: the vendor's word for a place; `nil` for its default.
  package var location: String?
  /// Ends all waiting for another try.
  package var stop = ShutdownSignal()
  /// For what people may want to know.
  package var logger = Logger(label: "store") { _ in SwiftLogNoOpLogHandler() }
  /// Where credentials and endpoints are named: the value of an environment variable.
  package var environment: @Sendable (String) -> String? = {
    getenv($0).map { String(cString: $0) }
  }

  package init() {}

  /// A variable's value; an empty one counts as none.
  func variable(_ name: String) -> String? {
    environment(name).flatMap { $0.isEmpty ? nil : $0 }
  }
}

extension RecordError {
  /// Other content is in a document's place in a bucket (promise P8).
  static func conflict(
    _ url: String, found: ObjectInfo?, _ content: FileDigest
  ) -> RecordError {
    func text(_ bytes: Int, _ crc32c: String?, _ md5: String?) -> String {
      let sum = crc32c.map { ", CRC32C \($0)" } ?? md5.map { ", MD5 \($0.prefix(12))…" } ?? ""
      return "\(Format.count(bytes)) bytes\(sum)"
    }
    return conflict(
      url, found: found.map { text($0.bytes, $0.crc32c, $0.md5) },
      sent: text(content.bytes, content.crc32c, content.md5))
  }

  /// The same in any store; `found` and `sent` are size and checksum.
  static func conflict(_ url: String, found: String?, sent: String) -> RecordError {
    RecordError(
      .storeConflict,
      """
      \(url) already exists with different content (\(found.map { "\($0); " } ?? "")this document has \
      \(sent)). Not replaced; use --overwrite to replace it.
      """)
  }
}
