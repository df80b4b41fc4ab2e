import Common
import Page

/// What a reconciliation came to.
struct ReconcileTotals: Sendable, Equatable {
  /// Completed documents that were compared.
  var compared = 0
  /// Objects in the store.
  var objects = 0
  /// Completed documents whose URL is in another store: not compared.
  var elsewhere = 0
  /// Documents whose object was looked at by itself.
  var lookedAt = 0
  /// Documents that `fetch` brought.
  var fetched = 0
  var differences: [Difference.Kind: Int] = [:]
  /// Set back to pending.
  var repaired = 0
  /// Not set back, because the row changed meanwhile.
  var changed = 0
  /// Would be set back.
  var wouldRepair = 0
  /// How long it took, in seconds.
  var seconds = 0.0

  mutating func count(_ difference: Difference) {
    differences[difference.kind, default: 0] += 1
    switch difference.repair {
    case .pending: repaired += 1
    case .changed: changed += 1
    case .wouldBePending: wouldRepair += 1
    case nil: break
    }
  }

  /// 3 where there are differences. With `oneWay`, an object that no document names is none.
  func exitCode(oneWay: Bool) -> ToolExit {
    let judged = differences.filter { !oneWay || $0.key != .unknownObject }
    return judged.values.reduce(0, +) > 0 ? .documentsFailed : .success
  }

  /// Several lines, each with its line end.
  var text: String {
    var table = TextTable()
    table.row("Duration", Format.duration(seconds: seconds))
    table.row("Completed, compared", compared)
    if elsewhere > 0 {
      table.row("Completed, elsewhere", elsewhere, "(not beneath --to: not compared)")
    }
    table.row("Objects in the store", objects)
    if lookedAt > 0 { table.row("Looked at one by one", lookedAt) }
    if fetched > 0 { table.row("Fetched", fetched) }
    table.row("Differences", differences.values.reduce(0, +))
    for kind in Difference.Kind.allCases {
      if let count = differences[kind] { table.row("  \(kind.rawValue)", count) }
    }
    if repaired > 0 { table.row("Set back to pending", repaired) }
    if wouldRepair > 0 { table.row("Would be set back", wouldRepair, "(dry run)") }
    if changed > 0 { table.row("Changed meanwhile", changed, "(left alone)") }
    return table.text
  }

  /// The same as JSON.
  var json: JSON {
    var kinds = JSONObject()
    for kind in Difference.Kind.allCases {
      kinds[kind.rawValue] = .int(differences[kind] ?? 0)
    }
    return .object([
      "finished_at": .string(Time.timestamp()), "seconds": .decimal(seconds),
      "compared": .int(compared), "elsewhere": .int(elsewhere), "objects": .int(objects),
      "looked_at": .int(lookedAt), "fetched": .int(fetched), "differences": .object(kinds),
      "repaired": .int(repaired), "would_repair": .int(wouldRepair), "changed": .int(changed),
    ])
  }
}
