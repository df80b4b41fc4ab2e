import Common
import Digest
import Transfer

/// Making a bucket of S3.
/// https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html
extension AmazonStore {
  func lookAtBucket() throws -> Outcome { try service.send(.init(method: "HEAD", name: "")) }

  func makeBucket(_ retrier: inout Retrier) throws -> (reply: Reply, description: String) {
    let place = settings.location ?? service.region
    // us-east-1 is the one that must not be named.
    let body =
      place == "us-east-1"
      ? ""
      : "<CreateBucketConfiguration><LocationConstraint>\(place)</LocationConstraint>"
        + "</CreateBucketConfiguration>"
    let made = try retrier.answer { try service.send(Self.put(body)) }
    guard made.kind == .success else { return (made, "") }
    let ruled = try retrier.answer {
      try service.send(Self.put(Self.lifecycle, [("lifecycle", "")]))
    }
    guard ruled.kind == .success else {
      throw Fatal(
        .unavailable,
        "\(bucket.root) was made in \(place), but it takes no lifecycle: "
          + "\(failure(ruled, bucket.root, .bucket)); run the same command again to use it "
          + "without one")
    }
    return (ruled, "\(bucket.root) in \(place); its objects become \(Lifecycle.text(\.amazon))")
  }

  private static func put(
    _ body: String, _ query: [(name: String, value: String)] = []
  ) -> AmazonService.Errand {
    let bytes = Array(body.utf8)
    var md5 = Digest(.md5)
    bytes.withUnsafeBytes { md5.update($0) }
    return .init(
      method: "PUT", name: "", query: query,
      headers: [("Content-Type", "application/xml"), ("Content-MD5", Base64.encode(md5.finish()))],
      body: RequestBody([.bytes(bytes)]), bodySHA256: Digest.sha256(bytes))
  }

  /// https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketLifecycleConfiguration.html
  static let lifecycle: String = {
    let steps = Lifecycle.steps.map {
      "<Transition><Days>\($0.days)</Days><StorageClass>\($0.amazon)</StorageClass></Transition>"
    }
    return "<LifecycleConfiguration><Rule><ID>conveyor</ID><Filter><Prefix></Prefix></Filter>"
      + "<Status>Enabled</Status>\(steps.joined())<AbortIncompleteMultipartUpload>"
      + "<DaysAfterInitiation>\(Lifecycle.daysOfParts)</DaysAfterInitiation>"
      + "</AbortIncompleteMultipartUpload></Rule></LifecycleConfiguration>"
  }()
}
