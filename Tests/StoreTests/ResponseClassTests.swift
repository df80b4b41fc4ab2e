import Support
import Testing
import HTTP

@testable import Store

/// What the errors of real stores ask for: bodies as these stores word them.
@Suite("What a store's answer asks for")
struct ResponseClassTests {
  private static func answer(
    _ status: Int, _ body: String, _ headers: [(name: String, value: String)] = []
  ) -> StoreResponse {
    StoreResponse(head: ResponseHead(status: status, headers: headers), body: Array(body.utf8))
  }

  private static func xml(_ code: String, _ message: String = "m", _ more: String = "") -> String {
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>\(code)</Code><Message>\(message)"
      + "</Message>\(more)<RequestId>R</RequestId></Error>"
  }

  private static let page =
    "<!DOCTYPE html>\n<html><head><title>403 Forbidden</title></head></html>"

  @Test(
    arguments: [
      (200, "", .success), (200, xml("InternalError"), .retry), (301, "", .storeWide(.region)),
      (307, xml("TemporaryRedirect"), .retry), (400, "", .refused(.unknown)),
      (400, xml("ExpiredToken", "The provided token has expired."), .storeWide(.expired)),
      (400, xml("InvalidToken"), .storeWide(.unknownKey)), (400, xml("BadDigest"), .damaged),
      (400, xml("RequestTimeout"), .retry), (400, xml("IncompleteBody"), .retry),
      (400, xml("AuthorizationHeaderMalformed"), .storeWide(.region)),
      (400, xml("InvalidStorageClass"), .storeWide(.storageClass)),
      (
        400, xml("InvalidArgument", "The storage class you specified is not valid"),
        .storeWide(.storageClass)
      ),
      (400, xml("MetadataTooLarge"), .unfit), (400, xml("KeyTooLongError"), .unfit),
      (400, xml("InvalidRequest", "Object is WORM protected and cannot be overwritten"), .held),
      (400, xml("KMS.DisabledException", "key is disabled"), .refused(.encryptionKey)),
      (400, xml("InvalidArgument", "no idea"), .refused(.unknown)),
      (401, xml("Unauthorized"), .refused(.permission)), (403, "", .refused(.permission)),
      (403, xml("AccessDenied", "Access Denied"), .refused(.permission)),
      (403, xml("AccessDenied", "Access Denied because object protected by object lock."), .held),
      (403, xml("AccessDenied", "Storage cap exceeded."), .refused(.quota)),
      (403, xml("InvalidAccessKeyId"), .storeWide(.unknownKey)),
      (403, xml("SignatureDoesNotMatch"), .refused(.wrongSecret)),
      (403, xml("RequestTimeTooSkewed"), .storeWide(.clock)),
      (403, xml("QuotaExceeded"), .refused(.quota)),
      (403, xml("UserSuspended"), .refused(.account)),
      (403, xml("AllAccessDisabled"), .refused(.account)), (403, page, .refused(.foreign)),
      (404, "", .absent), (404, xml("NoSuchKey"), .absent), (404, xml("NoSuchBucket"), .noBucket),
      (404, xml("NoSuchUpload"), .absent), (404, page, .refused(.foreign)),
      (405, xml("MethodNotAllowed"), .refused(.unknown)),
      (409, xml("ConditionalRequestConflict"), .retry), (409, xml("ObjectUnderRetention"), .held),
      (409, xml("BucketAlreadyExists"), .changed), (412, "", .changed),
      (412, xml("PreconditionFailed"), .changed), (413, xml("EntityTooLarge"), .unfit),
      (416, "", .refused(.unknown)), (429, "", .retry), (499, "", .retry), (500, "", .retry),
      (501, "", .storeWide(.notImplemented)),
      (501, xml("NotImplemented"), .storeWide(.notImplemented)),
      (
        501, xml("NotImplemented", "m", "<Header>If-None-Match</Header>"),
        .storeWide(.preconditions)
      ),
      (501, xml("NotImplemented", "m", "<Header>If-Match</Header>"), .storeWide(.preconditions)),
      (
        501, xml("NotImplemented", "Header 'x-amz-storage-class' with value 'X' not implemented"),
        .storeWide(.storageClass)
      ),
      (
        400, xml("InvalidArgument", "Conditional writes are not supported"),
        .storeWide(.preconditions)
      ),
      (503, xml("SlowDown"), .retry), (503, page, .retry),
      (507, xml("XMinioStorageFull"), .refused(.quota)),
    ] as [(Int, String, ResponseClass)])
  func amazon(_ status: Int, _ body: String, _ expected: ResponseClass) {
    #expect(AmazonError(Self.answer(status, body)).responseClass == expected)
  }

  private static func json(_ status: Int, _ reason: String, _ message: String = "m") -> String {
    #"{"error":{"code":\#(status),"message":"\#(message)","errors":[{"message":"\#(message)","#
      + #""domain":"global","reason":"\#(reason)"}]}}"#
  }

  private static let hold =
    "Object 'b/o' is under active Temporary hold and cannot be deleted, overwritten or archived until "
    + "hold is removed."
  private static let retention =
    "Object 'b/o' is subject to bucket's retention policy or object retention and cannot be deleted or "
    + "overwritten until 2026-12-30T15:58:01-07:00"

  @Test(
    arguments: [
      (200, "", .success), (201, "", .success), (308, "", .incomplete),
      (400, json(400, "invalid", "Provided CRC32C doesn't match calculated CRC32C."), .damaged),
      (400, json(400, "invalid", "Invalid storage class BOGUS"), .storeWide(.storageClass)),
      (400, json(400, "userProjectMissing", "m"), .storeWide(.requesterPays)),
      (
        400,
        json(400, "required", "Bucket is a requester pays bucket but no user project provided."),
        .storeWide(.requesterPays)
      ),
      (
        400, "<Error><Code>UserProjectMissing</Code><Message>m</Message></Error>",
        .storeWide(.requesterPays)
      ),
      (400, json(400, "cloudKmsDisabledKey"), .refused(.encryptionKey)),
      (400, json(400, "invalid", "no idea"), .refused(.unknown)),
      (401, "", .unauthorized), (401, json(401, "authError"), .unauthorized),
      (
        403, json(403, "forbidden", "x does not have storage.objects.create access"),
        .refused(.permission)
      ),
      (403, json(403, "forbidden", hold), .held),
      (403, json(403, "retentionPolicyNotMet", retention), .held),
      (403, json(403, "forbidden", retention), .held),
      (403, json(403, "objectUnderActiveHold"), .held),
      (
        403,
        json(
          403, "retentionPolicyNotMet",
          "Bucket 'b' has a locked Retention Policy which cannot be removed."),
        .refused(.permission)
      ),
      (403, json(403, "accountDisabled"), .refused(.account)),
      (
        403,
        json(
          403, "forbidden", "The project to be billed is associated with an absent billing account."
        ), .refused(.account)
      ),
      (403, json(403, "userRateLimitExceeded"), .retry),
      (403, json(403, "rateLimitExceeded"), .retry),
      (403, json(403, "quotaExceeded"), .refused(.quota)), (403, page, .refused(.foreign)),
      (404, "", .absent), (404, json(404, "notFound", "No such object: b/o"), .absent),
      (404, "No such object: b/o", .absent), (404, page, .refused(.foreign)),
      (404, json(404, "notFound", "The specified bucket does not exist."), .noBucket),
      (409, json(409, "conflict"), .changed), (410, "", .absent),
      (412, json(412, "conditionNotMet"), .changed),
      (412, json(412, "orgPolicyConstraintFailed"), .refused(.policy)),
      (
        412,
        json(
          412, "conditionNotMet", "'us' violates constraint 'constraints/gcp.resourceLocations'"),
        .refused(.policy)
      ),
      (412, json(412, "conditionNotMet", hold), .held),
      (413, json(413, "uploadTooLarge"), .unfit), (429, json(429, "rateLimitExceeded"), .retry),
      (500, "", .retry), (503, page, .retry), (504, "", .retry),
    ] as [(Int, String, ResponseClass)])
  func google(_ status: Int, _ body: String, _ expected: ResponseClass) {
    #expect(GoogleError(Self.answer(status, body)).responseClass == expected)
  }

  @Test(
    arguments: [
      ("", [("x-amz-bucket-region", "eu-west-1")], "eu-west-1"),
      (
        xml("AuthorizationHeaderMalformed", "m", "<Region>eu-central-1</Region>"), [],
        "eu-central-1"
      ),
      (
        xml(
          "AuthorizationHeaderMalformed",
          "The authorization header is malformed; the region 'us-east-1' is wrong; expecting 'garage'"
        ),
        [], "garage"
      ),
      (xml("AccessDenied"), [], nil),
    ] as [(String, [(name: String, value: String)], String?)])
  func theRegionIsFound(
    _ body: String, _ headers: [(name: String, value: String)], _ expected: String?
  ) {
    #expect(AmazonError(Self.answer(400, body, headers)).region == expected)
  }

  /// The clock's error is told where it matters, against the date of the answer.
  @Test(
    arguments: [
      (0, nil), (59, nil), (-59, nil), (1500, "25m00s ahead of the store's"),
      (-7200, "2h00m behind the store's"),
    ] as [(Int64, String?)])
  func skew(_ seconds: Int64, _ expected: String?) {
    // 1 January 2027, 12:00 UTC.
    let then: Int64 = 1_798_804_800
    let answer = Self.answer(403, "", [("Date", "Fri, 01 Jan 2027 12:00:00 GMT")])
    let skew = ClockSkew(answer, now: (then + seconds) * 1_000_000_000)
    #expect(skew?.description == expected)
    #expect(ClockSkew(Self.answer(403, ""), now: then) == nil)
  }

  /// Names in a listing, as stores write them: those that are told to encode do, or do not, or say nothing.
  @Test(
    arguments: [
      (["a+b%2Bc%26d%25.pdf"], "url", ["a b+c&d%.pdf"]),
      (["a%20b+c%2Bd.pdf"], "url", ["a b+c+d.pdf"]),
      (["a+b&amp;c%d.pdf", "100%.pdf"], "url", ["a+b&c%d.pdf", "100%.pdf"]),
      (["a+b%2Bc&amp;d.pdf"], nil, ["a+b%2Bc&d.pdf"]),
      (["50%25%20off.pdf"], nil, ["50%25%20off.pdf"]),
      (["&lt;&gt;&quot;&apos;&#65;&#x1F5C2;&amp;amp;&x;&"], nil, ["<>\"'A🗂&amp;&x;&"]),
      (["%FC.pdf", "a+b.pdf"], "url", [nil, "a b.pdf"]),
    ] as [([String], String?, [String?])])
  func namesInAListing(_ keys: [String], _ coding: String?, _ expected: [String?]) {
    let coding = KeyCoding(keys, named: coding)
    #expect(keys.map(coding.name) == expected)
  }
}

@Suite("Whose refusal it is")
struct RefusalLedgerTests {
  private static let second: Int64 = 1_000_000_000

  /// As long as nothing is granted, no document is to blame, however often it is refused.
  @Test func noDocumentIsToBlameWhileAllAreRefused() {
    var ledger = RefusalLedger()
    ledger.granted(began: 0)
    for round in 1...1000 {
      let isIts = ledger.isDocuments("\(round % 7)", refusedAt: Int64(round) * Self.second)
      #expect(!isIts)
    }
  }

  /// Others were granted the same before the refusal is judged, or between two refusals.
  @Test(arguments: [true, false])
  func aDocumentIsToBlameOnceOthersWereGrantedTheSameAfterItsRefusals(_ isEarly: Bool) {
    var ledger = RefusalLedger()
    var now: Int64 = 10
    let refusals = RefusalLedger.rounds + (isEarly ? 0 : 1)
    for refusal in 1...refusals {
      // It was on its way already.
      ledger.granted(began: now - 5)
      if isEarly { ledger.granted(began: now + 1) }
      let isIts = ledger.isDocuments("a", refusedAt: now)
      #expect(isIts == (refusal == refusals), "\(refusal)")
      ledger.granted(began: now + 5)
      now += 20
    }
    // Another has a count of its own, and so has the same one when it comes again.
    let other = ledger.isDocuments("b", refusedAt: now)
    let again = ledger.isDocuments("a", refusedAt: now)
    #expect(!other && !again)
  }
}
