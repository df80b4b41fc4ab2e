import CCurl
import Glibc

/// What came before the body. Fields are kept as they came, and read when somebody asks for one:
/// most are never asked for.
package struct ResponseHead: Sendable, Equatable {
  /// The status code; 0 where the answer has none.
  package var status = 0
  private var lines: [UInt8] = []
  /// Whether it came by a version of HTTP that marks the end of each body (2 and 3).
  private var isFramed = false

  /// An answer of that status with these fields.
  package init(status: Int = 0, headers: [(name: String, value: String)] = []) {
    self.status = status
    for (name, value) in headers { lines += Array("\(name): \(value)\r\n".utf8) }
  }

  /// Begins with a status line (RFC 9112, section 4).
  init(statusLine: UnsafeRawBufferPointer) {
    lines.reserveCapacity(512)
    isFramed = !statusLine.starts(with: "HTTP/1".utf8)
    let code = statusLine.drop { $0 != 0x20 }.drop { $0 == 0x20 }.prefix(3)
    for byte in code.prefix(while: { (0x30...0x39).contains($0) }) {
      status = status * 10 + Int(byte - 0x30)
    }
  }

  /// Adds a line with its end, as it came.
  mutating func add(line: UnsafeRawBufferPointer) { lines.append(contentsOf: line) }

  /// Whether the end of the body was announced: else it ends with the connection, and nobody can tell whether
  /// all of it came (RFC 9112, section 6.3).
  package var announcesEnd: Bool {
    isFramed || has("Content-Length") || has("Transfer-Encoding")
  }

  /// Where a redirect leads. Bytes that are no UTF-8 are percent-encoded, as browsers ask for them.
  package var location: String? {
    var last: [UInt8]?
    each("Location") { last = Array($0) }
    return last.map { bytes in
      String(validating: bytes, as: UTF8.self)
        ?? bytes.map {
          $0 < 0x80 ? "\(Unicode.Scalar($0))" : "%" + String($0, radix: 16).uppercased()
        }
        .joined()
    }
  }

  /// All fields in their order, for people.
  package var fields: [(name: String, value: String)] {
    lines.split(separator: 0x0A).compactMap { line in
      guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { return nil }
      let value = line[(colon + 1)...].drop { $0 == 0x20 }.prefix { $0 != 0x0D }
      return (
        String(decoding: line[..<colon], as: UTF8.self), String(decoding: value, as: UTF8.self)
      )
    }
  }

  /// The last field of that name (in any case), without blanks around it.
  package func header(_ name: String) -> String? {
    var last: String?
    each(name) { last = String(decoding: $0, as: UTF8.self) }
    return last
  }

  private func has(_ name: String) -> Bool {
    var isThere = false
    each(name) { _ in isThere = true }
    return isThere
  }

  /// All fields of that name, in order.
  package func headers(_ name: String) -> [String] {
    var found: [String] = []
    each(name) { found.append(String(decoding: $0, as: UTF8.self)) }
    return found
  }

  /// Shows the values of that name, in order. Asked several times for each answer: it makes nothing of the others.
  private func each(_ name: String, _ show: (Slice<UnsafeRawBufferPointer>) -> Void) {
    var name = name
    name.withUTF8 { each($0, show) }
  }

  private func each(
    _ name: UnsafeBufferPointer<UInt8>, _ show: (Slice<UnsafeRawBufferPointer>) -> Void
  ) {
    guard let letters = name.baseAddress else { return }
    lines.withUnsafeBytes { bytes in
      var rest = bytes[...]
      while let base = rest.isEmpty ? nil : bytes.baseAddress {
        let start = base + rest.startIndex
        let end = memchr(start, 0x0A, rest.count).map { UnsafeRawPointer($0) - base }
        let line = bytes[rest.startIndex..<(end ?? rest.endIndex)]
        rest = rest[(end.map { $0 + 1 } ?? rest.endIndex)...]
        let colon = line.startIndex + name.count
        guard colon < line.endIndex, bytes[colon] == UInt8(ascii: ":"),
          strncasecmp(start, letters, name.count) == 0
        else { continue }
        show(Self.trimmed(line[(colon + 1)...]))
      }
    }
  }

  private static func trimmed(
    _ value: Slice<UnsafeRawBufferPointer>
  ) -> Slice<UnsafeRawBufferPointer> {
    func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
    let tail = value.drop(while: isBlank)
    return tail.lastIndex { !isBlank($0) }.map { tail[...$0] } ?? tail.prefix(0)
  }
}

/// Seconds that a `Retry-After` field asks for (RFC 9110, section 10.2.3): a date in any of HTTP's three
/// forms, or a number, also a decimal one, and the largest of several in a list. What is past or
/// negative is 0; `nil` for what is neither.
///
/// - Parameter now: seconds since 1970, by the clock of whoever wrote a date.
package func retryAfterSeconds(_ field: String, now: Int) -> Double? {
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
  package func retryAfter(now: Int) -> Double? {
    let waits = headers("Retry-After")
    if waits.isEmpty { return nil }
    let date = header("Date").map { curl_getdate($0, nil) } ?? -1
    return
      waits
      .compactMap { retryAfterSeconds($0, now: date < 0 ? now : date) }.max()
  }
}
