import Common
import Transfer

/// An attempt that failed: the document's error, should it be its own, and what it is for everybody.
struct FetchFailure: Error, CustomStringConvertible {
  let error: RecordError
  var description: String { error.message }
  let refusal: Refusal
  /// Whether there was nobody to talk to, or nobody who could prove to be the one.
  var isUnreachable = false
}

extension FetchFailure {
  /// What a portal answered instead of a document. `hasCredentials` says whether something was sent that
  /// proves who asks.
  init(
    _ error: RecordError, status: Int, url: WebURL, errand: Requester.Errand, hasCredentials: Bool,
    hiding confidences: Confidences
  ) {
    let isPageMissing = errand.purpose.isLookup && [404, 405, 410, 501].contains(status)
    let isAboutCredentials = status == 401 || status == 407 || status == 403 && hasCredentials
    self.error = confidences.hidden(
      in: RecordError(
        error.kind, "\(error.message) (\(url.redacted))", isRetryable: error.isRetryable))
    refusal = Refusal(
      confidences.hidden(in: error.message),
      advice: Self.advice(error, status: status, isPageMissing: isPageMissing),
      isNeverTheDocuments: isPageMissing || status == 407,
      ending: isAboutCredentials ? .permission : .unavailable)
  }

  private static func advice(_ error: RecordError, status: Int, isPageMissing: Bool) -> String {
    let again =
      error.isRetryable
      ? ""
      : " What failed of it before comes back with conveyor enqueue --index … --retry --class "
        + "\(error.kind.rawValue)."
    switch status {
    case 401, 407:
      return "Check the log-in that --header, --cert or --proxy gives." + again
    case 403, 451:
      return "The portal may have blocked this client: ask its owner, or check --header and --cert."
        + again
    case _ where isPageMissing:
      return "Check the address (--portal-base) and the portal file: the portal may have moved."
    case 404, 410:
      return "Check the address (--portal-base) and the portal file: the portal may have moved."
        + again
    case 200: return "Look at the portal in a browser: it may want a log-in, or be closed." + again
    default: return String(again.dropFirst())
    }
  }

  /// A transfer that broke, or never was. Throws where it is this machine's trouble, or a stop.
  init(
    _ error: TransferError, url: WebURL, portal: Portal, hiding confidences: Confidences
  ) throws {
    let met = try RecordError(error, url: url)
    if met.kind == .interrupted { throw met }
    self.error = confidences.hidden(in: met)
    let isCertificate = error.kind == .certificate
    isUnreachable = error.isWithoutConnection || isCertificate
    // A record's own address may be wrong by itself; a portal's is the same for all.
    let isPortals = portal.base != nil
    refusal = Refusal(
      confidences.hidden(in: error.description),
      advice: isCertificate
        ? "If you trust it, name the file with its authority's certificate with --cacert."
        : isUnreachable
          ? "Check the address (--portal-base), the network and --proxy." : "",
      isNeverTheDocuments: isPortals && isUnreachable,
      isHopeless: isCertificate)
  }
}

extension OutageGate.Scope {
  /// What fails as one: a portal's step, at the server that is asked.
  static func server(_ url: WebURL, _ errand: Requester.Errand) -> OutageGate.Scope {
    let name = errand.portal.name
    let step = errand.purpose.isLookup ? "look-up" : "documents"
    return OutageGate.Scope(
      key: "\(name)|\(step)|\(url.origin)",
      name: name.isEmpty ? url.origin : "the portal \(name) (\(url.origin), \(step))",
      group: url.origin)
  }

  /// All servers: whether any can be reached. Watched for records that bring their own addresses, of
  /// which each may be at another server.
  static let network = OutageGate.Scope(key: "network", name: "the network")
}
