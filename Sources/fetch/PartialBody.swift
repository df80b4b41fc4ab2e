import Transfer

/// What is known of a body of which only a part is there: enough to tell whether an answer continues it.
struct PartialBody {
  /// A strong ETag, or the date of the last change: what `If-Range` may say (RFC 9110, section 13.1.5).
  let validator: String
  /// The length of the whole, where it was announced.
  let total: Int?
  private let field: String

  /// Reads the head of the answer that began it; `nil` where nothing says whether it stays the same.
  init?(_ head: ResponseHead) {
    if let etag = head.header("ETag"), etag.hasPrefix("\"") {
      (field, validator) = ("ETag", etag)
    } else if let date = head.header("Last-Modified") {
      (field, validator) = ("Last-Modified", date)
    } else {
      return nil
    }
    total = head.header("Content-Length").flatMap(Int.init)
  }

  /// The length of the whole that an answer makes of the first `offset` bytes, and `nil` where it does
  /// not continue just there, to the end, and the same content (RFC 9110, section 14.4).
  func length(continuedBy head: ResponseHead, at offset: Int) -> Int? {
    guard head.status == 206, let range = head.header("Content-Range"),
      let unit = range.split(separator: " ").first, unit.lowercased() == "bytes"
    else { return nil }
    let numbers = range.dropFirst(unit.count).split { " -/".contains($0) }.map { Int($0) }
    guard numbers.count == 3, let start = numbers[0], let end = numbers[1], start == offset,
      let whole = numbers[2] ?? total, whole == total ?? whole, whole > 0, end == whole - 1
    else { return nil }
    // Whoever sends the range has compared; but an answer that names another content is believed.
    if let other = head.header(field), other != validator { return nil }
    return whole
  }
}
