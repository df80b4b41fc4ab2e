import Common

/// Metrics as Prometheus reads them: in its own text format, for files, or as OpenMetrics 1.0, for what asks a server
/// (https://prometheus.io/docs/instrumenting/exposition_formats/, https://prometheus.io/docs/specs/om/open_metrics_spec/).
/// Pure.
package struct MetricsText: Sendable {
  /// The two formats differ in what a counter is called, and in their end.
  package enum Layout: Sendable { case prometheus, openMetrics }

  /// What all names begin with.
  private static let prefix = "conveyor_"

  private let layout: Layout
  private var lines = ""

  /// Nothing yet.
  package init(_ layout: Layout = .prometheus) { self.layout = layout }

  /// What was added so far.
  package var text: String { layout == .openMetrics ? lines + "# EOF\n" : lines }

  /// A figure that may go up and down.
  package mutating func gauge(
    _ name: String, _ help: String, _ value: Double, _ decimals: Int = 0
  ) {
    gauge(name, help, [([], value)], decimals)
  }

  /// The same by the values of labels; nothing where there are none.
  package mutating func gauge(
    _ name: String, _ help: String, _ values: [(labels: [(String, String)], value: Double)],
    _ decimals: Int = 0
  ) {
    add(name, help, "gauge", values.map { (name, $0.labels, Format.decimal($0.value, decimals)) })
  }

  /// A figure that only goes up during a run. Its name ends with `_total`.
  package mutating func counter(_ name: String, _ help: String, _ value: Int) {
    counter(name, help, [([], value)])
  }

  /// The same by the values of a label; nothing where there are none.
  package mutating func counter(
    _ name: String, _ help: String, _ label: String, _ values: [(String, Int)]
  ) {
    counter(name, help, values.map { ([(label, $0.0)], $0.1) })
  }

  /// The same by the values of several labels.
  package mutating func counter(
    _ name: String, _ help: String, _ values: [(labels: [(String, String)], value: Int)]
  ) {
    add(name, help, "counter", values.map { (name, $0.labels, String($0.value)) })
  }

  /// How many values were at most each of `bounds`, which ascend, and how many there were in all.
  package mutating func histogram(
    _ name: String, _ help: String,
    _ values: [(labels: [(String, String)], bounds: [Double], counts: [Int], sum: Double)]
  ) {
    var samples: [(String, [(String, String)], String)] = []
    for value in values {
      var seen = 0
      for (place, count) in value.counts.enumerated() {
        seen = seen.addingClamped(count)
        let bound =
          place < value.bounds.count
          ? bound(value.bounds[place]) : "+Inf"
        samples.append(("\(name)_bucket", value.labels + [("le", bound)], String(seen)))
      }
      samples.append(("\(name)_count", value.labels, String(seen)))
      samples.append(("\(name)_sum", value.labels, Format.decimal(value.sum, 3)))
    }
    add(name, help, "histogram", samples)
  }

  /// OpenMetrics has whole numbers with a point, so that one bound has one spelling.
  private func bound(_ value: Double) -> String {
    let text = Format.decimal(value, 3)
    return layout == .openMetrics && !text.contains(".") ? text + ".0" : text
  }

  private mutating func add(
    _ name: String, _ help: String, _ type: String,
    _ samples: [(name: String, labels: [(String, String)], value: String)]
  ) {
    guard !samples.isEmpty else { return }
    // OpenMetrics names the family without the suffix of its samples.
    let isBare = layout == .openMetrics && name.hasSuffix("_total")
    let family = Self.prefix + (isBare ? String(name.dropLast(6)) : name)
    lines += "# HELP \(family) \(help).\n# TYPE \(family) \(type)\n"
    for sample in samples {
      let labels = sample.labels.map { "\($0)=\"\(Self.escaped($1))\"" }.joined(separator: ",")
      lines +=
        "\(Self.prefix)\(sample.name)\(labels.isEmpty ? "" : "{\(labels)}") \(sample.value)\n"
    }
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
