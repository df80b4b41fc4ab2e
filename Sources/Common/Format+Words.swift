extension Format {
  /// A number and its noun: `1 document`, `5,280 documents`.
  public static func counted(_ number: Int, _ one: String, _ many: String? = nil) -> String {
    "\(count(number)) \(number == 1 ? one : many ?? one + "s")"
  }

  /// Documents per hour: whole ones, with a digit behind the point where there are fewer than ten;
  /// `–` where that is not known.
  public static func rate(_ perHour: Double) -> String {
    guard perHour.isFinite, perHour >= 0, perHour < 1e15 else { return "–" }
    if perHour > 0, perHour < 0.05 { return "<0.1" }
    return perHour < 9.95 ? decimal(perHour, 1) : count(Int(perHour.rounded()))
  }

  /// What became of a size: `82.7% saved`, or `1.2% larger` where it grew.
  public static func saving(of original: Int, stored: Int) -> String {
    stored <= original
      ? "\(percent(original.subtractingClamped(stored), of: original)) saved"
      : "\(percent(stored.subtractingClamped(original), of: original)) larger"
  }
}
