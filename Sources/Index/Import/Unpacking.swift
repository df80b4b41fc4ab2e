import Files
import CZlib
import Common
import Glibc
import Synchronization

/// Lets `body` read what `descriptor` delivers, unpacked where it is gzip (RFC 1952): a thread unpacks
/// into a pipe meanwhile. What is not gzip, by its first two bytes, passes as it is.
///
/// Throws what `body` throws. What it read before the damage counts; that it was not all is reported
/// beside its answer.
package func withUnpacked<T>(
  _ descriptor: Int32, stop: ShutdownSignal? = nil, _ body: (Int32) throws -> T
) throws -> (answer: T, damage: Fatal?) {
  guard let (source, sink) = makePipe() else {
    throw Fatal(.inputOutput, "cannot create a pipe: \(String(cString: strerror(errno)))")
  }
  let failure = Mutex<Fatal?>(nil)
  let unpack = { @Sendable in
    defer { close(sink) }
    do throws(Fatal) {
      let input = InputBytes(descriptor: descriptor, stop: stop, sink: sink)
      var unpacking = Unpacking(input: input, sink: sink)
      try unpacking.run()
    } catch {
      failure.withLock { $0 = error }
    }
  }
  let answer = try withCompanion(unpack) {
    // Closed, so that the other thread ends when the reader is gone.
    defer { close(source) }
    return try body(source)
  }
  return (answer, stop?.isRequested == true ? nil : failure.withLock(\.self))
}

/// Copies or unpacks an input to a pipe, a buffer at a time.
private struct Unpacking {
  private static let magic: [UInt8] = [0x1F, 0x8B]

  var input: InputBytes
  let sink: Int32

  mutating func run() throws(Fatal) {
    while input.rest.count < 2, try input.fill() {}
    if isGzip { try unpack() } else { try copy() }
  }

  private var isGzip: Bool { input.buffer[input.rest].starts(with: Self.magic) }

  private mutating func copy() throws(Fatal) {
    repeat {
      guard try put(Array(input.buffer[input.rest])) else { return }
      input.rest = 0..<0
    } while try input.fill()
  }

  /// Any number of members, as gzip(1) writes and concatenates them; what follows and is none is
  /// passed over, as gzip(1) does.
  private mutating func unpack() throws(Fatal) {
    while isGzip {
      var stream = z_stream()
      guard czlib_gunzip_init(&stream) == Z_OK else {
        throw Fatal(.other, "cannot unpack the input: out of memory")
      }
      defer { inflateEnd(&stream) }
      guard try unpackMember(&stream) else { return }
      while input.rest.count < 2, try input.fill() {}
    }
  }

  /// False when the reader is gone.
  private mutating func unpackMember(_ stream: inout z_stream) throws(Fatal) -> Bool {
    var output = [UInt8](repeating: 0, count: 1 << 17)
    while true {
      if input.rest.isEmpty, try !input.fill() {
        guard input.isWanted else { return false }
        throw Fatal(.inputOutput, "the gzip input is cut off")
      }
      var chunk = Array(input.buffer[input.rest])
      let (status, made) = Self.inflate(&stream, &chunk, &output)
      input.rest = input.rest.upperBound - Int(stream.avail_in)..<input.rest.upperBound
      guard try put(Array(output[..<made])) else { return false }
      switch status {
      case Z_STREAM_END: return true
      case Z_OK, Z_BUF_ERROR: continue
      default: throw Fatal(.inputOutput, "the gzip input is damaged (zlib: \(status))")
      }
    }
  }

  private static func inflate(
    _ stream: inout z_stream, _ chunk: inout [UInt8], _ output: inout [UInt8]
  ) -> (status: Int32, made: Int) {
    chunk.withUnsafeMutableBufferPointer { source in
      output.withUnsafeMutableBufferPointer { sink in
        stream.next_in = source.baseAddress
        stream.avail_in = UInt32(source.count)
        stream.next_out = sink.baseAddress
        stream.avail_out = UInt32(sink.count)
        let status = CZlib.inflate(&stream, Z_NO_FLUSH)
        return (status, sink.count - Int(stream.avail_out))
      }
    }
  }

  private func put(_ bytes: [UInt8]) throws(Fatal) -> Bool {
    switch writeAll(bytes, to: sink) {
    case 0: return true
    case EPIPE: return false
    case let failure:
      throw Fatal(.inputOutput, "cannot unpack the input: \(String(cString: strerror(failure)))")
    }
  }
}
