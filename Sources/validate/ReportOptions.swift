import ArgumentParser
import Common
import Index

/// What is asked of the index instead of reading records.
struct ReportOptions: ParsableArguments {
  /// One of them at most.
  enum View: String, Sendable {
    case report, monitor, mismatches
  }

  @Flag(help: "Print what the index says, and read no records.")
  var report = false

  @Flag(help: "Say how the run fares now: leases, success rate, activity, errors. 3: not well.")
  var monitor = false

  @Flag(help: "Print completed documents whose book or page is another at the portal, as CSV.")
  var mismatches = false

  @Flag(help: "The report or the monitor as JSON.")
  var json = false

  @Option(
    help: .init("Write the report to this directory, one CSV file per table.", valueName: "dir"))
  var csv: String?

  @Option(help: .init("Write the report to this file, as one page of HTML.", valueName: "file"))
  var html: String?

  @Option(
    defaultAsFlag: 5.0, parsing: .scanningForValue,
    help: .init("Refresh the report or the monitor every so many seconds.", valueName: "seconds"))
  var watch: Double?

  /// What was asked for, if anything.
  var view: View? { asked.first }

  private var asked: [View] {
    [(report, View.report), (monitor, .monitor), (mismatches, .mismatches)]
      .compactMap { $0 ? $1 : nil }
  }

  func validate() throws {
    if asked.count > 1 {
      throw ValidationError("--\(asked[0]) and --\(asked[1]) are two questions: ask one of them.")
    }
    if json, view == nil || mismatches {
      throw ValidationError("--json belongs to --report or --monitor.")
    }
    if (csv ?? html) != nil, !report {
      throw ValidationError("--\(csv != nil ? "csv" : "html") belongs to --report.")
    }
    guard let watch else { return }
    if view == nil || mismatches {
      throw ValidationError("--watch belongs to --report or --monitor.")
    }
    if (csv ?? html) != nil { throw ValidationError("--watch writes no files.") }
    guard (0.1...86_400).contains(watch) else {
      throw ValidationError("--watch has to be from 0.1 to 86400 seconds, and is \(watch).")
    }
  }
}
