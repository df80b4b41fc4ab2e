import Files
import Common
import Foundation
import Synchronization
import Testing

/// The root of the source tree, seen from this file.
let sourceTree = URL(fileURLWithPath: #filePath)
  .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path

func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

/// Two ends of a pipe, or of a packet socket, each closed at most once, at the latest with it.
final class Ends: Sendable {
  private let open: Mutex<(read: Bool, write: Bool)> = Mutex((true, true))
  let reader: Int32
  let writer: Int32

  /// A pipe.
  init() {
    var ends: [Int32] = [-1, -1]
    precondition(pipe(&ends) == 0, "no pipe")
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    (reader, writer) = (ends[0], ends[1])
  }

  /// A connection on which each read(2) delivers what one write(2) put in, and no more: the chunks
  /// that a reader sees are the test's to choose (socket(2), SOCK_SEQPACKET).
  init(packets: Void) {
    var ends: [Int32] = [-1, -1]
    let type = Int32(SOCK_SEQPACKET.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    precondition(socketpair(AF_UNIX, type, 0, &ends) == 0, "no socket pair")
    (reader, writer) = (ends[0], ends[1])
  }

  deinit {
    closeReader()
    closeWriter()
  }

  func closeReader() {
    if open.withLock({ ends in exchange(&ends.read) }) { close(reader) }
  }

  func closeWriter() {
    if open.withLock({ ends in exchange(&ends.write) }) { close(writer) }
  }

  private func exchange(_ value: inout Bool) -> Bool {
    defer { value = false }
    return value
  }

  func send(_ chunk: [UInt8]) { #expect(writeAll(chunk, to: writer) == 0) }

  /// Everything up to the end of the input.
  func receiveAll() -> [UInt8] {
    var all: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while case let count = read(reader, &buffer, buffer.count), count > 0 {
      all += buffer[..<count]
    }
    return all
  }

  func receiveLines() -> [String] {
    text(receiveAll()).split(separator: "\n", omittingEmptySubsequences: false).dropLast()
      .map(String.init)
  }
}

/// Runs two bodies at the same time and waits for both.
func together(_ first: @Sendable () -> Void, _ second: @Sendable () -> Void) {
  withThreads(2) { number in if number == 1 { first() } else { second() } }
}
