import Glibc
import Synchronization

/// An HTTP server whose every byte a test decides: for faults that no well-behaved server can make.
/// Listens on a free port of the loopback interface; ends with its owner.
package final class ScriptedServer: Sendable {
  /// What the server does in answer to a request, step by step.
  package enum Step: Sendable {
    /// Sends text as it is.
    case send(String)
    /// Sends bytes as they are.
    case sendBytes([UInt8])
    /// Sends the same bytes again and again until the client goes away.
    case sendForever([UInt8])
    /// Sends one byte after the other, so many seconds apart.
    case drip([UInt8], every: Double)
    /// Does nothing until the client goes away.
    case stall
    /// Ends the connection in order.
    case close
    /// Ends the connection with a reset.
    case reset
  }

  /// Answers a request, given its head, with its body behind it, and its number (from 1).
  package typealias Script = @Sendable (_ head: String, _ number: Int) -> [Step]

  /// What the threads of the connections share.
  private final class Shared: Sendable {
    let script: Script
    let heads = Mutex<[String]>([])

    init(_ script: @escaping Script) { self.script = script }

    func serve(_ connection: Int32) {
      while var head = LoopbackListener.head(connection) {
        head += LoopbackListener.body(connection, after: head)
        let number = heads.withLock { heads in
          heads.append(head)
          return heads.count
        }
        for step in script(head, number) {
          guard ScriptedServer.perform(step, connection) else { return }
        }
      }
    }
  }

  private let listener: LoopbackListener
  private let shared: Shared

  /// Starts a server.
  package init(_ script: @escaping Script) throws {
    let shared = Shared(script)
    self.shared = shared
    listener = try LoopbackListener { shared.serve($0) }
  }

  /// Where it listens: `http://127.0.0.1:PORT`.
  package var url: String { listener.url }

  /// The heads of all requests so far, in order, each with its body.
  package var requests: [String] { shared.heads.withLock { $0 } }

  /// False when the connection is over.
  private static func perform(_ step: Step, _ connection: Int32) -> Bool {
    switch step {
    case .send(let text): return LoopbackListener.send(Array(text.utf8), connection)
    case .sendBytes(let bytes): return LoopbackListener.send(bytes, connection)
    case .sendForever(let bytes):
      while LoopbackListener.send(bytes, connection) {}
      return false
    case .drip(let bytes, let seconds):
      for byte in bytes {
        guard LoopbackListener.send([byte], connection), !clientLeaves(connection, within: seconds)
        else {
          return false
        }
      }
      return true
    case .stall:
      while !clientLeaves(connection, within: 1) {}
      return false
    case .close: return false
    case .reset:
      LoopbackListener.resetOnClose(connection)
      return false
    }
  }

  private static func clientLeaves(_ connection: Int32, within seconds: Double) -> Bool {
    var descriptor = pollfd(fd: connection, events: Int16(POLLIN), revents: 0)
    guard poll(&descriptor, 1, Int32(seconds * 1000)) > 0 else { return false }
    var byte: UInt8 = 0
    return recv(connection, &byte, 1, Int32(MSG_PEEK)) <= 0
  }
}
