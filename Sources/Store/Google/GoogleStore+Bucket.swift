import Common
import Crypto
import HTTP

/// Making a bucket of Google Cloud Storage.
/// https://cloud.google.com/storage/docs/json_api/v1/buckets/insert
extension GoogleStore {
  func lookAtBucket() throws -> RequestResult {
    try service.send(Request(try service.urlOfBucket()), for: bucket.root)
  }

  func makeBucket(_ retrier: inout Retrier) throws -> (reply: Reply, description: String) {
    let place = settings.location ?? "US"
    var request = Request(try service.url(ofBucketsOf: try service.project()))
    request.method = "POST"
    request.headers = [("Content-Type", "application/json; charset=UTF-8")]
    request.body = RequestBody([.bytes(resource(in: place).serialized())])
    let reply = try retrier.answer { try service.send(request, for: bucket.root) }
    return (reply, "\(bucket.root) in \(place); its objects become \(Lifecycle.text(\.google))")
  }

  private func resource(in place: String) -> JSON {
    // An object is moved on from the classes before: one that was put into a cheaper one stays there.
    let before = ["STANDARD"] + Lifecycle.steps.map(\.google)
    let rules = Lifecycle.steps.enumerated().map { index, step in
      JSON.object([
        "action": .object([
          "type": .string("SetStorageClass"), "storageClass": .string(step.google),
        ]),
        "condition": .object([
          "age": .int(step.days),
          "matchesStorageClass": .array(before.prefix(index + 1).map(JSON.string)),
        ]),
      ])
    }
    return .object([
      "name": .string(bucket.bucket), "location": .string(place),
      "lifecycle": .object(["rule": .array(rules)]),
      "iamConfiguration": .object([
        "uniformBucketLevelAccess": .object(["enabled": .bool(true)])
      ]),
    ])
  }
}

// https://cloud.google.com/storage/docs/json_api/v1/objects/list
extension GoogleStore {
  private static let fields = "nextPageToken,items(name,size,md5Hash,metadata/sha256)"

  func read(_ name: String) throws -> RequestResult {
    try service.send(
      Request(try service.url(ofContent: name)), for: bucket.url(ofName: name), digesting: true)
  }

  /// Google's own service tells the generation with every content; emulators may not.
  func isContent(_ answer: StoreResponse) -> Bool {
    !service.isGoogles || answer.head.header("x-goog-generation") != nil
  }

  func page(_ prefix: String, at position: String?) throws -> RequestResult {
    var query = [(name: "fields", value: Self.fields), ("maxResults", "1000"), ("prefix", prefix)]
    if let position { query.append(("pageToken", position)) }
    let url = try service.url(ofListing: query)
    return try service.send(Request(url), for: bucket.url(ofName: prefix))
  }

  func listing(_ answer: StoreResponse) -> BucketPage? {
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
