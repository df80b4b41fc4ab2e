import Common
import HTTP

/// A command with its arguments.
package struct RedisCommand: Sendable {
  /// As it is sent.
  private(set) var bytes: [UInt8]

  /// A command of words and bytes.
  package init(_ arguments: [[UInt8]]) {
    bytes = Array("*\(arguments.count)\r\n".utf8)
    for argument in arguments {
      bytes += "$\(argument.count)\r\n".utf8
      bytes += argument
      bytes += "\r\n".utf8
    }
  }

  package init(_ words: String...) { self.init(words.map { Array($0.utf8) }) }

  /// A script with the keys that it touches. Its text is sent each time: the server knows a script by it, and it
  /// costs less than asking again where the server has forgotten its sum (NOSCRIPT).
  package static func script(
    _ text: String, keys: [String], _ arguments: [[UInt8]]
  ) -> RedisCommand {
    RedisCommand(
      ["EVAL", text, String(keys.count)].map { Array($0.utf8) } + keys.map { Array($0.utf8) }
        + arguments)
  }
}

/// One connection to Redis, for one thread at a time: not `Sendable`, so the compiler holds it to that.
package final class RedisConnection: PooledConnection {
  private let connection: ByteConnection
  private var reader = ReplyReader()
  /// False once it is known that the connection is broken.
  package private(set) var isAlive = true
  /// The name of this start of the server: another one with each start, and with each server.
  package private(set) var run = ""
  /// What keeps the server from being relied on; `nil` where nothing does.
  package private(set) var evicts: String?
  /// Whether what the server has outlives it.
  package private(set) var isPersistent = true

  /// So long a reply may take that waits for nothing, in seconds.
  private static let patience = 10.0

  /// Connects, says who asks, and asks what the server is, within `timeout` seconds for each.
  package init(_ settings: RedisSettings, timeout: Double) throws(RedisError) {
    do throws(TransferError) {
      connection = try ByteConnection(settings.endpoint, timeout: timeout)
    } catch { throw RedisError(error) }
    if let password = settings.password {
      let user = settings.user.map { [$0] } ?? []
      let words = ["AUTH"] + user + [password.reveal()]
      try ask([RedisCommand(words.map { Array($0.utf8) })], timeout: timeout)
    }
    if settings.database != 0 {
      try ask([RedisCommand("SELECT", String(settings.database))], timeout: timeout)
    }
    try examine(try ask([RedisCommand("INFO")], timeout: timeout)[0].string ?? "")
  }

  private func examine(_ text: String) throws(RedisError) {
    var info: [Substring: Substring] = [:]
    for line in text.split(whereSeparator: \.isNewline) {
      let pair = line.split(separator: ":", maxSplits: 1)
      if pair.count == 2 { info[pair[0]] = pair[1] }
    }
    guard let run = info["run_id"], info["role"] != nil else {
      throw RedisError(reply: "ERR the server does not say what it is (INFO: run_id, role)")
    }
    guard info["role"] == "master" else {
      throw RedisError(reply: "READONLY the server is a replica")
    }
    self.run = String(run)
    isPersistent = info["aof_enabled"] == "1"
    if let policy = info["maxmemory_policy"], policy != "noeviction",
      info["maxmemory"].map({ $0 != "0" }) ?? false
    {
      evicts = String(policy)
    }
  }

  /// Sends commands together, and returns their replies in the same order. The first reply that is an error is
  /// thrown, once all are read. `timeout` is for all of them, in seconds; a command that waits for something needs
  /// more than it waits.
  @discardableResult
  package func ask(
    _ commands: [RedisCommand], timeout: Double? = nil
  ) throws(RedisError) -> [RedisReply] {
    let replies = try replies(to: commands, timeout: timeout)
    for case .error(let text) in replies {
      let error = RedisError(reply: text)
      if error.endsConnection { isAlive = false }
      throw error
    }
    return replies
  }

  /// The same; a reply that is an error is one among the others.
  package func replies(
    to commands: [RedisCommand], timeout: Double? = nil
  ) throws(RedisError) -> [RedisReply] {
    let deadline = Time.monotonic() + Int64((timeout ?? Self.patience) * 1e9)
    // What breaks in the middle leaves replies behind that belong to nobody.
    isAlive = false
    do {
      try connection.send(commands.flatMap(\.bytes), until: deadline)
      var replies: [RedisReply] = []
      while replies.count < commands.count {
        guard let reply = try reader.next() else {
          try reader.fill { buffer throws(TransferError) in
            try connection.receive(into: &buffer, until: deadline)
          }
          continue
        }
        replies.append(reply)
      }
      isAlive = true
      return replies
    } catch let error as TransferError {
      throw RedisError(error)
    } catch let error as ReplyReader.Malformed {
      throw RedisError(error)
    } catch {
      throw RedisError(reply: "ERR \(Format.reason(error))")
    }
  }
}
