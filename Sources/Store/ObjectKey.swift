import Common
@_spi(_Unicode) import Swift

/// The name of an object within its store: parts between slashes, fit for every store that we know
/// and for a directory tree. Each one is valid.
package struct ObjectKey: Sendable, Hashable, CustomStringConvertible {
  /// Longest key in bytes of UTF-8 (the limit of Google Cloud Storage and of S3).
  package static let maximumBytes = 1024

  /// The key, in Unicode's composed form (NFC), so that two spellings of a name are one object.
  package let text: String

  /// Checks a key. Throws `store_rejected` for a key that is empty, too long, has control
  /// characters, a backslash, or a part that is empty, `.` or `..`.
  package init(_ text: String) throws(RecordError) {
    let text = Self.composed(text)
    func refuse(_ why: String) -> RecordError {
      RecordError(.storeRejected, "the key \(Format.quoted(text)) \(why)")
    }
    guard !text.isEmpty else { throw refuse("is empty") }
    let bytes = text.utf8.count
    guard bytes <= Self.maximumBytes else {
      throw refuse("is \(bytes) bytes long, and \(Self.maximumBytes) are allowed")
    }
    guard !text.unicodeScalars.contains(where: Self.isControl) else {
      throw refuse("has control characters")
    }
    guard !text.utf8.contains(UInt8(ascii: "\\")) else { throw refuse("has a backslash") }
    // Bytes, because a combining mark behind a slash would make another `Character` of it.
    for segment in text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) {
      guard !segment.isEmpty else { throw refuse("has an empty part") }
      let isDots = segment.count <= 2 && segment.allSatisfy { $0 == UInt8(ascii: ".") }
      guard !isDots else { throw refuse("has a part that is only dots") }
    }
    self.text = text
  }

  /// Fills a template. What a field holds is one part of the key or less: slashes, backslashes and
  /// control characters in it become hyphens. Throws `store_rejected` where a field is missing.
  package init(
    filling template: Template, for document: String, _ lookup: (String) -> String?
  ) throws(RecordError) {
    let text: String
    do throws(Template.MissingField) {
      text = try template.fill(encode: Self.tamed, lookup)
    } catch {
      throw RecordError(
        .storeRejected,
        "document \(document) has no \(Format.quoted(error.name)), which its key needs: "
          + template.source)
    }
    try self.init(text)
  }

  package var description: String { text }

  /// Its parts, first to last.
  package var segments: [String] {
    text.utf8.split(separator: UInt8(ascii: "/")).map { String(Substring($0)) }
  }

  private static func tamed(_ value: String) -> String {
    var scalars = String.UnicodeScalarView()
    for scalar in value.unicodeScalars {
      scalars.append(scalar == "/" || scalar == "\\" || isControl(scalar) ? "-" : scalar)
    }
    return String(scalars)
  }

  private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    // Most texts are ASCII, and looking up what Unicode says of each letter takes long.
    if scalar.isASCII { return scalar.value < 0x20 || scalar.value == 0x7F }
    return switch scalar.properties.generalCategory {
    case .control, .lineSeparator, .paragraphSeparator: true
    default: false
    }
  }

  /// NFC by the standard library, which has it for comparing strings but not yet in its interface.
  private static func composed(_ text: String) -> String {
    guard text.utf8.contains(where: { $0 >= 0x80 }) else { return text }
    var scalars = String.UnicodeScalarView()
    scalars.append(contentsOf: text._nfc)
    return String(scalars)
  }
}
