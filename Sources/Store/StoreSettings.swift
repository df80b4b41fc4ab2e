import Common
import Glibc
import Logging

/// Whether an upload tells the store what it may replace.
public enum Preconditions: String, Sendable, CaseIterable {
  /// Yes; a store that does not know them ends the run, with what to do.
  case auto
  /// No: for a store that does not know them. What is there is asked for before.
  case off
}

/// How a store is used: the same for all its objects.
public struct StoreSettings: Sendable {
  /// The type that objects are given.
  public var contentType = "application/pdf"
  /// How caches may keep objects, where that is to be said.
  public var cacheControl: String?
  /// The storage class, where it is not the bucket's own.
  public var storageClass: String?
  /// Metadata of all objects, besides those of each.
  public var metadata: [String: String] = [:]
  /// Whether uploads carry preconditions.
  public var preconditions = Preconditions.auto
  /// How often and when a request is tried again.
  public var retry = RetryPolicy(retries: 8, base: 1, cap: 32, maximumTime: 300)
  /// When a store that refuses everybody is out, and for how long that is waited for.
  public var outages = OutagePolicy()
  /// The threads that use the store.
  public var turns = WorkerTurns()
  /// Tells other programs of an outage.
  public var notice: OutageNotice?
  /// Where a bucket that is to be made shall be: the vendor's word for a place; `nil` for its default.
  public var location: String?
  /// Ends all waiting for another try.
  public var stop = Stop()
  /// For what people may want to know.
  public var logger = Logger(label: "store") { _ in SwiftLogNoOpLogHandler() }
  /// Where credentials and endpoints are named: the value of an environment variable.
  public var environment: @Sendable (String) -> String? = { getenv($0).map { String(cString: $0) } }

  /// The defaults.
  public init() {}

  /// A variable's value; an empty one counts as none.
  func variable(_ name: String) -> String? {
    environment(name).flatMap { $0.isEmpty ? nil : $0 }
  }
}
