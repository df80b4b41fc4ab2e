import Common

/// A page of a bucket's listing.
struct BucketPage: Sendable, Equatable {
  var objects: [ListedObject]
  /// Where the next page begins; `nil` at the end.
  var next: String?
}

extension BucketStore {
  var place: String { bucket.url(ofName: bucket.prefix) }

  func list(_ prefix: String) throws -> any ObjectLister {
    BucketLister(self, prefix: bucket.prefix + prefix)
  }

  func content(at url: String) throws -> ObjectInfo? {
    let name = try bucket.name(at: url)
    var patience = Patience(url, settings)
    let reply = try patience.answer { try read(name) }
    switch reply.meaning {
    case .absent: return nil
    case .success: return reply.answer.content
    default: throw failure(reply, url, .objects)
    }
  }
}

/// The listing of a bucket, which both vendors give in the order of the names' bytes.
final class BucketLister<Store: BucketStore>: ObjectLister {
  private let store: Store
  private let prefix: String
  private var position: String?
  private var isAtEnd = false

  init(_ store: Store, prefix: String) {
    self.store = store
    self.prefix = prefix
  }

  func next() throws -> [ListedObject]? {
    // A page may be empty and not be the last one.
    while !isAtEnd {
      let page = try load()
      position = page.next
      isAtEnd = page.next == nil
      if !page.objects.isEmpty { return page.objects }
    }
    return nil
  }

  private func load() throws -> BucketPage {
    let errand = "the listing of \(store.bucket.url(ofName: prefix))"
    var patience = Patience(errand, store.settings)
    let reply = try patience.answer { try store.page(prefix, at: position) }
    guard reply.meaning == .success else { throw store.failure(reply, errand, .objects) }
    guard let page = store.listing(reply.answer) else {
      throw Fatal(.unavailable, "\(errand): the answer is no listing")
    }
    return page
  }
}
