import CCurl
import Common
import Glibc

/// A connection that libcurl makes, over TCP, TLS or a Unix socket, and that then carries bytes of another protocol
/// than its own (CURLOPT_CONNECT_ONLY(3)). For one thread at a time.
package final class ByteConnection {
  /// Where to, and whom to trust.
  package struct Endpoint: Sendable {
    /// A name or an address; IPv6 in brackets.
    package var host: String
    package var port: Int
    /// Whether bytes go through TLS; certificates are always verified.
    package var usesTLS = false
    /// A socket in the file system, in place of host and port.
    package var unixSocket: String?
    /// Files in PEM form: certificates to trust instead of the system's, and a client's own with its key.
    package var caFile: String?
    package var certificate: String?
    package var key: String?

    package init(host: String, port: Int) {
      self.host = host
      self.port = port
    }
  }

  private let handle: UnsafeMutableRawPointer
  private let socket: Int32

  /// Connects within `timeout` seconds.
  package init(_ endpoint: Endpoint, timeout: Double) throws(TransferError) {
    guard Transfer.isInitialized, let handle = curl_easy_init() else {
      throw TransferError(CURLE_FAILED_INIT, detail: "")
    }
    let message = UnsafeMutableBufferPointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))
    defer { message.deallocate() }
    message[0] = 0
    Self.configure(handle, endpoint, timeout)
    conveyor_set_pointer(handle, CURLOPT_ERRORBUFFER, message.baseAddress)
    let code = curl_easy_perform(handle)
    conveyor_set_pointer(handle, CURLOPT_ERRORBUFFER, nil)
    var socket: curl_socket_t = -1
    if code == CURLE_OK { conveyor_get_socket(handle, &socket) }
    guard code == CURLE_OK, socket >= 0 else {
      curl_easy_cleanup(handle)
      let detail = String(decoding: message.prefix { $0 != 0 }.map(UInt8.init), as: UTF8.self)
      throw TransferError(code == CURLE_OK ? CURLE_COULDNT_CONNECT : code, detail: detail)
    }
    self.handle = handle
    self.socket = socket
  }

  deinit { curl_easy_cleanup(handle) }

  private static func configure(
    _ handle: UnsafeMutableRawPointer, _ endpoint: Endpoint, _ timeout: Double
  ) {
    let scheme = endpoint.usesTLS ? "https" : "http"
    conveyor_set_text(handle, CURLOPT_URL, "\(scheme)://\(endpoint.host):\(endpoint.port)")
    conveyor_set_long(handle, CURLOPT_CONNECT_ONLY, 1)
    conveyor_set_long(handle, CURLOPT_NOSIGNAL, 1)
    // A proxy for the web is none for this.
    conveyor_set_text(handle, CURLOPT_NOPROXY, "*")
    conveyor_set_long(handle, CURLOPT_SSL_ENABLE_ALPN, 0)
    conveyor_set_long(handle, CURLOPT_CONNECTTIMEOUT_MS, Int(max(1, timeout * 1000)))
    // A server that vanished without a word is noticed after a minute, not after two hours.
    conveyor_set_long(handle, CURLOPT_TCP_KEEPALIVE, 1)
    conveyor_set_long(handle, CURLOPT_TCP_KEEPIDLE, 30)
    conveyor_set_long(handle, CURLOPT_TCP_KEEPINTVL, 10)
    if let path = endpoint.unixSocket {
      conveyor_set_text(handle, CURLOPT_UNIX_SOCKET_PATH, path)
    }
    if let file = endpoint.caFile { conveyor_set_text(handle, CURLOPT_CAINFO, file) }
    if let file = endpoint.certificate { conveyor_set_text(handle, CURLOPT_SSLCERT, file) }
    if let file = endpoint.key { conveyor_set_text(handle, CURLOPT_SSLKEY, file) }
  }

  /// Sends all bytes until the monotonic time `deadline`.
  package func send(_ bytes: [UInt8], until deadline: Int64) throws(TransferError) {
    var sent = 0
    while sent < bytes.count {
      var count = 0
      let code = bytes.withUnsafeBytes { buffer in
        curl_easy_send(
          handle, buffer.baseAddress?.advanced(by: sent), buffer.count - sent, &count)
      }
      sent += count
      if code == CURLE_AGAIN {
        try wait(POLLOUT, until: deadline)
      } else if code != CURLE_OK {
        throw TransferError(code, detail: "")
      }
    }
  }

  /// Appends what has come to `buffer`, at least one byte, and waits for it until the monotonic time `deadline`.
  package func receive(into buffer: inout [UInt8], until deadline: Int64) throws(TransferError) {
    while true {
      // Asked before poll(2) is: TLS may hold bytes that the socket has given already.
      var count = 0
      let code = withUnsafeTemporaryAllocation(byteCount: 1 << 16, alignment: 1) { chunk in
        let code = curl_easy_recv(handle, chunk.baseAddress, chunk.count, &count)
        buffer.append(contentsOf: UnsafeRawBufferPointer(rebasing: chunk[..<count]))
        return code
      }
      switch code {
      case CURLE_OK where count > 0: return
      case CURLE_OK:
        throw TransferError(CURLE_RECV_ERROR, detail: "the server closed the connection")
      case CURLE_AGAIN: try wait(POLLIN, until: deadline)
      default: throw TransferError(code, detail: "")
      }
    }
  }

  private func wait(_ events: Int32, until deadline: Int64) throws(TransferError) {
    while true {
      let left = deadline - Time.monotonic()
      guard left > 0 else {
        throw TransferError(CURLE_OPERATION_TIMEDOUT, detail: "no answer in time")
      }
      var descriptor = pollfd(fd: socket, events: Int16(events), revents: 0)
      if poll(&descriptor, 1, Int32(clamping: left / 1_000_000 + 1)) > 0 { return }
    }
  }
}
