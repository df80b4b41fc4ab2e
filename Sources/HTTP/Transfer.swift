import CCurl
import Glibc

/// How transfers are made: limits and manners, the same for all requests of a handle.
package struct TransferSettings: Sendable {
  /// The `User-Agent` field.
  package var userAgent = "Conveyor"
  /// Seconds until a connection must be there.
  package var connectTimeout = 30.0
  /// Seconds for the whole transfer.
  package var totalTimeout = 600.0
  /// A transfer slower than this many bytes per second …
  package var lowSpeedLimit = 100
  /// … for so many seconds is given up.
  package var lowSpeedTime = 60
  /// Largest body, in bytes, counted as it arrives, whatever the headers say.
  package var maximumBody = 256 << 20
  /// Largest sum of all header fields, in bytes.
  package var maximumHeaders = 64 << 10
  /// `nil` leaves the choice to curl's environment variables.
  package var proxy: String?
  /// A file with certificates to trust instead of the system's.
  package var caFile: String?

  /// Files in PEM form with a client certificate and its key.
  package var certificate: String?
  /// The key; may be in the certificate's file.
  package var key: String?
  /// Whether HTTP/2 is spoken where a server offers it over TLS.
  package var usesHTTP2 = true
  /// Header fields of every request.
  package var headers: [(name: String, value: String)] = []

  package init() {}
}

/// One libcurl easy handle with the connections that it keeps. Belongs to one thread.
package struct Transfer: ~Copyable {
  let handle: UnsafeMutableRawPointer
  let settings: TransferSettings
  /// What the callbacks get as their context. The handle does not outlive it.
  let current = CurrentExchange()
  /// Where libcurl writes its words about a failure. The handle does not outlive it.
  let message = UnsafeMutableBufferPointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))
  private let shouldStop: @Sendable () -> Bool

  /// curl_global_init(3) is to be called once, before any handle.
  static let isInitialized = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

  /// A handle with settings. `shouldStop` is asked about once a second, and when data arrives;
  /// true ends the transfer.
  package init(
    _ settings: TransferSettings, shouldStop: @escaping @Sendable () -> Bool = { false }
  ) throws(TransferError) {
    guard Self.isInitialized, let handle = curl_easy_init() else {
      throw TransferError(CURLE_FAILED_INIT, detail: "")
    }
    self.handle = handle
    self.settings = settings
    self.shouldStop = shouldStop
    configure()
  }

  deinit {
    curl_easy_cleanup(handle)
    message.deallocate()
  }

  /// Sends a request and hands the body of the answer to `sink` as it arrives. Redirects are answers like
  /// others: where they lead is for the caller to judge. `mayStart` is asked when a connection is there,
  /// before the request is sent on it, and may take its time; false ends the transfer as
  /// ``TransferError/Kind/notStarted``. `didSend` is called once the head of the request was sent.
  package mutating func send(
    _ request: Request, into sink: any BodySink, didSend: @escaping () -> Void = {},
    mayStart: @escaping () -> Bool = { true }
  ) throws(TransferError) -> Response {
    let exchange = Exchange(
      sink: sink, addresses: request.addresses, maximumBody: settings.maximumBody,
      maximumHeaders: settings.maximumHeaders, shouldStop: shouldStop, didSend: didSend,
      mayStart: mayStart)
    exchange.outgoing = BodyReader(request.body)
    current.exchange = exchange
    let result = perform(request)
    // Where the connection broke while it was sent, nobody shall wait for it.
    exchange.advance()
    current.exchange = nil
    if var failure = failure(of: exchange, result.code) {
      failure.head = exchange.head.status > 0 ? exchange.head : nil
      throw failure
    }
    return Response(head: exchange.head, bytes: exchange.received, address: result.address)
  }

  private func failure(of exchange: Exchange, _ code: CURLcode) -> TransferError? {
    if let failure = exchange.failure { return failure }
    if code == CURLE_OK {
      return exchange.begin() ? nil : TransferError(CURLE_WRITE_ERROR, detail: "")
    }
    if code == CURLE_OUT_OF_MEMORY, exchange.isReadingHeaders {
      // libcurl takes no line of more than 100 kB (CURL_MAX_HTTP_HEADER), and calls that so.
      return TransferError(
        CURLE_FILESIZE_EXCEEDED, detail: "the headers have a line that is longer than 100 kB")
    }
    let detail = String(decoding: message.prefix { $0 != 0 }.map(UInt8.init), as: UTF8.self)
    return TransferError(code, detail: detail, hadConnection: exchange.hadConnection)
  }

  /// The cookies that servers have set, a line of Netscape's format each (CURLINFO_COOKIELIST(3)).
  package var cookies: [String] {
    get {
      var list: UnsafeMutablePointer<curl_slist>?
      conveyor_get_list(handle, CURLINFO_COOKIELIST, &list)
      defer { curl_slist_free_all(list) }
      var lines: [String] = []
      var entry = list
      while let current = entry {
        lines.append(String(cString: current.pointee.data))
        entry = current.pointee.next
      }
      return lines
    }
    nonmutating set {
      conveyor_set_text(handle, CURLOPT_COOKIELIST, "ALL")
      for line in newValue { conveyor_set_text(handle, CURLOPT_COOKIELIST, line) }
    }
  }

  private func perform(_ request: Request) -> (code: CURLcode, address: String?) {
    message[0] = 0
    conveyor_set_text(handle, CURLOPT_URL, request.url.description)
    if request.method != "GET" { setMethod(request) }
    var list: UnsafeMutablePointer<curl_slist>?
    let extra = request.sendsBody ? [(name: "Expect", value: "")] : []
    for field in settings.headers + request.headers + extra {
      list = curl_slist_append(list, "\(field.name): \(field.value)") ?? list
    }
    conveyor_set_list(handle, CURLOPT_HTTPHEADER, list)
    let code = curl_easy_perform(handle)
    var address: UnsafeMutablePointer<CChar>?
    conveyor_get_text(handle, CURLINFO_PRIMARY_IP, &address)
    let numbers = address.map { String(cString: $0) }
    if list != nil {
      conveyor_set_list(handle, CURLOPT_HTTPHEADER, nil)
      curl_slist_free_all(list)
    }
    if request.method != "GET" {
      // Back to what the handle was made with.
      curl_easy_reset(handle)
      configure()
    }
    return (code, numbers)
  }
}
