import Testing

/// An argument of a test that is printed by its name: a document of a megabyte would fill the log.
package struct Named<Value: Sendable>: Sendable, CustomTestStringConvertible {
  /// What it is called.
  package let name: String
  /// What the test is about.
  package let value: Value

  /// An argument with a name.
  package init(_ name: String, _ value: Value) { (self.name, self.value) = (name, value) }

  /// What the log shows.
  package var testDescription: String { name }
}
