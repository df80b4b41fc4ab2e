/// Arithmetic on numbers that come from outside: a file, a record, a table. What does not fit is the bound that it
/// would go beyond, and no trap.
extension FixedWidthInteger {
  /// The sum, or the bound that it would go beyond.
  public func addingClamped(_ other: Self) -> Self {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? (other > 0 ? .max : .min) : sum
  }

  /// The difference, or the bound that it would go beyond.
  public func subtractingClamped(_ other: Self) -> Self {
    let (difference, overflow) = subtractingReportingOverflow(other)
    return overflow ? (other > 0 ? .min : .max) : difference
  }

  /// The product, or the bound that it would go beyond.
  public func multipliedClamped(by other: Self) -> Self {
    let (product, overflow) = multipliedReportingOverflow(by: other)
    return overflow ? ((self < 0) == (other < 0) ? .max : .min) : product
  }
}

extension Int {
  /// The whole number nearest to `value`, or the bound that it is beyond; 0 for what is no number.
  public init(nearest value: Double) {
    let rounded = value.rounded()
    self = Int(exactly: rounded) ?? (value.isNaN ? 0 : value < 0 ? .min : .max)
  }
}
