import Common
import HTTP

/// `Retry-After`, numbers and dates, days and time spans: a time, or nothing.
@_cdecl("LLVMFuzzerTestOneInput") public func fuzz(_ data: UnsafePointer<UInt8>, _ size: Int)
  -> CInt
{
  let text = String(decoding: UnsafeBufferPointer(start: data, count: size), as: UTF8.self)
  if let seconds = retryAfterSeconds(text, now: 1_764_000_000) { precondition(seconds >= 0) }
  if let day = Day(text) {
    precondition(day.description == text)
    precondition(day.next.map { $0 > day } ?? (day.description == "9999-12-31"))
  }
  if let span = Time.span(text) { precondition(span >= 0 && span.isFinite) }
  return 0
}
