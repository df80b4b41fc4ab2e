import Common
import HTTP

/// What a host asks of everybody: to leave it alone for a while. Its answer may have been to a document's request,
/// to that for robots.txt or for a probe, and may have broken off after its head: the wish is the same (promise P6). Pure.
struct SlowDown: Sendable, Equatable {
  /// For so many seconds, where it says how long; more than 0.
  let retryAfter: Double?

  init(retryAfter: Double?) { self.retryAfter = retryAfter }

  /// The wish in an answer; `nil` where there is none. A good answer asks for nothing, whatever its fields are.
  ///
  /// - Parameter now: seconds since 1970, where the answer has no date.
  init?(_ head: ResponseHead, now: Int = Time.wallSeconds()) {
    guard head.status >= 300 else { return nil }
    retryAfter = Self.time(head, now: now)
    if retryAfter == nil, !Self.statuses.contains(head.status) { return nil }
  }

  /// Those that ask for it without a time, too (RFC 6585, section 4; RFC 9110, section 15.6.4).
  static let statuses = [429, 503]

  /// The time in an answer that is read as a refusal. One that is past asks for nothing, and takes nothing away from
  /// the usual wait.
  static func time(_ head: ResponseHead, now: Int) -> Double? {
    head.retryAfter(now: now).flatMap { $0 > 0 ? $0 : nil }
  }
}
