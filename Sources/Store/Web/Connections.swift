import Common
import Crypto
import Synchronization
import HTTP

/// The connections to a store, kept open and used by one thread at a time: taken from the idle for
/// one exchange, and put back. There are never more than threads that send at the same time.
final class Connections: Sendable {
  /// The thread that took a connection off the idle is alone with it, so its lock is never waited for: it
  /// only proves to the compiler what the idle sees to.
  private final class Connection: Sendable {
    let transfer: Mutex<Transfer>

    init(_ settings: TransferSettings) throws(TransferError) {
      transfer = Mutex(try Transfer(settings))
    }
  }

  private let settings: TransferSettings
  private let idle = Mutex<[Connection]>([])

  /// Times in seconds; `proxy` as in ``TransferSettings``.
  init(connectTimeout: Double = 30, totalTimeout: Double = 600, proxy: String? = nil) {
    var settings = TransferSettings()
    settings.connectTimeout = connectTimeout
    settings.totalTimeout = totalTimeout
    settings.proxy = proxy
    // What is kept has a limit of its own; what is only digested needs none.
    settings.maximumBody = .max
    // A body is sent faster over HTTP/1.1, which has no window of its own besides TCP's.
    settings.usesHTTP2 = false
    self.settings = settings
  }

  /// Sends one request once. With `digesting`, the body of a good answer is digested, not kept.
  func send(
    _ request: Request, digesting: Bool = false
  ) throws(TransferError) -> StoreResponse {
    let kept = idle.withLock { $0.popLast() }
    let connection = if let kept { kept } else { try Connection(settings) }
    defer { idle.withLock { $0.append(connection) } }
    return try connection.transfer.withLock { transfer throws(TransferError) in
      if digesting {
        let sink = DigestingSink()
        let response = try transfer.send(request, into: sink)
        return StoreResponse(head: response.head, body: sink.kept.bytes, content: sink.content())
      }
      let sink = Collector()
      let response = try transfer.send(request, into: sink)
      return StoreResponse(head: response.head, body: sink.bytes)
    }
  }
}

/// What a store answered.
struct StoreResponse: Sendable {
  let head: ResponseHead
  let body: [UInt8]
  /// What the body was, where it was digested.
  var content: ObjectInfo?

  var status: Int { head.status }

  /// Whether the body is a page for people: no store answers with one, but proxies, portals that want a
  /// log-in, and servers of other things do.
  var isPage: Bool {
    let start = String(decoding: body.prefix(512), as: UTF8.self).lowercased()
    guard start.first(where: { !$0.isWhitespace && $0 != "\u{FEFF}" }) == "<" else { return false }
    return start.contains("<html") || start.contains("<!doctype html")
  }

  /// What a page that is not the store's asks for: a proxy that takes no body of a document's size says so of that
  /// document, and anything else says nothing about documents.
  static func `class`(ofPage status: Int) -> ResponseClass {
    status == 413 ? .unfit : .refused(.foreign)
  }

  /// What such a proxy means.
  static let proxyLimit =
    "a proxy on the way takes no body of this size (nginx: client_max_body_size)"
}

final class Collector: BodySink {
  /// Answers are descriptions of objects, pages of them, and errors.
  private static let maximum = 4 << 20

  private(set) var bytes: [UInt8] = []

  func begin(_ head: ResponseHead) -> Bool { true }

  func receive(_ chunk: UnsafeRawBufferPointer) -> Bool {
    guard bytes.count + chunk.count <= Self.maximum else { return false }
    bytes.append(contentsOf: chunk)
    return true
  }
}

/// Takes the bytes of an object for their size and checksums alone, and those of an error as they are.
final class DigestingSink: BodySink {
  let kept = Collector()
  private var sha256 = Digest(.sha256)
  private var md5 = Digest(.md5)
  private var bytes = 0
  private var isGood = false

  func begin(_ head: ResponseHead) -> Bool {
    isGood = (200..<300).contains(head.status)
    return true
  }

  func receive(_ chunk: UnsafeRawBufferPointer) -> Bool {
    guard isGood else { return kept.receive(chunk) }
    sha256.update(chunk)
    md5.update(chunk)
    bytes += chunk.count
    return true
  }

  /// What came; `nil` where it was an error. Asked for once, at the end.
  func content() -> ObjectInfo? {
    guard isGood else { return nil }
    let digests = (exchange(&sha256, .sha256).hex(), exchange(&md5, .md5).hex())
    return ObjectInfo(bytes: bytes, sha256: digests.0, md5: digests.1)
  }

  /// Ending a checksum takes it away, and a class may not be left without it.
  private func exchange(_ digest: inout Digest, _ kind: Digest.Algorithm) -> Digest {
    var other = Digest(kind)
    swap(&digest, &other)
    return other
  }
}
