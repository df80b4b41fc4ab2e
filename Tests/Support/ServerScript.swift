import Glibc
import Synchronization
import Testing

/// A server of the tests' own, kept by a script beside this file that starts it, obeys orders, and removes
/// everything when the tests end in whatever way.
package final class ServerScript: Sendable {
  /// Where its data and its socket are.
  package let directory: String
  private let pipes: Mutex<(commands: Int32, answers: Int32)>

  /// Starts `script` with arguments, and waits until its server takes connections.
  package init(_ script: String, _ arguments: [String]) throws {
    var input: [Int32] = [-1, -1]
    var output: [Int32] = [-1, -1]
    let arePipes = pipe(&input) == 0 && pipe(&output) == 0
    try #require(arePipes)
    for end in input + output { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    defer { for end in [input[0], output[1]] { close(end) } }
    try Self.spawn(script, arguments, input: input[0], output: output[1])
    pipes = Mutex((input[1], output[0]))
    let answer = Self.line(output[0])
    try #require(answer.hasPrefix("ready "), "the server did not start: \(answer)")
    directory = String(answer.dropFirst(6))
  }

  deinit {
    pipes.withLock { pipes in
      close(pipes.commands)
      close(pipes.answers)
    }
  }

  /// Gives an order, and waits until it is done: `stop`, at once and without ceremony, or `start`.
  package func order(_ command: String) {
    pipes.withLock { pipes in
      _ = "\(command)\n".withCString { write(pipes.commands, $0, strlen($0)) }
      _ = Self.line(pipes.answers)
    }
  }

  private static func spawn(
    _ script: String, _ arguments: [String], input: Int32, output: Int32
  ) throws {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO)
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO)
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0)
    let folder = #filePath.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" }
    let words = ["sh", "\(folder)/\(script)"] + arguments
    var vector: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
    defer { for word in vector { free(word) } }
    var process: pid_t = 0
    let status = posix_spawn(&process, "/bin/sh", &actions, nil, &vector, environ)
    try #require(status == 0)
  }

  private static func line(_ descriptor: Int32) -> String {
    var bytes: [UInt8] = []
    var byte: UInt8 = 0
    while read(descriptor, &byte, 1) == 1, byte != UInt8(ascii: "\n") { bytes.append(byte) }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// A port of the loopback interface on which nobody listens.
  package static func freePort() throws -> Int {
    let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(socket) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isBound = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(socket, $0, size) == 0 && getsockname(socket, $0, &size) == 0
      }
    }
    try #require(isBound)
    return Int(UInt16(bigEndian: address.sin_port))
  }
}

/// What a program of the shell's answers, line by line. Fails where it does.
package func answer(of command: String) throws -> [String] {
  let pipe = try #require(popen(command, "r"))
  var output: [UInt8] = []
  var buffer = [UInt8](repeating: 0, count: 4096)
  while case let count = fread(&buffer, 1, buffer.count, pipe), count > 0 {
    output += buffer.prefix(count)
  }
  try #require(pclose(pipe) == 0, "\(command) fails")
  return String(decoding: output, as: UTF8.self)
    .split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).dropLast()
    .map(String.init)
}
