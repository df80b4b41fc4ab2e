import Common
import Crypto
import HTTP

/// What a resumable upload does next: a function of an answer and of what was known before.
/// https://cloud.google.com/storage/docs/performing-resumable-uploads
enum ResumableStep: Sendable, Equatable {
  /// The store has all bytes before this one.
  case goOn(from: Int)
  /// The object is there.
  case finished
  /// The session is gone, or says what cannot be: begin again.
  case beginAgain
  /// It ends, for a reason that is not the session's.
  case end

  /// - Parameters:
  ///   - range: the `Range` field; without one, the store has nothing.
  ///   - total: bytes of the file.
  init(_ kind: ResponseClass, range: String?, total: Int) {
    switch kind {
    case .success: self = .finished
    case .absent: self = .beginAgain
    case .incomplete:
      guard let range else {
        self = .goOn(from: 0)
        return
      }
      let parts = range.split(separator: "-", omittingEmptySubsequences: false)
      guard parts.count == 2, parts[0] == "bytes=0", let last = Int(parts[1]), last >= 0,
        last < total
      else {
        self = .beginAgain
        return
      }
      self = .goOn(from: last + 1)
    default: self = .end
    }
  }
}

/// An upload in chunks that survives broken connections. After any trouble the store is asked how far
/// it has come before anything is sent again, for only it knows.
struct ResumableUpload {
  /// A session that is lost is begun again so often.
  static let maximumRestarts = 2

  let service: GoogleService
  let operation: String
  let url: WebURL
  let description: [UInt8]
  let contentType: String
  let descriptor: Int32
  let total: Int
  /// Bytes that are sent with one request.
  let chunk: Int

  /// Sends all. The answer is the last one: with the object, or with why there is none.
  func run(_ retrier: inout Retrier) throws -> Reply {
    for _ in 0...Self.maximumRestarts {
      let session: WebURL
      switch try begin(&retrier) {
      case .success(let url): session = url
      case .failure(let ended): return ended.reply
      }
      if let last = try send(to: session, &retrier) { return last }
    }
    throw RecordError(
      .storeUnavailable,
      "\(operation): the upload's session was lost \(Self.maximumRestarts + 1) times")
  }

  private struct Ended: Error {
    let reply: Reply
  }

  private func begin(_ retrier: inout Retrier) throws -> Result<WebURL, Ended> {
    var request = Request(url)
    request.method = "POST"
    request.headers = [
      ("Content-Type", "application/json; charset=UTF-8"),
      ("X-Upload-Content-Type", contentType), ("X-Upload-Content-Length", "\(total)"),
    ]
    request.body = RequestBody([.bytes(description)])
    let reply = try retrier.answer { try service.send(request, for: operation) }
    guard reply.kind == .success else { return .failure(Ended(reply: reply)) }
    guard let location = reply.answer.head.header("Location"),
      let session = WebURL(location, relativeTo: url)
    else {
      throw RecordError(
        .storeRejected, "\(operation): the store began an upload without saying where",
        isRetryable: true)
    }
    return .success(session)
  }

  /// `nil` where the session is lost.
  private func send(to session: WebURL, _ retrier: inout Retrier) throws -> Reply? {
    var confirmed = 0
    var isSure = true
    while true {
      let request = isSure ? chunk(at: confirmed, session) : inquiry(session)
      guard let reply = try retrier.attempt({ try service.send(request, for: operation) }) else {
        isSure = false
        continue
      }
      let range = reply.answer.head.header("Range")
      switch ResumableStep(reply.kind, range: range, total: total) {
      case .finished, .end: return reply
      case .beginAgain: return nil
      case .goOn(let next):
        if next > confirmed {
          retrier.progressed()
        } else if isSure {
          retrier.failed("the store accepted none of the data")
        }
        confirmed = next
        isSure = true
      }
    }
  }

  private func chunk(at offset: Int, _ session: WebURL) -> Request {
    let count = min(chunk, total - offset)
    var request = Request(session)
    request.method = "PUT"
    // When the store has every byte and yet no object, an empty last chunk ends the upload.
    let range = count > 0 ? "\(offset)-\(offset + count - 1)" : "*"
    request.headers = [("Content-Range", "bytes \(range)/\(total)")]
    request.body = RequestBody([.file(descriptor: descriptor, offset: offset, count: count)])
    return request
  }

  private func inquiry(_ session: WebURL) -> Request {
    var request = Request(session)
    request.method = "PUT"
    request.headers = [("Content-Range", "bytes */\(total)")]
    return request
  }
}
