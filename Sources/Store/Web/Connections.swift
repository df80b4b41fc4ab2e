import Common
import Synchronization
import Transfer

/// The connections to a store, kept open and used by one thread at a time: taken from the shelf for
/// one exchange, and put back. There are never more than threads that send at the same time.
final class Connections: Sendable {
  /// Whoever took a connection off the shelf is alone with it, so its lock is never waited for: it
  /// only proves to the compiler what the shelf sees to.
  private final class Connection: Sendable {
    let transfer: Mutex<Transfer>

    init(_ settings: TransferSettings) throws(TransferError) {
      transfer = Mutex(try Transfer(settings))
    }
  }

  private let settings: TransferSettings
  private let shelf = Mutex<[Connection]>([])

  init() {
    var settings = TransferSettings()
    // Answers are descriptions of objects and errors, a few kilobytes each.
    settings.maximumBody = 4 << 20
    // A body is sent faster over HTTP/1.1, which has no window of its own besides TCP's.
    settings.usesHTTP2 = false
    self.settings = settings
  }

  /// Sends one request once.
  func send(_ request: Request) throws(TransferError) -> Answer {
    let kept = shelf.withLock { $0.popLast() }
    let connection = if let kept { kept } else { try Connection(settings) }
    defer { shelf.withLock { $0.append(connection) } }
    return try connection.transfer.withLock { transfer throws(TransferError) in
      let sink = Collector()
      let response = try transfer.send(request, into: sink)
      return Answer(head: response.head, body: sink.bytes)
    }
  }
}

/// What a store answered.
struct Answer: Sendable {
  let head: ResponseHead
  let body: [UInt8]

  var status: Int { head.status }
}

private final class Collector: BodySink {
  private(set) var bytes: [UInt8] = []

  func begin(_ head: ResponseHead) -> Bool { true }

  func receive(_ piece: UnsafeRawBufferPointer) -> Bool {
    bytes.append(contentsOf: piece)
    return true
  }
}
