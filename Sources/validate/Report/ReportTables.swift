import Common
import Index

// The tables of the report, in the order to be shown.
extension Report {
  var tables: [ReportTable] {
    [
      statusTable, priorityTable, throughputTable, errorTable, mismatchTable, typeTable, gapTable,
    ]
  }

  /// Statuses in the order of a document's life, with their counts.
  var statuses: [(name: String, count: Int)] {
    [
      ("completed", status.completed), ("in_progress", status.inProgress),
      ("pending", status.pending), ("failed", status.failed), ("skipped", status.skipped),
    ]
  }

  var statusTable: ReportTable {
    ReportTable(
      name: "status", title: "Documents by status", columns: ["status", "documents", "share"],
      rows: statuses.map { [.text($0.name), .count($0.count), .share($0.count, of: status.total)] })
  }

  var priorityTable: ReportTable {
    ReportTable(
      name: "priorities", title: "By priority",
      columns: ["priority", "documents", "completed", "failed", "done"],
      rows: priorities.map {
        [
          .number($0.priority), .count($0.total), .count($0.completed), .count($0.failed),
          .share($0.completed, of: $0.total),
        ]
      })
  }

  var throughputTable: ReportTable {
    let throughput = Throughput(hours)
    return ReportTable(
      name: "throughput", title: "Completed by \(throughput.step.rawValue)",
      columns: ["since", "completed"],
      rows: throughput.bars.map { [.text($0.since), .count($0.completed)] })
  }

  var errorTable: ReportTable {
    ReportTable(
      name: "errors", title: "Most frequent errors", columns: ["class", "documents", "message"],
      rows: errors.map { [.text($0.kind), .count($0.count), .text($0.message)] })
  }

  var mismatchTable: ReportTable {
    ReportTable(
      name: "mismatches", title: "Mismatches by book",
      columns: ["first_book", "last_book", "completed", "mismatches", "rate"],
      rows: mismatches.map {
        [
          .number($0.books.lowerBound), .number($0.books.upperBound), .count($0.completed),
          .count($0.mismatches), .share($0.mismatches, of: $0.completed),
        ]
      })
  }

  var typeTable: ReportTable {
    ReportTable(
      name: "types", title: "By type",
      columns: [
        "type", "documents", "completed", "failed", "original_bytes", "stored_bytes", "saved",
      ],
      rows: types.map {
        [
          .text($0.type), .count($0.total), .count($0.completed), .count($0.failed),
          .bytes($0.originalBytes), .bytes($0.storedBytes),
          .share($0.originalBytes - $0.storedBytes, of: $0.originalBytes),
        ]
      })
  }

  var gapTable: ReportTable {
    ReportTable(
      name: "gaps", title: "Books with nothing completed", columns: ["first_book", "last_book"],
      rows: gaps.map { [.number($0.lowerBound), .number($0.upperBound)] })
  }
}
