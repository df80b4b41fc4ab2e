import Common

extension BucketStore {
  /// The error behind an answer that ends an errand: what failed, why, and what to do.
  func failure(_ reply: Reply, _ errand: String, _ purpose: Purpose) -> any Error {
    let words = "\(errand): \(words(reply.answer))"
    switch reply.kind {
    case .storeWide(let cause), .refused(let cause):
      return Fatal(cause.exitCode, "\(words): \(advice(cause, reply.answer, purpose))")
    case .unauthorized:
      return Fatal(.permission, "\(words): \(advice(.permission, reply.answer, purpose))")
    case .noBucket:
      return Fatal(
        .unavailable,
        "\(errand): there is no bucket \(bucket.root). Correct the URL, or make it (--create-bucket)"
      )
    case .held:
      return RecordError(
        .storeHeld,
        "\(words): the store keeps the object as it is. Wait for the end of its retention, or have the "
          + "hold released; then have the document tried again")
    case .damaged:
      return RecordError(
        .storeRejected, "\(words): what arrived is not what was sent", isRetryable: true)
    case .absent:
      return RecordError(
        .storeUnavailable, "\(words): what was to be replaced or completed is gone")
    case .success, .incomplete, .changed, .retry, .unfit:
      return RecordError(.storeRejected, words)
    }
  }
}
