import Common

/// Metrics in Prometheus' text format
/// (https://prometheus.io/docs/instrumenting/exposition_formats/). Pure.
struct MetricsText: Sendable {
  /// What all names begin with.
  private static let prefix = "conveyor_"

  /// What was added so far.
  private(set) var text = ""

  /// A figure that may go up and down.
  mutating func gauge(_ name: String, _ help: String, _ value: Double, _ decimals: Int = 0) {
    head(name, help, "gauge")
    text += "\(Self.prefix)\(name) \(Format.decimal(value, decimals))\n"
  }

  /// A figure that only goes up during a run.
  mutating func counter(_ name: String, _ help: String, _ value: Int) {
    head(name, help, "counter")
    text += "\(Self.prefix)\(name) \(value)\n"
  }

  /// The same by the values of a label; nothing where there are none.
  mutating func counter(
    _ name: String, _ help: String, _ label: String, _ values: [(String, Int)]
  ) {
    guard !values.isEmpty else { return }
    head(name, help, "counter")
    for (value, count) in values {
      text += "\(Self.prefix)\(name){\(label)=\"\(Self.escaped(value))\"} \(count)\n"
    }
  }

  private mutating func head(_ name: String, _ help: String, _ type: String) {
    text += "# HELP \(Self.prefix)\(name) \(help).\n# TYPE \(Self.prefix)\(name) \(type)\n"
  }

  /// The three characters that a label's value cannot have as they are.
  private static func escaped(_ value: String) -> String {
    var scalars = String.UnicodeScalarView()
    for scalar in value.unicodeScalars {
      switch scalar {
      case "\\", "\"": scalars.append(contentsOf: ["\\", scalar])
      case "\n": scalars.append(contentsOf: "\\n".unicodeScalars)
      default: scalars.append(scalar)
      }
    }
    return String(scalars)
  }
}
