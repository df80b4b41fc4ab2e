import Common
import Crypto
import Foundation
import Support
import Synchronization

/// A bucket of S3 in small, which refuses what a test wants refused, and lists as some stores do.
final class SmallBucket: Sendable {
  /// How its listing writes names.
  enum Listing: Sendable, CaseIterable {
    /// Encoded, and it says so.
    case encoded
    /// As XML has them, though it says that they are encoded.
    case untrue
    /// As XML has them, and it says nothing.
    case silent
  }

  private final class State: Sendable { let objects = Mutex<[String: [UInt8]]>([:]) }

  private let state: State
  private let server: StoreServer
  let received: Received

  final class Received: Sendable { let heads = Mutex<[[String: String]]>([]) }

  /// - Parameters:
  ///   - listing: how it lists.
  ///   - lastPage: after how many objects it says that there are no more.
  ///   - refuse: what is answered instead; `nil` where the request is granted.
  init(
    _ listing: Listing = .encoded, lastPage: Int = .max,
    refuse: @escaping @Sendable (Support.Received) -> Reaction? = { _ in nil }
  ) throws {
    let state = State()
    let received = Received()
    self.state = state
    self.received = received
    server = try StoreServer { request in
      received.heads.withLock { $0.append(request.headers) }
      let reaction =
        refuse(request)
        ?? state.objects.withLock { Self.react(request, &$0, listing, lastPage) }
      // A HEAD never has a body.
      guard request.method == "HEAD", case .answer(let status, let headers, _) = reaction else {
        return reaction
      }
      return .answer(status, headers)
    }
  }

  /// Takes objects without being asked over the network.
  func fill(_ objects: [String: [UInt8]]) {
    state.objects.withLock { $0.merge(objects) { $1 } }
  }

  /// Objects by the names that they were put under.
  var objects: [String: [UInt8]] { state.objects.withLock { $0 } }

  func environment(token: String = "canary-token") -> [String: String] {
    [
      "AWS_ENDPOINT_URL": server.url, "AWS_ACCESS_KEY_ID": "AKID",
      "AWS_SECRET_ACCESS_KEY": "canary-secret", "AWS_SESSION_TOKEN": token,
    ]
  }

  static func error(_ status: Int, _ code: String, _ more: String = "") -> Reaction {
    .answer(
      status, [:], Array("<Error><Code>\(code)</Code><Message>m</Message>\(more)</Error>".utf8))
  }

  private static func react(
    _ request: Support.Received, _ objects: inout [String: [UInt8]], _ listing: Listing,
    _ lastPage: Int
  ) -> Reaction {
    let name = String((request.path.removingPercentEncoding ?? "").dropFirst("/bucket/".count))
    func etag(_ content: [UInt8]) -> [String: String] {
      var digest = Digest(.md5)
      content.withUnsafeBytes { digest.update($0) }
      return ["ETag": "\"\(Digest.hex(digest.finish()))\""]
    }
    switch request.method {
    case "GET" where request.query("list-type") != nil:
      return list(request, objects, listing, lastPage, etag)
    case "GET", "HEAD":
      guard let content = objects[name] else { return error(404, "NoSuchKey") }
      let size = ["Content-Length": "\(content.count)"]
      return .answer(200, etag(content).merging(size) { $1 }, content)
    case "PUT":
      objects[name] = request.body
      return .answer(200, etag(request.body))
    case "DELETE":
      objects[name] = nil
      return .answer(204)
    default: return error(405, "MethodNotAllowed")
    }
  }

  private static func list(
    _ request: Support.Received, _ objects: [String: [UInt8]], _ listing: Listing,
    _ lastPage: Int, _ etag: ([UInt8]) -> [String: String]
  ) -> Reaction {
    let prefix = request.query("prefix")?.removingPercentEncoding ?? ""
    let start = request.query("start-after")?.removingPercentEncoding ?? ""
    let all = objects.keys.filter { $0.hasPrefix(prefix) }
      .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }.prefix(lastPage)
    let rest = all.drop { !start.utf8.lexicographicallyPrecedes($0.utf8) }
    let names = rest.prefix(1000)
    let contents = names.map { name -> String in
      let tag = etag(objects[name] ?? [])["ETag"] ?? ""
      let key =
        listing == .encoded
        ? Format.percentEncoded(name).replacing("%2F", with: "/")
        : name.replacing("&", with: "&amp;")
      return "<Contents><Key>\(key)</Key><Size>\(objects[name]?.count ?? 0)</Size>"
        + "<ETag>\(tag)</ETag></Contents>"
    }
    let coding = listing == .silent ? "" : "<EncodingType>url</EncodingType>"
    return .answer(
      200, [:],
      Array(
        ("<ListBucketResult>\(coding)<IsTruncated>\(rest.count > names.count)</IsTruncated>\(contents.joined())"
          + "</ListBucketResult>").utf8))
  }
}
