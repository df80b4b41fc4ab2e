import Common
import Transfer

/// Making a bucket of Google Cloud Storage.
/// https://cloud.google.com/storage/docs/json_api/v1/buckets/insert
extension GoogleStore {
  func lookAtBucket() throws -> Outcome {
    try service.send(Request(try service.urlOfBucket()), for: bucket.root)
  }

  func makeBucket(_ retrier: inout Retrier) throws -> (reply: Reply, description: String) {
    let place = settings.location ?? "US"
    var request = Request(try service.url(ofBucketsOf: try service.project()))
    request.method = "POST"
    request.headers = [("Content-Type", "application/json; charset=UTF-8")]
    request.body = RequestBody([.bytes(resource(in: place).serialized())])
    let reply = try retrier.answer { try service.send(request, for: bucket.root) }
    return (reply, "\(bucket.root) in \(place); its objects become \(Lifecycle.text(\.google))")
  }

  private func resource(in place: String) -> JSON {
    // An object is moved on from the classes before: one that was put into a cheaper one stays there.
    let before = ["STANDARD"] + Lifecycle.steps.map(\.google)
    let rules = Lifecycle.steps.enumerated().map { index, step in
      JSON.object([
        "action": .object([
          "type": .string("SetStorageClass"), "storageClass": .string(step.google),
        ]),
        "condition": .object([
          "age": .int(step.days),
          "matchesStorageClass": .array(before.prefix(index + 1).map(JSON.string)),
        ]),
      ])
    }
    return .object([
      "name": .string(bucket.bucket), "location": .string(place),
      "lifecycle": .object(["rule": .array(rules)]),
      "iamConfiguration": .object([
        "uniformBucketLevelAccess": .object(["enabled": .bool(true)])
      ]),
    ])
  }
}
