import Common
import HTTP

/// What to do about a refusal of S3's, or of a store that speaks its protocol.
extension AmazonService {
  func advice(_ cause: StoreCause, _ answer: StoreResponse, _ purpose: Purpose) -> String {
    switch cause {
    case .expired:
      "the temporary credentials have expired. Set new AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and "
        + "AWS_SESSION_TOKEN, then run the same command again"
    case .unknownKey:
      "the store does not know these credentials. Check AWS_ACCESS_KEY_ID and AWS_SESSION_TOKEN, and "
        + "that AWS_ENDPOINT_URL names the store that they are for"
    case .wrongSecret:
      "the signature does not match. Check AWS_SECRET_ACCESS_KEY; where reading works and writing does "
        + "not, a proxy on the way changes the request (header fields, or characters of the name)"
    case .clock:
      "this machine's clock is wrong\(ClockSkew(answer).map { " (\($0))" } ?? ""). Set it, for "
        + "instance with timedatectl set-ntp true, then run the same command again"
    case .region: regionAdvice(answer)
    case .permission: permissionAdvice(purpose)
    case .account:
      "the account cannot be used as it is. Ask the store's provider, or look into its console for a "
        + "suspension or an unpaid bill"
    case .requesterPays:
      "the bucket makes the requester pay. Set AWS_REQUEST_PAYER=requester to accept that"
    case .quota:
      "a quota or a limit of the account is reached. Raise it, or make room, then run the same command "
        + "again"
    case .encryptionKey:
      "the key that the bucket encrypts with cannot be used. Enable it, and let the account use it"
    case .policy: "a policy forbids it. Ask the administrator of the account"
    case .storageClass: storageClassAdvice
    case .preconditions:
      "the store does not know If-None-Match and If-Match. Run it again with --preconditions off: then "
        + "it is only asked before whether something is there, and of two programs that write one "
        + "object at the same moment, one may replace the other's"
    case .notImplemented: notImplementedAdvice
    case .foreign:
      "this is not an answer of S3's. Check AWS_ENDPOINT_URL, a proxy, and whether the network wants "
        + "a log-in"
    case .unknown: "no document is to blame. Check the store with upload check"
    }
  }

  private func regionAdvice(_ answer: StoreResponse) -> String {
    if let region = AmazonError(answer).region {
      return "the bucket is in another region than \(self.region). Set AWS_REGION to \(region)"
    }
    let endpoint = XMLText(answer.body).first("Endpoint").map { ": it answers at \($0)" } ?? ""
    return
      "the bucket answers elsewhere\(endpoint). Set AWS_REGION to the bucket's region, and check "
      + "AWS_ENDPOINT_URL"
  }

  private func permissionAdvice(_ purpose: Purpose) -> String {
    let rights =
      switch purpose {
      case .objects: "s3:GetObject, s3:PutObject and s3:ListBucket"
      case .bucket: "s3:ListBucket, s3:CreateBucket and s3:PutLifecycleConfiguration"
      }
    return
      "check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, and that they may do "
      + "\(rights) on \(bucket.root); where the requester pays, set AWS_REQUEST_PAYER=requester"
  }

  private var storageClassAdvice: String {
    let named = settings.storageClass.map { " \($0)" } ?? ""
    return "the store has no storage class\(named). Correct --storage-class, or leave it out"
  }

  private var notImplementedAdvice: String {
    var options = ["--preconditions off"]
    if settings.storageClass != nil { options.append("no --storage-class") }
    if settings.cacheControl != nil { options.append("no --cache-control") }
    return "the store does not know something that was asked for. Try upload check with "
      + options.joined(separator: ", or with ")
  }
}

/// How far this machine's clock is from a server's, by the `Date` of an answer (RFC 9110, section 6.6.1).
struct ClockSkew: CustomStringConvertible {
  /// How much this machine's clock is ahead, in seconds.
  let seconds: Double

  /// `nil` where the answer has no date, or one that says nothing.
  init?(_ answer: StoreResponse, now: Int64 = Time.wall()) {
    guard let date = answer.head.header("Date").flatMap({ retryAfterSeconds($0, now: 0) }) else {
      return nil
    }
    seconds = Double(now) / 1e9 - date
    guard seconds.magnitude >= 60 else { return nil }
  }

  /// Like `25m00s behind the store's`.
  var description: String {
    "\(Format.duration(seconds: seconds.magnitude)) \(seconds > 0 ? "ahead of" : "behind") the store's"
  }
}
