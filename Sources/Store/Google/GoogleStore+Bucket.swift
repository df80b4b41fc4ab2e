import Common
import Crypto
import Files
import Glibc
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

/// What Google Cloud Storage knows of an object (JSON API, resource `objects`).
struct GoogleObject: BucketObject, Equatable {
  let bytes: Int
  /// CRC32C of the stored bytes in hexadecimal digits: every object has one.
  let crc32c: String?
  /// Their MD5 likewise; composed objects have none.
  let md5: String?
  /// The number of this version.
  let generation: String
  /// The SHA-256 that the uploader noted as metadata: a claim.
  let sha256: String?

  init?(_ answer: StoreResponse) {
    guard let json = try? JSON(parsing: answer.body), let generation = json["generation"]?.text,
      let bytes = json["size"]?.text.flatMap({ Int($0) }), bytes >= 0
    else { return nil }
    self.bytes = bytes
    self.generation = generation
    crc32c = json["crc32c"]?.string.flatMap(Base64.decode).map(Digest.hex)
    md5 = json["md5Hash"]?.string.flatMap(Base64.decode).map(Digest.hex)
    sha256 = json["metadata"]?["sha256"]?.string
  }

  var info: ObjectInfo {
    ObjectInfo(bytes: bytes, md5: md5, crc32c: crc32c, recordedSHA256: sha256)
  }
  var version: String? { generation }

  /// Whether it is, by what the store itself computed, what was just sent: CRC32C finds what went wrong
  /// on the way.
  func arrived(_ content: FileDigest) -> Bool {
    bytes == content.bytes && crc32c == content.crc32c
  }

  /// What somebody else put there may have the same CRC32C by chance, once in four thousand million
  /// times; so MD5 decides.
  func holds(_ content: FileDigest, of file: borrowing RegularFile) throws -> Bool? {
    guard arrived(content) else { return false }
    // A composed object has no MD5.
    guard let md5 else { return sha256.map { $0 == content.sha256 } }
    return try md5 == file.md5()
  }
}
