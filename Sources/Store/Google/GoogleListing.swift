import Common
import Digest
import Transfer

// https://cloud.google.com/storage/docs/json_api/v1/objects/list
extension GoogleStore {
  private static let fields = "nextPageToken,items(name,size,md5Hash,metadata/sha256)"

  func read(_ name: String) throws -> Outcome {
    try service.send(
      Request(try service.url(ofContent: name)), for: bucket.url(ofName: name), digesting: true)
  }

  /// Google's own service tells the generation with every content; emulators may not.
  func isContent(_ answer: Answer) -> Bool {
    !service.isGoogles || answer.head.header("x-goog-generation") != nil
  }

  func page(_ prefix: String, at position: String?) throws -> Outcome {
    var query = [(name: "fields", value: Self.fields), ("maxResults", "1000"), ("prefix", prefix)]
    if let position { query.append(("pageToken", position)) }
    let url = try service.url(ofListing: query)
    return try service.send(Request(url), for: bucket.url(ofName: prefix))
  }

  func listing(_ answer: Answer) -> BucketPage? {
    guard let json = try? JSON(parsing: answer.body), json.object != nil else { return nil }
    var page = BucketPage(objects: [], next: json["nextPageToken"]?.string)
    for item in json["items"]?.array ?? [] {
      guard let name = item["name"]?.string, let size = item["size"]?.text, let bytes = Int(size)
      else { return nil }
      page.objects.append(
        ListedObject(
          url: bucket.url(ofName: name), bytes: bytes,
          md5: item["md5Hash"]?.string.flatMap(Base64.decode).map(Digest.hex),
          recordedSHA256: item["metadata"]?["sha256"]?.string))
    }
    return page
  }
}
