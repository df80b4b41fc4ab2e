import Common
import Digest
import Transfer

extension GoogleStore {
  func list(_ prefix: String) throws -> any ObjectLister {
    GoogleLister(service, prefix: bucket.prefix + prefix)
  }

  func read(_ name: String) throws -> Outcome {
    try service.send(
      Request(try service.url(ofContent: name)), for: bucket.url(ofName: name), digesting: true)
  }
}

/// The listing of a bucket of Google, which comes in the order of the names' bytes
/// (https://cloud.google.com/storage/docs/json_api/v1/objects/list).
final class GoogleLister: ObjectLister {
  private static let fields =
    "nextPageToken,items(name,size,md5Hash,metadata/sha256)"

  private let service: GoogleService
  private let prefix: String
  private var token: String?
  private var isAtEnd = false

  init(_ service: GoogleService, prefix: String) {
    self.service = service
    self.prefix = prefix
  }

  func next() throws -> [ListedObject]? {
    // A page may be empty and not be the last one.
    while !isAtEnd {
      let page = try page()
      token = page["nextPageToken"]?.string
      isAtEnd = token == nil
      let items = page["items"]?.array ?? []
      if !items.isEmpty { return try items.map(object) }
    }
    return nil
  }

  private func page() throws -> JSON {
    var query = [("fields", Self.fields), ("maxResults", "1000"), ("prefix", prefix)]
    if let token { query.append(("pageToken", token)) }
    let errand = "the listing of \(service.bucket.url(ofName: prefix))"
    let url = try service.url(ofListing: query.map { (name: $0.0, value: $0.1) })
    var patience = Patience(errand, service.settings)
    let reply = try patience.answer { try service.send(Request(url), for: errand) }
    guard reply.meaning == .success else { throw service.failure(reply, errand, .objects) }
    guard let page = try? JSON(parsing: reply.answer.body), page.object != nil else {
      throw Fatal(.unavailable, "\(errand): the answer is not JSON")
    }
    return page
  }

  private func object(_ item: JSON) throws -> ListedObject {
    guard let name = item["name"]?.string, let size = item["size"]?.text, let bytes = Int(size)
    else { throw Fatal(.unavailable, "the listing of \(service.bucket.root) names no object") }
    return ListedObject(
      url: service.bucket.url(ofName: name), bytes: bytes,
      md5: item["md5Hash"]?.string.flatMap(Base64.decode).map(Digest.hex),
      recordedSHA256: item["metadata"]?["sha256"]?.string)
  }
}
