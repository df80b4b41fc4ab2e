import Common

/// The five words of `download_status`, and how values that mean one of them are set right. A claim, its
/// partial indexes and the users' own queries know these words only as they are.
enum StatusWords {
  private static let list = DocumentStatus.all.map { "'\($0.word)'" }.joined(separator: ", ")

  /// Rows with a value that a claim cannot find or count, what becomes of them, and how to say that.
  static let mends: [(condition: String, change: String, what: String)] = {
    let word = "lower(trim(download_status))"
    return [
      (
        "(download_status IS NULL OR trim(download_status) = '')",
        "download_status = 'pending'", "empty download_status to pending"
      ),
      (
        "(download_status NOT IN (\(list)) AND \(word) IN (\(list)))",
        "download_status = \(word)", "download_status to lower case without blanks"
      ),
      (
        "download_priority IS NULL", "download_priority = 3",
        "empty download_priority to 3"
      ),
      (
        "download_attempts IS NULL", "download_attempts = 0",
        "empty download_attempts to 0"
      ),
    ]
  }()
}
