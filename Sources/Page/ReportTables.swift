import Common
import Index

// The tables of the report, in the order to be shown.
extension Report {
  package var tables: [ReportTable] {
    [
      statusTable, priorityTable, throughputTable, errorTable, mismatchTable, typeTable,
      optimizationTable, gapTable,
    ]
  }

  /// Statuses in the order of a document's life, with their counts; those that are none of the table's
  /// own only where there are some.
  var statuses: [(name: String, count: Int)] {
    let order = [
      DocumentStatus.completed.word, DocumentStatus.inProgress.word, DocumentStatus.pending.word,
    ]
    let first = order.compactMap { word in status.named.first { $0.name == word } }
    let rest = status.named.filter { !order.contains($0.name) }
    return first + (status.unknown > 0 ? rest : rest.dropLast())
  }

  var statusTable: ReportTable {
    let percents = Format.percents(statuses.map(\.count))
    return ReportTable(
      name: "status", title: "Documents by status", columns: ["status", "documents", "share"],
      rows: zip(statuses, percents).map {
        [.text($0.name), .count($0.count), .part($0.count, of: status.total, $1)]
      })
  }

  var priorityTable: ReportTable {
    ReportTable(
      name: "priorities", title: "By priority",
      columns: [
        "priority", "documents", DocumentStatus.completed.word, DocumentStatus.failed.word,
        StatusCounts.absentWord, "done",
      ],
      rows: priorities.map {
        [
          $0.priority.map { .number($0) } ?? .missing, .count($0.total), .count($0.completed),
          .count($0.failed), .count($0.absent), .share($0.completed, of: $0.total),
        ]
      })
  }

  var throughputTable: ReportTable {
    let throughput = Throughput(hours)
    var older: [[ReportTable.Cell]] = []
    if completedAtUnknownTime > 0 { older.append([.missing, .count(completedAtUnknownTime)]) }
    if throughput.before > 0, let first = throughput.bars.first {
      older.append([.text("before \(first.since)"), .count(throughput.before)])
    }
    return ReportTable(
      name: "throughput", title: "Completed by \(throughput.step.rawValue) (\(timeZone))",
      columns: ["since", DocumentStatus.completed.word],
      rows: older + throughput.bars.map { [.text($0.since), .count($0.completed)] }, shown: .last)
  }

  var errorTable: ReportTable {
    ReportTable(
      name: "errors", title: "Most frequent errors", columns: ["class", "documents", "message"],
      rows: errors.map {
        [.text($0.kind), .count($0.count), $0.message.isEmpty ? .missing : .text($0.message)]
      })
  }

  var mismatchTable: ReportTable {
    ReportTable(
      name: "mismatches", title: "Mismatches by book",
      columns: ["first_book", "last_book", DocumentStatus.completed.word, "mismatches", "rate"],
      rows: mismatches.map {
        [
          $0.books.map { .number($0.lowerBound) } ?? .missing,
          $0.books.map { .number($0.upperBound) } ?? .missing, .count($0.completed),
          .count($0.mismatches), .share($0.mismatches, of: $0.completed),
        ]
      })
  }

  var typeTable: ReportTable {
    ReportTable(
      name: "types", title: "By type",
      columns: [
        "type", "documents", DocumentStatus.completed.word, DocumentStatus.failed.word,
        StatusCounts.absentWord, "original_bytes", "stored_bytes",
        "saved",
      ],
      rows: types.map {
        [
          $0.type.isEmpty ? .missing : .text($0.type), .count($0.total), .count($0.completed),
          .count($0.failed), .count($0.absent), .bytes($0.originalBytes), .bytes($0.storedBytes),
          .share($0.originalBytes.subtractingClamped($0.storedBytes), of: $0.originalBytes),
        ]
      })
  }

  /// What `optimize` did to completed documents; no rows where it did nothing.
  var optimizationTable: ReportTable {
    ReportTable(
      name: "optimization", title: "Results of optimize",
      columns: [
        "result", "reason", "documents", "original_bytes", "stored_bytes", "saved",
        "rejected_saving",
      ],
      rows: optimizations.map {
        [
          .text($0.outcome?.rawValue ?? "unknown"), $0.reason.map { .text($0) } ?? .missing,
          .count($0.documents), .bytes($0.originalBytes), .bytes($0.storedBytes),
          .share($0.originalBytes.subtractingClamped($0.storedBytes), of: $0.originalBytes),
          .bytes($0.rejectedSaving),
        ]
      })
  }

  var gapTable: ReportTable {
    ReportTable(
      name: "gaps", title: "Books with nothing completed", columns: ["first_book", "last_book"],
      rows: gaps.map { [.number($0.lowerBound), .number($0.upperBound)] })
  }
}
