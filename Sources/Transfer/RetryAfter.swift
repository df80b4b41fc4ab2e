import CCurl

/// Seconds that a `Retry-After` field asks for (RFC 9110, section 10.2.3): a date in any of HTTP's three
/// forms, or a number, also a decimal one, and the largest of several in a list. What is past or
/// negative is 0; `nil` for what is neither.
///
/// - Parameter now: seconds since 1970, by the clock of whoever wrote a date.
public func retryAfterSeconds(_ field: String, now: Int) -> Double? {
  let numbers = field.split(separator: ",").compactMap { seconds(String($0)) }
  if let largest = numbers.max() { return largest }
  let date = curl_getdate(field, nil)
  return date < 0 ? nil : Double(max(0, date - now))
}

/// A decimal number without exponent; a negative one is 0.
private func seconds(_ text: String) -> Double? {
  let text = text.filter { $0 != " " && $0 != "\t" }
  let digits = text.hasPrefix("-") ? text.dropFirst() : text[...]
  guard digits.first?.isNumber == true,
    digits.utf8.allSatisfy({ (0x30...0x39).contains($0) || $0 == 0x2E }),
    let number = Double(digits), number.isFinite
  else { return nil }
  return text.hasPrefix("-") ? 0 : number
}

extension ResponseHead {
  /// The longest wait that any `Retry-After` of this answer asks for, in seconds; `nil` where none can be
  /// read. Dates are measured against the answer's own `Date`, so that clocks need not agree.
  ///
  /// - Parameter now: seconds since 1970, where the answer has no date.
  public func retryAfter(now: Int) -> Double? {
    let date = header("Date").map { curl_getdate($0, nil) } ?? -1
    return headers("Retry-After")
      .compactMap { retryAfterSeconds($0, now: date < 0 ? now : date) }.max()
  }
}
