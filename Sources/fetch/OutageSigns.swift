import Common

extension StoreOutageWatch {
  /// Whether an outage of the network or of the log-in would explain an error.
  static func explains(_ error: RecordError, status: Int?) -> Bool {
    error.kind == .network || error.kind == .timeout && status == nil || status == 401
  }
}
