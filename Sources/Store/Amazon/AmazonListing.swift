import Common
import Crypto
import HTTP

// https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
extension AmazonStore {
  func read(_ name: String) throws -> RequestResult {
    var operation = AmazonService.Operation(method: "GET", name: name)
    operation.isDigesting = true
    return try service.send(operation)
  }

  func page(_ prefix: String, at position: String?) throws -> RequestResult {
    var operation = AmazonService.Operation(method: "GET", name: "")
    // Names may have characters that XML cannot; going on after the last name needs no token.
    operation.query = [("list-type", "2"), ("encoding-type", "url"), ("prefix", prefix)]
    if let position { operation.query.append(("start-after", position)) }
    return try service.send(operation)
  }

  func isContent(_ answer: StoreResponse) -> Bool { answer.head.header("ETag") != nil }

  func listing(_ answer: StoreResponse) -> BucketPage? {
    let page = XMLElements(answer.body)
    guard let isTruncated = page.text("IsTruncated") else { return nil }
    let all = page.all("Contents")
    let keys = all.compactMap { $0.text("Key") }
    guard keys.count == all.count else { return nil }
    let coding = KeyCoding(keys, named: page.text("EncodingType"))
    var objects: [ListedObject] = []
    for (contents, key) in zip(all, keys) {
      guard let bytes = contents.text("Size").flatMap({ Int($0) }) else { return nil }
      // A name that is no UTF-8 cannot be a document's.
      guard let name = coding.name(of: key) else { continue }
      objects.append(
        ListedObject(
          url: bucket.url(ofName: name), bytes: bytes, md5: contents.text("ETag").flatMap(Self.md5))
      )
    }
    guard isTruncated == "true" else { return BucketPage(objects: objects, next: nil) }
    guard let last = keys.lazy.compactMap(coding.name).last else { return nil }
    return BucketPage(objects: objects, next: last)
  }

  /// What an ETag is where it looks like an MD5: of an upload in parts, `-` and a number are too much.
  private static func md5(_ etag: String) -> String? {
    let text = AmazonObject.unquoted(XMLText.decoded(etag))
    return text.utf8.count == 32 && Digest.bytes(hex: text) != nil ? text : nil
  }
}

/// How a page of a listing writes the names of objects. It is asked to encode them, since XML cannot hold
/// every character; whether it does is what its `EncodingType` says, and what the names themselves show,
/// for there are stores that say one thing and do another.
enum KeyCoding: Sendable, Equatable {
  /// As XML has them.
  case plain
  /// Percent-encoded, with `+` for a blank, as in a form: Amazon's and most others'.
  case form
  /// Percent-encoded, a blank as `%20` (RFC 3986).
  case percent

  /// - Parameters:
  ///   - keys: all of a page.
  ///   - name: the page's `EncodingType`.
  init(_ keys: [String], named name: String?) {
    if name?.lowercased() != "url" || !keys.allSatisfy(Self.isEncoded) {
      self = .plain
    } else {
      self = keys.contains { $0.contains("%20") } ? .percent : .form
    }
  }

  /// The name of an object; `nil` where it cannot be read.
  func name(of key: String) -> String? {
    switch self {
    case .plain: XMLText.decoded(key)
    case .percent: Format.percentDecoded(key)
    case .form: Format.percentDecoded(key.replacing("+", with: " "))
    }
  }

  /// Encoding leaves no blank, no reserved character and nothing beyond ASCII, and each `%` begins a byte.
  private static func isEncoded(_ key: String) -> Bool {
    let left = Set(
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/+%*!'()".utf8)
    guard key.utf8.allSatisfy(left.contains) else { return false }
    return key.utf8.split(separator: UInt8(ascii: "%"), omittingEmptySubsequences: false)
      .dropFirst()
      .allSatisfy { UInt8(String(Substring($0.prefix(2))), radix: 16) != nil && $0.count >= 2 }
  }
}
