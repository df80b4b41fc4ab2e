/// How a PDF answers conditions and ranges. Pure.
enum ScanAnswer {
  /// The portal's files were all copied on one morning.
  static let lastModified = "Tue, 02 Jan 2024 08:00:00 GMT"

  static func response(_ scan: Scan, to request: Request) -> Response {
    if let tags = request.headers["if-none-match"], matches(tags, scan.tag) {
      return described(Response(304, nil), scan)
    }
    if !request.isHead, isCurrent(request.headers["if-range"], scan),
      let start = start(request.headers["range"])
    {
      guard start < scan.bytes.count else {
        return described(Response(416, nil), scan)
          .adding("Content-Range", "bytes */\(scan.bytes.count)")
      }
      return described(Response(206, "application/pdf", body: scan.bytes[start...]), scan)
        .adding("Content-Range", "bytes \(start)-\(scan.bytes.count - 1)/\(scan.bytes.count)")
    }
    return described(Response(200, "application/pdf", body: scan.bytes[...]), scan)
  }

  private static func described(_ response: Response, _ scan: Scan) -> Response {
    response.adding("ETag", scan.tag).adding("Last-Modified", lastModified)
      .adding("Accept-Ranges", "bytes")
  }

  /// RFC 9110, section 13.1.2: a list, compared weakly.
  private static func matches(_ tags: String, _ tag: String) -> Bool {
    tags.split(separator: ",").map { $0.trimmed() }
      .contains { $0 == "*" || $0 == tag || $0 == "W/" + tag }
  }

  /// RFC 9110, section 13.1.5: a range counts only for the bytes that the client has seen.
  private static func isCurrent(_ condition: String?, _ scan: Scan) -> Bool {
    condition == nil || condition == scan.tag || condition == lastModified
  }

  /// The first byte that is asked for. Ranges of any other form are ignored (RFC 9110, section
  /// 14.2), as small servers do.
  private static func start(_ range: String?) -> Int? {
    guard let range, range.hasPrefix("bytes="), range.hasSuffix("-") else { return nil }
    let digits = range.dropFirst(6).dropLast()
    return digits.allSatisfy { $0.isASCII && $0.isNumber } ? Int(digits) : nil
  }
}
