import Common
import Digest
import Transfer

// https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
extension AmazonStore {
  func read(_ name: String) throws -> Outcome {
    var errand = AmazonService.Errand(method: "GET", name: name)
    errand.isDigesting = true
    return try service.send(errand)
  }

  func page(_ prefix: String, at position: String?) throws -> Outcome {
    var errand = AmazonService.Errand(method: "GET", name: "")
    // Names may have characters that XML cannot; going on after the last name needs no token.
    errand.query = [("list-type", "2"), ("encoding-type", "url"), ("prefix", prefix)]
    if let position { errand.query.append(("start-after", position)) }
    return try service.send(errand)
  }

  func listing(_ answer: Answer) -> BucketPage? {
    let page = XMLElements(answer.body)
    guard let isTruncated = page.text("IsTruncated") else { return nil }
    var objects: [ListedObject] = []
    var last: String?
    for contents in page.all("Contents") {
      // Encoded as in a form, where a plus stands for a blank.
      let key = contents.text("Key")?.replacing("+", with: " ")
      guard let name = key.flatMap(Format.percentDecoded),
        let bytes = contents.text("Size").flatMap({ Int($0) })
      else { return nil }
      objects.append(
        ListedObject(
          url: bucket.url(ofName: name), bytes: bytes, md5: contents.text("ETag").flatMap(Self.md5))
      )
      last = name
    }
    return BucketPage(objects: objects, next: isTruncated == "true" ? last : nil)
  }

  /// What an ETag is where it looks like an MD5: of an upload in parts, `-` and a number are too much.
  private static func md5(_ etag: String) -> String? {
    let text = AmazonObject.unquoted(etag.replacing("&quot;", with: ""))
    return text.utf8.count == 32 && Digest.bytes(hex: text) != nil ? text : nil
  }
}
