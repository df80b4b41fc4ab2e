import Common
import Crypto
import Files

/// An object as its bucket describes it.
protocol BucketObject: Sendable {
  /// Checksums of a file.
  associatedtype Content: BucketContent

  /// Reads the answer to a look; `nil` where it describes no object.
  init?(_ answer: StoreResponse)
  /// What it is, for those who ask.
  var info: ObjectInfo { get }
  /// The store's number for this version, where it has one.
  var version: String? { get }
  /// Whether it is the content of a file with these checksums, which may be read again where they
  /// prove too little; `nil` where only the object's own bytes can tell.
  func holds(_ content: Content, of file: borrowing RegularFile) throws -> Bool?
}

/// Checksums of a file, those of the whole among them.
protocol BucketContent: Sendable {
  var whole: FileDigest { get }
}

extension FileDigest: BucketContent {
  var whole: FileDigest { self }
}

/// An object to be sent: only if what is under its name is what was `seen` there, or nothing.
struct PutRequest<Object: BucketObject>: Sendable {
  let name: String
  let content: Object.Content
  let descriptor: Int32
  let seen: Object?
  let metadata: [String: String]
}

/// What a store says that it has taken.
enum PutResult: Sendable, Equatable {
  /// What was sent, as this version.
  case same(version: String?, md5: String?)
  /// Something else, in words.
  case other(String)
  /// The answer does not say.
  case unknown
}

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

  /// Whatever its name is: one that no key of ours could be is an object, too.
  func holdsObject(at url: String) throws -> Bool {
    let start = "\(bucket.root)/"
    guard url.utf8.starts(with: start.utf8) else { return false }
    return try object(String(Substring(url.utf8.dropFirst(start.utf8.count)))) != nil
  }

  func content(at url: String) throws -> ObjectInfo? {
    let name = try bucket.name(at: url)
    var retrier = retrier(url, .reading)
    let reply = try retrier.answer { try read(name).understood(isContent) }
    switch reply.kind {
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
    let operation = "the listing of \(store.bucket.url(ofName: prefix))"
    var retrier = store.retrier(operation, .listing)
    var page: BucketPage?
    let reply: Reply
    do {
      reply = try retrier.answer {
        try store.page(prefix, at: position).understood {
          page = store.listing($0)
          return page != nil
        }
      }
    } catch let error as RecordError where error.kind != .interrupted {
      throw Fatal(.unavailable, error.message)
    }
    guard reply.kind == .success, let page else {
      // Nothing but the bucket can be missing for a listing.
      let kind = reply.kind == .absent ? .noBucket : reply.kind
      throw store.failure((reply.answer, kind), operation, .objects)
    }
    guard page.next == nil || page.next != position else {
      throw Fatal(.unavailable, "\(operation): the store gives the same page again and again")
    }
    return page
  }
}
