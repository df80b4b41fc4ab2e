import CCurl

/// A transfer that did not come to its end: libcurl's code and words, and what kind of trouble it is.
package struct TransferError: Error, Sendable, Equatable, CustomStringConvertible {
  package enum Kind: Sendable, Equatable {
    /// A limit on time was reached.
    case timeout
    /// Name, connection, TLS, or an answer that is broken or cut short.
    case network
    /// A certificate that does not hold.
    case certificate
    /// More bytes than allowed.
    case tooLarge
    /// An address that may not be connected to.
    case blocked
    /// The sink ended the transfer.
    case refusedBySink
    /// The run is ending.
    case stopped
    /// The caller did not let the request be sent.
    case notStarted
    /// This machine is in trouble: no memory, no descriptors.
    case local
    /// A URL that libcurl does not take.
    case invalid
    /// A file or an option of ours that libcurl does not take.
    case configuration
  }

  package let kind: Kind
  package let code: UInt32
  /// Whether nobody was there to talk to: a name without an address, or a connection that never was, that of a proxy
  /// and its TLS included.
  package let isWithoutConnection: Bool
  /// What had come of the answer's head: it counts, whatever becomes of the body.
  package internal(set) var head: ResponseHead?
  package let description: String

  /// - Parameter hadConnection: whether one was there on which the request could be sent. libcurl has the same code
  ///   for any time that is over, and several wordings.
  init(_ code: CURLcode, detail: String, kind: Kind? = nil, hadConnection: Bool = true) {
    self.code = code.rawValue
    isWithoutConnection =
      code == CURLE_OPERATION_TIMEDOUT && !hadConnection
      || [CURLE_COULDNT_RESOLVE_PROXY, CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_CONNECT]
        .contains(code)
    self.kind = kind ?? Self.kind(of: code)
    let general = String(cString: curl_easy_strerror(code))
    description = detail.isEmpty ? general : detail
  }

  private static func kind(of code: CURLcode) -> Kind {
    switch code {
    case CURLE_OPERATION_TIMEDOUT: .timeout
    case CURLE_FILESIZE_EXCEEDED: .tooLarge
    case CURLE_WRITE_ERROR: .refusedBySink
    case CURLE_ABORTED_BY_CALLBACK: .stopped
    case CURLE_OUT_OF_MEMORY, CURLE_FAILED_INIT: .local
    case CURLE_URL_MALFORMAT: .invalid
    case CURLE_PEER_FAILED_VERIFICATION: .certificate
    case CURLE_SSL_CACERT_BADFILE, CURLE_SSL_CERTPROBLEM, CURLE_BAD_FUNCTION_ARGUMENT:
      .configuration
    // CURLE_UNSUPPORTED_PROTOCOL among them: our URLs are http or https, so it means an answer without
    // a status line.
    default: .network
    }
  }
}
