import CCurl

/// What a handle is told: once what is the same for all requests, and for each what is its own.
extension Transfer {
  /// Bytes that are taken from a connection at a time (CURLOPT_BUFFERSIZE(3)). With the usual 16 KiB
  /// a scanned page takes two turns; more than this brings nothing more.
  private static let bufferSize = 64 << 10

  /// Bytes that are sent at a time (CURLOPT_UPLOAD_BUFFERSIZE(3)): a scanned page with what stands before
  /// and behind it. With the usual 64 KiB it takes two turns.
  private static let uploadBufferSize = 128 << 10

  /// Everything that does not change from request to request.
  func configure() {
    setLimits()
    setCallbacks()
    conveyor_set_long(handle, CURLOPT_BUFFERSIZE, Self.bufferSize)
    conveyor_set_long(handle, CURLOPT_UPLOAD_BUFFERSIZE, Self.uploadBufferSize)
    conveyor_set_text(handle, CURLOPT_USERAGENT, settings.userAgent)
    if let proxy = settings.proxy { conveyor_set_text(handle, CURLOPT_PROXY, proxy) }
    if let file = settings.caFile { conveyor_set_text(handle, CURLOPT_CAINFO, file) }
    if let file = settings.certificate { conveyor_set_text(handle, CURLOPT_SSLCERT, file) }
    if let file = settings.key { conveyor_set_text(handle, CURLOPT_SSLKEY, file) }
    // An empty file name turns the cookie engine on, which keeps cookies to their hosts.
    conveyor_set_text(handle, CURLOPT_COOKIEFILE, "")
  }

  private func setLimits() {
    // Signals belong to `ShutdownSignal`; libcurl must not use SIGALRM in a thread.
    conveyor_set_long(handle, CURLOPT_NOSIGNAL, 1)
    conveyor_set_long(handle, CURLOPT_NOPROGRESS, 0)
    conveyor_set_long(handle, CURLOPT_FOLLOWLOCATION, 0)
    conveyor_set_text(handle, CURLOPT_PROTOCOLS_STR, "http,https")
    conveyor_set_long(
      handle, CURLOPT_HTTP_VERSION,
      settings.usesHTTP2 ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1)
    conveyor_set_long(
      handle, CURLOPT_CONNECTTIMEOUT_MS, Int(max(1, settings.connectTimeout * 1000)))
    conveyor_set_long(handle, CURLOPT_TIMEOUT_MS, Int(max(1, settings.totalTimeout * 1000)))
    conveyor_set_long(handle, CURLOPT_LOW_SPEED_LIMIT, settings.lowSpeedLimit)
    conveyor_set_long(handle, CURLOPT_LOW_SPEED_TIME, settings.lowSpeedTime)
    conveyor_set_size(handle, CURLOPT_MAXFILESIZE_LARGE, Int(settings.maximumBody))
  }

  private func setCallbacks() {
    let context = Unmanaged.passUnretained(current).toOpaque()
    conveyor_set_pointer(handle, CURLOPT_ERRORBUFFER, message.baseAddress)
    conveyor_set_data_function(handle, CURLOPT_HEADERFUNCTION, receiveHeader)
    conveyor_set_pointer(handle, CURLOPT_HEADERDATA, context)
    conveyor_set_data_function(handle, CURLOPT_WRITEFUNCTION, receiveBody)
    conveyor_set_pointer(handle, CURLOPT_WRITEDATA, context)
    conveyor_set_progress_function(handle, reportProgress)
    conveyor_set_pointer(handle, CURLOPT_XFERINFODATA, context)
    conveyor_set_socket_function(handle, openSocket)
    conveyor_set_pointer(handle, CURLOPT_OPENSOCKETDATA, context)
    conveyor_set_start_function(handle, startRequest)
    conveyor_set_pointer(handle, CURLOPT_PREREQDATA, context)
    conveyor_set_data_function(handle, CURLOPT_READFUNCTION, sendBody)
    conveyor_set_pointer(handle, CURLOPT_READDATA, context)
  }

  /// What a request other than GET needs besides; `configure` does not take it back.
  func setMethod(_ request: Request) {
    if request.method == "HEAD" {
      conveyor_set_long(handle, CURLOPT_NOBODY, 1)
      // The length that such an answer names is of a body that does not come.
      conveyor_set_size(handle, CURLOPT_MAXFILESIZE_LARGE, 0)
    }
    guard request.sendsBody else { return }
    conveyor_set_long(handle, CURLOPT_UPLOAD, 1)
    conveyor_set_text(handle, CURLOPT_CUSTOMREQUEST, request.method)
    conveyor_set_size(handle, CURLOPT_INFILESIZE_LARGE, Int(request.body.count))
  }
}
