import Common
import Digest

/// A bucket: what Google's stores and Amazon's have in common. Every upload carries a precondition, so
/// that it may be sent again and can never replace what it has not seen (promise P8).
protocol BucketStore: ObjectStore {
  associatedtype Object: BucketObject

  var bucket: BucketURL { get }
  var settings: StoreSettings { get }

  /// Reads a file once, for SHA-256 and for the checksums that the store compares on arrival.
  func digest(_ file: SourceFile, _ opened: borrowing RegularFile) throws -> Object.Content
  /// Whether it is asked what is under a name before a document of that size is sent there.
  func looksFirst(bytes: Int) -> Bool
  /// Is told of each document whether something was there before it, and, where it was put, as what.
  func noticed(_ name: String, wasThere: Bool, version: String?)
  /// Asks once what is under a name.
  func look(at name: String) throws -> Outcome
  /// Asks once for an object's bytes, which are digested and not kept.
  func read(_ name: String) throws -> Outcome
  /// Removes once what is under a name.
  func remove(_ name: String) throws -> Outcome
  /// Asks once for a page of the listing of names that begin with `prefix`: the first, or the one at
  /// the position that the page before it gave.
  func page(_ prefix: String, at position: String?) throws -> Outcome
  /// What such an answer lists; `nil` where it is no listing.
  func listing(_ answer: Answer) -> BucketPage?
  /// Sends an object, as often as it takes.
  func send(_ shipment: Shipment<Object>, _ patience: inout Patience) throws -> Reply
  /// What the answer to an upload says that the store has now.
  func receipt(_ answer: Answer, for content: Object.Content) -> Receipt
  /// Asks once whether the bucket is there.
  func lookAtBucket() throws -> Outcome
  /// Makes the bucket. Returns the last answer, and what was made, for people.
  func makeBucket(_ patience: inout Patience) throws -> (reply: Reply, description: String)
  /// The error behind an answer that ends an errand.
  func failure(_ reply: Reply, _ errand: String, _ purpose: Purpose) -> any Error
}

extension BucketStore {
  func looksFirst(bytes: Int) -> Bool { true }

  func noticed(_ name: String, wasThere: Bool, version: String?) {}

  func url(of key: ObjectKey) throws -> String { bucket.url(ofName: try bucket.name(of: key)) }

  func info(at url: String) throws -> ObjectInfo? { try object(try bucket.name(at: url))?.info }

  func put(
    _ file: SourceFile, at key: ObjectKey, metadata: [String: String], overwrite: Bool
  ) throws -> StoredObject {
    let name = try bucket.name(of: key)
    let url = bucket.url(ofName: name)
    let opened = try file.open()
    let content = try digest(file, opened)
    let whole = content.whole
    func stored(_ version: String?, _ md5: String?, isSkipped: Bool) -> StoredObject {
      StoredObject(
        url: url, bytes: whole.bytes, sha256: whole.sha256, md5: whole.md5 ?? md5,
        crc32c: whole.crc32c, generation: version, isSkipped: isSkipped)
    }
    let seen = try overwrite || looksFirst(bytes: whole.bytes) ? object(name) : nil
    if let seen {
      noticed(name, wasThere: true, version: seen.version)
      if try seen.holds(content, of: opened) {
        return stored(seen.version, seen.info.md5, isSkipped: true)
      }
      guard overwrite else { throw RecordError.conflict(url, found: seen.info, whole) }
    }
    var all = metadata
    all["sha256"] = whole.sha256
    // S3 knows no difference between small and capital letters in names.
    for (name, value) in settings.metadata
    where !all.keys.contains(where: { $0.lowercased() == name.lowercased() }) {
      all[name] = value
    }
    var patience = Patience(url, settings)
    let reply = try send(
      Shipment(
        name: name, content: content, descriptor: opened.descriptor, seen: seen, metadata: all),
      &patience)
    switch reply.meaning {
    case .success:
      switch receipt(reply.answer, for: content) {
      case .same(let version, let md5):
        noticed(name, wasThere: seen != nil, version: version)
        return stored(version, md5, isSkipped: false)
      case .other(let words):
        throw try file.changed(opened, since: whole)
          ?? RecordError(.storeRejected, "\(url): \(words)", isRetryable: true)
      }
    case .changed, .absent:
      // It was there, somebody was quicker, or an answer was lost: perhaps it is the same document.
      noticed(name, wasThere: true, version: nil)
      let now = try object(name)
      if let now, try now.holds(content, of: opened) {
        return stored(now.version, now.info.md5, isSkipped: true)
      }
      throw reply.meaning == .absent
        ? failure(reply, url, .objects) : RecordError.conflict(url, found: now?.info, whole)
    case .damaged: throw try file.changed(opened, since: whole) ?? failure(reply, url, .objects)
    default: throw failure(reply, url, .objects)
    }
  }

  /// What the store has under a name.
  private func object(_ name: String) throws -> Object? {
    let errand = bucket.url(ofName: name)
    var patience = Patience(errand, settings)
    let reply = try patience.answer { try look(at: name) }
    switch reply.meaning {
    case .absent: return nil
    case .success:
      guard let object = Object(reply.answer) else {
        throw RecordError(.storeUnavailable, "\(errand): the answer describes no object")
      }
      return object
    default: throw failure(reply, errand, .objects)
    }
  }

  func create() throws -> String? {
    var patience = Patience(bucket.root, settings)
    let found = try patience.answer(lookAtBucket)
    switch found.meaning {
    case .success: return nil
    case .absent, .noBucket: break
    default: throw failure(found, bucket.root, .bucket)
    }
    let made = try makeBucket(&patience)
    switch made.reply.meaning {
    case .success: return made.description
    // Somebody else was quicker. Whether it is ours, the first object will tell.
    case .changed: return nil
    default: throw failure(made.reply, bucket.root, .bucket)
    }
  }
}

/// What an errand is about: it decides what a permission is missing for.
enum Purpose: Sendable {
  case objects, bucket
}
