import Testing

/// An argument of a test that is printed by its name: a document of a megabyte would fill the log.
public struct Named<Value: Sendable>: Sendable, CustomTestStringConvertible {
  /// What it is called.
  public let name: String
  /// What the test is about.
  public let value: Value

  /// An argument with a name.
  public init(_ name: String, _ value: Value) { (self.name, self.value) = (name, value) }

  /// What the log shows.
  public var testDescription: String { name }
}
