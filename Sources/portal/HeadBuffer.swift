/// Finds the heads of requests in what a connection delivers, in whatever pieces it comes.
struct HeadBuffer {
  /// Longest head that is read, in bytes.
  static let maximumHead = 16_384

  private var bytes: [UInt8] = []
  /// Where the search for the end goes on, so that a head in small pieces is not searched anew.
  private var searched = 0

  /// Whether a request has begun.
  var isEmpty: Bool { bytes.isEmpty }

  mutating func append(_ piece: some Sequence<UInt8>) {
    bytes.append(contentsOf: piece)
    // Empty lines before a request are skipped (RFC 9112, section 2.2).
    if searched == 0 { bytes = Array(bytes.drop { $0 == 13 || $0 == 10 }) }
  }

  /// The next whole head, without the empty line that ends it; `nil` if more bytes are needed.
  mutating func next() throws(BadRequest) -> [UInt8]? {
    let end: [UInt8] = [13, 10, 13, 10]
    while searched + end.count <= bytes.count {
      if searched > Self.maximumHead { break }
      if bytes[searched..<(searched + end.count)].elementsEqual(end) {
        let head = Array(bytes[..<searched])
        let rest = bytes[(searched + end.count)...]
        bytes = []
        searched = 0
        append(rest)
        return head
      }
      searched += 1
    }
    guard bytes.count <= Self.maximumHead else {
      throw BadRequest(431, "The head of the request is longer than \(Self.maximumHead) bytes.")
    }
    return nil
  }
}
