import CCurl
import Glibc

/// How transfers are made: limits and manners, the same for all requests of a handle.
public struct TransferSettings: Sendable {
  /// The `User-Agent` field.
  public var userAgent = "Conveyor"
  /// Seconds until a connection must be there.
  public var connectTimeout = 30.0
  /// Seconds for the whole transfer.
  public var totalTimeout = 600.0
  /// A transfer slower than this many bytes per second …
  public var lowSpeedLimit = 100
  /// … for so many seconds is given up.
  public var lowSpeedTime = 60
  /// Largest body, in bytes, counted as it arrives, whatever the headers say.
  public var maximumBody = 256 << 20
  /// Largest sum of all header fields, in bytes.
  public var maximumHeaders = 64 << 10
  /// `nil` leaves the choice to curl's environment variables.
  public var proxy: String?
  /// A file with certificates to trust instead of the system's.
  public var caFile: String?

  /// Files in PEM form with a client certificate and its key.
  public var certificate: String?
  /// The key; may be in the certificate's file.
  public var key: String?
  /// Whether HTTP/2 is spoken where a server offers it over TLS.
  public var usesHTTP2 = true
  /// Header fields of every request.
  public var headers: [(name: String, value: String)] = []

  /// The defaults.
  public init() {}
}

/// One libcurl easy handle with the connections that it keeps. Belongs to one thread.
public struct Transfer: ~Copyable {
  private let handle: UnsafeMutableRawPointer
  private let settings: TransferSettings
  private let shouldStop: @Sendable () -> Bool

  /// curl_global_init(3) is to be called once, before any handle.
  private static let isInitialized = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

  /// A handle with settings. `shouldStop` is asked about once a second, and when data arrives;
  /// true ends the transfer.
  public init(
    _ settings: TransferSettings, shouldStop: @escaping @Sendable () -> Bool = { false }
  ) throws(TransferError) {
    guard Self.isInitialized, let handle = curl_easy_init() else {
      throw TransferError(CURLE_FAILED_INIT, detail: "")
    }
    self.handle = handle
    self.settings = settings
    self.shouldStop = shouldStop
  }

  deinit { curl_easy_cleanup(handle) }

  /// Asks for a URL and hands the body to `sink` as it arrives. Redirects are answers like others:
  /// where they lead is for the caller to judge. `mayStart` is asked when a connection is there,
  /// before the request is sent on it, and may take its time; false ends the transfer as
  /// ``TransferError/Kind/notStarted``.
  public mutating func get(
    _ request: Request, into sink: any BodySink, mayStart: @escaping () -> Bool = { true }
  ) throws(TransferError) -> Response {
    try send(request, into: sink, mayStart: mayStart)
  }

  /// Sends a request with its body, and hands the body of the answer to `sink` as it arrives.
  public mutating func send(
    _ request: Request, into sink: any BodySink, mayStart: @escaping () -> Bool = { true }
  ) throws(TransferError) -> Response {
    let exchange = Exchange(
      sink: sink, addresses: request.addresses, maximumBody: settings.maximumBody,
      maximumHeaders: settings.maximumHeaders, shouldStop: shouldStop, mayStart: mayStart)
    exchange.outgoing = BodyReader(request.body)
    var message = [CChar](repeating: 0, count: Int(CURL_ERROR_SIZE))
    let result = message.withUnsafeMutableBufferPointer { message in
      withExtendedLifetime(exchange) { perform(request, exchange, message) }
    }
    // The pointers given to libcurl end with this call.
    curl_easy_reset(handle)
    if let failure = exchange.failure { throw failure }
    guard result.code == CURLE_OK else {
      let detail = String(decoding: message.prefix { $0 != 0 }.map(UInt8.init), as: UTF8.self)
      throw TransferError(result.code, detail: detail)
    }
    guard exchange.begin() else { throw TransferError(CURLE_WRITE_ERROR, detail: "") }
    return Response(head: exchange.head, bytes: exchange.received, address: result.address)
  }

  private func perform(
    _ request: Request, _ exchange: Exchange, _ message: UnsafeMutableBufferPointer<CChar>
  ) -> (code: CURLcode, address: String?) {
    let context = Unmanaged.passUnretained(exchange).toOpaque()
    setLimits()
    conveyor_set_pointer(handle, CURLOPT_ERRORBUFFER, message.baseAddress)
    conveyor_set_text(handle, CURLOPT_URL, request.url.description)
    conveyor_set_text(handle, CURLOPT_USERAGENT, settings.userAgent)
    if let proxy = settings.proxy { conveyor_set_text(handle, CURLOPT_PROXY, proxy) }
    if let file = settings.caFile { conveyor_set_text(handle, CURLOPT_CAINFO, file) }
    // An empty file name turns the cookie engine on, which keeps cookies to their hosts.
    conveyor_set_text(handle, CURLOPT_COOKIEFILE, "")
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
    var list: UnsafeMutablePointer<curl_slist>?
    defer { curl_slist_free_all(list) }
    if let file = settings.certificate { conveyor_set_text(handle, CURLOPT_SSLCERT, file) }
    if let file = settings.key { conveyor_set_text(handle, CURLOPT_SSLKEY, file) }
    setMethod(request, context)
    let extra = request.sendsBody ? [(name: "Expect", value: "")] : []
    for field in settings.headers + request.headers + extra {
      list = curl_slist_append(list, "\(field.name): \(field.value)") ?? list
    }
    conveyor_set_list(handle, CURLOPT_HTTPHEADER, list)
    let code = curl_easy_perform(handle)
    var address: UnsafeMutablePointer<CChar>?
    conveyor_get_text(handle, CURLINFO_PRIMARY_IP, &address)
    return (code, address.map { String(cString: $0) })
  }

  private func setMethod(_ request: Request, _ context: UnsafeMutableRawPointer) {
    if request.method == "HEAD" {
      conveyor_set_long(handle, CURLOPT_NOBODY, 1)
      // The length that such an answer names is of a body that does not come.
      conveyor_set_size(handle, CURLOPT_MAXFILESIZE_LARGE, 0)
    }
    guard request.sendsBody else { return }
    conveyor_set_long(handle, CURLOPT_UPLOAD, 1)
    conveyor_set_text(handle, CURLOPT_CUSTOMREQUEST, request.method)
    conveyor_set_size(handle, CURLOPT_INFILESIZE_LARGE, Int(request.body.count))
    conveyor_set_data_function(handle, CURLOPT_READFUNCTION, sendBody)
    conveyor_set_pointer(handle, CURLOPT_READDATA, context)
  }

  private func setLimits() {
    // Signals belong to `Stop`; libcurl must not use SIGALRM in a thread.
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
}
