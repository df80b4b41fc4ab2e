import Common
import Digest
import Transfer

extension AmazonStore {
  func list(_ prefix: String) throws -> any ObjectLister {
    AmazonLister(service, prefix: bucket.prefix + prefix)
  }

  func read(_ name: String) throws -> Outcome {
    var errand = AmazonService.Errand(method: "GET", name: name)
    errand.isDigesting = true
    return try service.send(errand)
  }
}

/// The listing of a bucket of S3, which comes in the order of the names' bytes
/// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html).
final class AmazonLister: ObjectLister {
  private let service: AmazonService
  private let prefix: String
  private var last: String?
  private var isAtEnd = false

  init(_ service: AmazonService, prefix: String) {
    self.service = service
    self.prefix = prefix
  }

  func next() throws -> [ListedObject]? {
    guard !isAtEnd else { return nil }
    let errand = "the listing of \(service.bucket.url(ofName: prefix))"
    var request = AmazonService.Errand(method: "GET", name: "")
    // Names may have characters that XML cannot; going on after the last name needs no token.
    request.query = [("list-type", "2"), ("encoding-type", "url"), ("prefix", prefix)]
    if let last { request.query.append(("start-after", last)) }
    var patience = Patience(errand, service.settings)
    let reply = try patience.answer { try service.send(request) }
    guard reply.meaning == .success else { throw service.failure(reply, errand, .objects) }
    let page = XMLElements(reply.answer.body)
    guard let isTruncated = page.text("IsTruncated") else {
      throw Fatal(.unavailable, "\(errand): the answer is no listing")
    }
    let objects = try page.all("Contents").map { contents in
      // Encoded as in a form, where a plus stands for a blank.
      let key = contents.text("Key")?.replacing("+", with: " ")
      guard let name = key.flatMap(Format.percentDecoded),
        let bytes = contents.text("Size").flatMap({ Int($0) })
      else { throw Fatal(.unavailable, "\(errand): it names no object") }
      last = name
      let etag = contents.text("ETag").map { $0.filter(\.isHexDigit).lowercased() }
      // `&quot;` has no hexadecimal digit; of an upload in parts, `-` and a number are too much.
      let isMD5 = etag?.utf8.count == 32 && contents.text("ETag")?.contains("-") == false
      return ListedObject(
        url: service.bucket.url(ofName: name), bytes: bytes, md5: isMD5 ? etag : nil)
    }
    isAtEnd = isTruncated != "true" || objects.isEmpty
    return objects.isEmpty ? nil : objects
  }
}
