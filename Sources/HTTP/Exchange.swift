import CCurl
import Glibc

/// Where libcurl's callbacks find the request that is under way, if one is.
final class CurrentExchange {
  var exchange: Exchange?
}

/// One request under way: what libcurl's callbacks read and write, in the thread of the transfer
/// alone.
final class Exchange {
  let sink: any BodySink
  let addresses: AddressRule
  let maximumBody: Int
  let maximumHeaders: Int
  let shouldStop: @Sendable () -> Bool
  let mayStart: () -> Bool
  private let didSend: () -> Void
  /// What is still to be sent.
  var outgoing = BodyReader(RequestBody())

  private(set) var head = ResponseHead()
  private(set) var received = 0
  /// Why a callback ended the transfer; says more than libcurl's code for that.
  private(set) var failure: TransferError?
  private var starts = 0
  private var isSent = false
  private var headerBytes = 0
  private var hasBegun = false

  init(
    sink: any BodySink, addresses: AddressRule, maximumBody: Int, maximumHeaders: Int,
    shouldStop: @escaping @Sendable () -> Bool, didSend: @escaping () -> Void,
    mayStart: @escaping () -> Bool
  ) {
    self.sink = sink
    self.addresses = addresses
    self.maximumBody = maximumBody
    self.maximumHeaders = maximumHeaders
    self.shouldStop = shouldStop
    self.didSend = didSend
    self.mayStart = mayStart
  }

  /// The request is about to be sent. Once: libcurl would send it again by itself when a kept connection
  /// turns out to be broken, and nobody would have asked the limiter.
  func start() -> Bool {
    starts += 1
    if starts == 1 {
      guard !mayStart() else { return true }
      failure = TransferError(CURLE_ABORTED_BY_CALLBACK, detail: "", kind: .notStarted)
      return false
    }
    failure = TransferError(
      CURLE_RECV_ERROR, detail: "the server closed the connection instead of answering")
    return false
  }

  /// Whether there was a connection on which the request could be sent.
  var hadConnection: Bool { starts > 0 }

  /// Whether the request was sent, and its answer has not come to its body yet.
  var isReadingHeaders: Bool { hadConnection && !hasBegun }

  /// libcurl has come a step further. The first time after ``start()`` the head of the request is with the
  /// system (multi_runsingle in lib/multi.c reports after each of its states, and one of them asks, and sends).
  func advance() {
    guard hadConnection, !isSent else { return }
    isSent = true
    didSend()
  }

  /// Takes one header line, the status line and the empty one at the end included.
  func receive(header bytes: UnsafeRawBufferPointer) -> Bool {
    headerBytes += bytes.count
    guard headerBytes <= maximumHeaders else {
      failure = TransferError(
        CURLE_FILESIZE_EXCEEDED, detail: "the headers are larger than \(maximumHeaders) bytes")
      return false
    }
    if bytes.starts(with: "HTTP/".utf8) {
      // Each status line begins an answer; 1xx answers come before the one that counts.
      head = ResponseHead(statusLine: bytes)
    } else {
      head.add(line: bytes)
    }
    return true
  }

  /// The headers are complete; called again for each chunk of the body.
  func begin() -> Bool {
    if hasBegun { return true }
    hasBegun = true
    return sink.begin(head)
  }

  func receive(body bytes: UnsafeRawBufferPointer) -> Bool {
    received += bytes.count
    guard received <= maximumBody else {
      failure = TransferError(
        CURLE_FILESIZE_EXCEEDED, detail: "the body is larger than \(maximumBody) bytes")
      return false
    }
    return begin() && sink.receive(bytes)
  }

  /// Fills a buffer with what comes next of the request's body; `nil` ends the transfer.
  func fill(_ buffer: UnsafeMutableRawBufferPointer) -> Int? {
    do throws(TransferError) { return try outgoing.read(into: buffer) } catch {
      failure = error
      return nil
    }
  }

  /// socket(2) failed; without descriptors or memory that is no trouble of the network.
  func noSocket(_ code: Int32) {
    guard [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(code) else { return }
    failure = TransferError(
      CURLE_COULDNT_CONNECT, detail: "cannot open a socket: \(String(cString: strerror(code)))",
      kind: .local)
  }

  /// Whether a connection to that address may be opened.
  func allows(_ raw: UnsafeRawPointer) -> Bool {
    let bytes: [UInt8]
    switch Int32(raw.loadUnaligned(as: sockaddr.self).sa_family) {
    case AF_INET:
      let v4 = raw.loadUnaligned(as: sockaddr_in.self)
      bytes = withUnsafeBytes(of: v4.sin_addr) { Array($0) }
    case AF_INET6:
      let v6 = raw.loadUnaligned(as: sockaddr_in6.self)
      bytes = withUnsafeBytes(of: v6.sin6_addr) { Array($0) }
    default: bytes = []
    }
    if addresses.allows(bytes) { return true }
    failure = TransferError(
      CURLE_COULDNT_CONNECT, detail: "the host's address is not one of the public internet",
      kind: .blocked)
    return false
  }
}

private func exchange(_ context: UnsafeMutableRawPointer?) -> Exchange? {
  guard let context else { return nil }
  return Unmanaged<CurrentExchange>.fromOpaque(context).takeUnretainedValue().exchange
}

// A callback that answers with another number than the bytes it was given ends the transfer.

let receiveHeader: conveyor_data_function = { data, size, count, context in
  let bytes = UnsafeRawBufferPointer(start: data, count: size * count)
  return exchange(context)?.receive(header: bytes) == true ? bytes.count : 0
}

let receiveBody: conveyor_data_function = { data, size, count, context in
  let bytes = UnsafeRawBufferPointer(start: data, count: size * count)
  if bytes.isEmpty { return 0 }
  return exchange(context)?.receive(body: bytes) == true ? bytes.count : 0
}

/// CURLOPT_READFUNCTION(3).
let sendBody: conveyor_data_function = { data, size, count, context in
  let buffer = UnsafeMutableRawBufferPointer(start: data, count: size * count)
  return exchange(context)?.fill(buffer) ?? Int(CURL_READFUNC_ABORT)
}

let reportProgress: conveyor_progress_function = { context, _, _, _, _ in
  guard let exchange = exchange(context) else { return 0 }
  exchange.advance()
  return exchange.shouldStop() ? 1 : 0
}

/// CURLOPT_PREREQFUNCTION(3): called when a connection is there, before the request is sent on it.
let startRequest: conveyor_start_function = { context, _, _, _, _ in
  exchange(context)?.start() == true ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT
}

/// CURLOPT_OPENSOCKETFUNCTION(3): called with the resolved address, before connecting.
let openSocket: conveyor_socket_function = { context, _, address in
  guard let address, let exchange = exchange(context),
    let offset = MemoryLayout<curl_sockaddr>.offset(of: \.addr)
  else { return -1 }
  // The struct ends with the shortest kind of address; the memory behind it holds the longer ones.
  guard exchange.allows(UnsafeRawPointer(address) + offset) else { return -1 }
  let type = address.pointee.socktype | Int32(SOCK_CLOEXEC.rawValue)
  let descriptor = socket(address.pointee.family, type, address.pointee.`protocol`)
  if descriptor < 0 { exchange.noSocket(errno) }
  return descriptor
}
