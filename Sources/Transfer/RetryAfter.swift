import CCurl

/// Seconds that a `Retry-After` field asks for (RFC 9110, section 10.2.3): a number, or a date in any
/// of HTTP's three forms. `nil` for what is neither; a date that is past is 0.
///
/// - Parameter now: seconds since 1970.
public func retryAfterSeconds(_ field: String, now: Int) -> Double? {
  let isNumber = !field.isEmpty && field.utf8.allSatisfy { (0x30...0x39).contains($0) }
  if isNumber { return Double(field) }
  let date = curl_getdate(field, nil)
  return date < 0 ? nil : Double(max(0, date - now))
}
