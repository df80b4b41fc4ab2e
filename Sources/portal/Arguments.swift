import ArgumentParser
import Common

/// A share of requests or documents: `0.05` or `5%`.
struct Share: ExpressibleByArgument, Sendable {
  let value: Double

  init(_ value: Double) { self.value = value }

  init?(argument: String) {
    let isPercent = argument.hasSuffix("%")
    guard let number = Double(isPercent ? argument.dropLast() : argument[...]) else { return nil }
    let value = isPercent ? number / 100 : number
    guard (0...1).contains(value) else { return nil }
    self.value = value
  }

  var defaultValueDescription: String { Format.decimal(value, 3) }
}

/// A time span: `0.5`, or with a unit, `500ms`.
struct Seconds: ExpressibleByArgument, Sendable {
  let value: Double

  init(_ value: Double) { self.value = value }

  init?(argument: String) {
    guard let value = Time.span(argument) else { return nil }
    self.value = value
  }

  var defaultValueDescription: String { Format.decimal(value, 3) }
}

extension IndexPrinter.Layout: ExpressibleByArgument {}

extension Endpoint: ExpressibleByArgument {
  init?(argument: String) { self.init(parsing: argument) }

  var defaultValueDescription: String { description }
}
