/// What becomes of objects in a bucket that we make: scans are read when they are new, and hardly ever
/// afterwards.
enum Lifecycle {
  /// One step into a cheaper class: both are read at once, and cost more for each reading.
  struct Step: Sendable {
    let days: Int
    /// https://cloud.google.com/storage/docs/storage-classes
    let google: String
    /// The nearest of https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-class-intro.html
    let amazon: String
  }

  static let steps = [
    Step(days: 30, google: "NEARLINE", amazon: "STANDARD_IA"),
    Step(days: 90, google: "COLDLINE", amazon: "GLACIER_IR"),
  ]

  /// Days after which S3 removes the parts of an upload that was never completed.
  static let daysOfParts = 7

  /// For people: `NEARLINE after 30 days, COLDLINE after 90 days`.
  static func text(_ name: (Step) -> String) -> String {
    steps.map { "\(name($0)) after \($0.days) days" }.joined(separator: ", ")
  }
}
