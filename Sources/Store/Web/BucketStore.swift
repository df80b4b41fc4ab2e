import Files
import Common
import Crypto

/// A bucket: what Google's stores and Amazon's have in common. Every upload carries a precondition, so
/// that it may be sent again and can never replace what it has not seen (promise P8), unless
/// `--preconditions off` says that the store knows none.
protocol BucketStore: ObjectStore {
  associatedtype Object: BucketObject

  var bucket: BucketURL { get }
  var settings: StoreSettings { get }
  /// What all requests to it share.
  var gate: StoreGate { get }
  /// Who we are to it and where that was found, for people; `nil` where it is asked without credentials.
  var identityName: String? { get }

  /// Reads a file once, for SHA-256 and for the checksums that the store compares on arrival.
  func digest(_ file: SourceFile, _ opened: borrowing RegularFile) throws -> Object.Content
  /// Whether it is asked what is under a name before a document of that size is sent there.
  func looksFirst(bytes: Int) -> Bool
  /// Is told of each document whether something was there before it, and, where it was put, as what.
  func noticed(_ name: String, wasThere: Bool, version: String?)
  /// Asks once what is under a name.
  func look(at name: String) throws -> RequestResult
  /// The same, where nothing is expected less than nothing: an answer that says so tells also whether it
  /// is the object that is not there, or the bucket.
  func lookClosely(at name: String) throws -> RequestResult
  /// Asks once for an object's bytes, which are digested and not kept.
  func read(_ name: String) throws -> RequestResult
  /// Whether a good answer to that comes from the store.
  func isContent(_ answer: StoreResponse) -> Bool
  /// Removes once what is under a name.
  func remove(_ name: String) throws -> RequestResult
  /// Asks once for a page of the listing of names that begin with `prefix`: the first, or the one at
  /// the position that the page before it gave.
  func page(_ prefix: String, at position: String?) throws -> RequestResult
  /// What such an answer lists; `nil` where it is no listing.
  func listing(_ answer: StoreResponse) -> BucketPage?
  /// Sends an object, as often as it takes.
  func send(_ putRequest: PutRequest<Object>, _ retrier: inout Retrier) throws -> Reply
  /// Sends a small object in the way that large ones go.
  func sendInParts(_ putRequest: PutRequest<Object>, _ retrier: inout Retrier) throws -> Reply
  /// From how many bytes on files go that way.
  var part: Int { get }
  /// What the answer to an upload says that the store has now.
  func receipt(_ answer: StoreResponse, for content: Object.Content) -> PutResult
  /// Asks once whether the bucket is there.
  func lookAtBucket() throws -> RequestResult
  /// Makes the bucket. Returns the last answer, and what was made, for people.
  func makeBucket(_ retrier: inout Retrier) throws -> (reply: Reply, description: String)
  /// An answer in the store's words, without secrets.
  func words(_ answer: StoreResponse) -> String
  /// What is to be done about a refusal.
  func advice(_ cause: StoreCause, _ answer: StoreResponse, _ purpose: Purpose) -> String
}

extension BucketStore {
  var settings: StoreSettings { gate.settings }

  func looksFirst(bytes: Int) -> Bool { true }

  func noticed(_ name: String, wasThere: Bool, version: String?) {}

  func lookClosely(at name: String) throws -> RequestResult { try look(at: name) }

  /// Sends requests of one kind, about `context`.
  func retrier(
    _ context: String, _ operation: StoreOperation, _ purpose: Purpose = .objects
  ) -> Retrier {
    Retrier(context, operation, gate) { advice($0, $1, purpose) }
  }

  func url(of key: ObjectKey) throws -> String { bucket.url(ofName: try bucket.name(of: key)) }

  func info(at url: String) throws -> ObjectInfo? {
    let name = try bucket.name(at: url)
    return try object(name, { try look(at: $0) })?.info
      ?? object(name, { try lookClosely(at: $0) })?.info
  }

  func put(
    _ file: SourceFile, at key: ObjectKey, metadata: [String: String], overwrite: Bool
  ) throws -> StoredObject {
    let name = try bucket.name(of: key)
    let opened = try file.open()
    let content = try digest(file, opened)
    let isLookedFor =
      overwrite || settings.preconditions == .off || looksFirst(bytes: content.whole.bytes)
    let seen = try isLookedFor ? object(name) : nil
    if let seen {
      noticed(name, wasThere: true, version: seen.version)
      if try isOurs(seen, name, content, opened) { return stored(name, content, as: seen) }
      guard overwrite else {
        throw RecordError.conflict(bucket.url(ofName: name), found: seen.info, content.whole)
      }
    }
    let putRequest = PutRequest(
      name: name, content: content, descriptor: opened.descriptor, seen: seen,
      metadata: allMetadata(metadata, content.whole))
    return try put(putRequest, file, opened)
  }

  private func put(
    _ putRequest: PutRequest<Object>, _ file: SourceFile, _ opened: borrowing RegularFile
  ) throws -> StoredObject {
    let (name, content) = (putRequest.name, putRequest.content)
    let url = bucket.url(ofName: name)
    var retrier = retrier(url, .writing)
    while true {
      let reply = try send(putRequest, &retrier)
      switch reply.kind {
      case .success:
        let receipt = receipt(reply.answer, for: content)
        if case .same(let version, let md5) = receipt {
          noticed(name, wasThere: putRequest.seen != nil, version: version)
          return stored(name, content, version: version, md5: md5)
        }
        // The answer does not prove it; the object itself may.
        let now = try object(name)
        if let now, try isOurs(now, name, content, opened) {
          noticed(name, wasThere: putRequest.seen != nil, version: now.version)
          return stored(name, content, version: now.version, md5: now.info.md5)
        }
        if let changed = try file.changed(opened, since: content.whole) { throw changed }
        if case .other(let words) = receipt, now != nil {
          throw RecordError(.storeRejected, "\(url): \(words)", isRetryable: true)
        }
        retrier.failed("\(words(reply.answer)), which is not the answer to an upload")
      case .changed, .absent:
        // It was there, somebody was quicker, or an answer was lost: perhaps it is the same document.
        noticed(name, wasThere: true, version: nil)
        let now = try object(name)
        if let now, try isOurs(now, name, content, opened) {
          return stored(name, content, as: now)
        }
        throw reply.kind == .absent
          ? failure(reply, url, .objects)
          : RecordError.conflict(url, found: now?.info, content.whole)
      case .damaged:
        throw try file.changed(opened, since: content.whole) ?? failure(reply, url, .objects)
      default: throw failure(reply, url, .objects)
      }
    }
  }

  /// The one judge of whether an object is the content of a file: by checksums where they prove it, else by
  /// reading the object.
  private func isOurs(
    _ object: Object, _ name: String, _ content: Object.Content, _ file: borrowing RegularFile
  ) throws -> Bool {
    if let known = try object.holds(content, of: file) { return known }
    return try self.content(at: bucket.url(ofName: name))?.sha256 == content.whole.sha256
  }

  private func stored(
    _ name: String, _ content: Object.Content, version: String?, md5: String?,
    isSkipped: Bool = false
  ) -> StoredObject {
    let whole = content.whole
    return StoredObject(
      url: bucket.url(ofName: name), bytes: whole.bytes, sha256: whole.sha256,
      md5: whole.md5 ?? md5, crc32c: whole.crc32c, generation: version, isSkipped: isSkipped)
  }

  private func stored(_ name: String, _ content: Object.Content, as found: Object) -> StoredObject {
    stored(name, content, version: found.version, md5: found.info.md5, isSkipped: true)
  }

  /// What an object is told besides its bytes. A name counts once, however it is written: S3 knows no
  /// difference between small and capital letters, and has hyphens for underscores.
  func allMetadata(_ ofDocument: [String: String], _ content: FileDigest) -> [String: String] {
    func plain(_ name: String) -> String { name.lowercased().replacing("_", with: "-") }
    var all = ofDocument
    all["sha256"] = content.sha256
    let taken = Set(all.keys.map(plain))
    for (name, value) in settings.metadata where !taken.contains(plain(name)) { all[name] = value }
    return all
  }

  /// What the store has under a name.
  func object(_ name: String) throws -> Object? { try object(name) { try look(at: $0) } }

  private func object(_ name: String, _ look: (String) throws -> RequestResult) throws -> Object? {
    let operation = bucket.url(ofName: name)
    var retrier = retrier(operation, .reading)
    let reply = try retrier.answer { try look(name).understood { Object($0) != nil } }
    switch reply.kind {
    case .absent: return nil
    case .success: return Object(reply.answer)
    default: throw failure(reply, operation, .objects)
    }
  }

  func create() throws -> String? {
    var retrier = retrier(bucket.root, .bucket, .bucket)
    let found = try retrier.answer(lookAtBucket)
    switch found.kind {
    case .success: return nil
    case .absent, .noBucket: break
    default: throw failure(found, bucket.root, .bucket)
    }
    let made = try makeBucket(&retrier)
    switch made.reply.kind {
    case .success: return made.description
    // Somebody else was quicker. Whether it is ours, the first object will tell.
    case .changed: return nil
    default: throw failure(made.reply, bucket.root, .bucket)
    }
  }
}

/// What an operation is about: it decides what a permission is missing for.
enum Purpose: Sendable {
  case objects, bucket
}
