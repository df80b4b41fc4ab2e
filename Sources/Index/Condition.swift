import Common

/// Part of a WHERE clause and the values bound to it. Values never become part of the text.
struct Condition: Sendable, Equatable {
  /// A bound value.
  enum Value: Sendable, Equatable {
    case int(Int)
    case text(String)
  }

  /// SQL with a `?` for each value.
  var sql: String
  var values: [Value] = []

  static let always = Condition(sql: "1 = 1")

  /// All of them hold.
  static func all(_ parts: [Condition]) -> Condition { joined(parts, by: " AND ") ?? always }

  /// One of them holds; no parts ask for nothing.
  static func any(_ parts: [Condition]) -> Condition? {
    // SQLite takes expressions that are 1,000 deep (limits.html), and a chain is as deep as it is long.
    guard parts.count <= longestChain else {
      return any(
        stride(from: 0, to: parts.count, by: longestChain).compactMap {
          any(Array(parts[$0..<min($0 + longestChain, parts.count)]))
        })
    }
    return joined(parts, by: " OR ").map { Condition(sql: "(\($0.sql))", values: $0.values) }
  }

  private static let longestChain = 200

  /// The column has one of the values; no values ask for nothing.
  static func isOne(_ column: StaticString, of values: [Value]) -> Condition? {
    guard !values.isEmpty else { return nil }
    return Condition(sql: "\(column) IN (\(places(values)))", values: values)
  }

  /// The column has none of the values, or nothing at all; no values ask for nothing.
  static func isNone(_ column: StaticString, of values: [Value]) -> Condition? {
    guard !values.isEmpty else { return nil }
    return Condition(
      sql: "(\(column) IS NULL OR \(column) NOT IN (\(places(values))))", values: values)
  }

  private static func places(_ values: [Value]) -> String {
    values.map { _ in "?" }.joined(separator: ", ")
  }

  private static func joined(_ parts: [Condition], by word: String) -> Condition? {
    guard !parts.isEmpty else { return nil }
    return Condition(
      sql: parts.map(\.sql).joined(separator: word), values: parts.flatMap(\.values))
  }
}

extension Condition {
  /// A document that is claimed with others; see ``AttemptPolicy/standing(afterLosing:)``.
  static let trusted = Condition(
    sql: "lost_leases < ?", values: [.int(AttemptPolicy.quarantineLosses)])
  /// One that waits until there are no others.
  static let quarantined = Condition(
    sql: "lost_leases >= ?", values: [.int(AttemptPolicy.quarantineLosses)])

  /// Those of these documents that are left.
  static func isNone(of ids: [Int]) -> Condition {
    guard !ids.isEmpty else { return .always }
    return Condition(
      sql: "id NOT IN (SELECT CAST(key AS bigint) FROM json_each(?))", values: [.text(keys(ids))])
  }

  /// One value, however many ids; both databases read the names of an object this way.
  fileprivate static func keys(_ ids: [Int]) -> String {
    "{" + ids.map { "\"\($0)\":0" }.joined(separator: ",") + "}"
  }
}

extension Selection {
  /// The documents that the selection is about, whatever their status.
  var documents: Condition {
    .all(
      [
        ids.map { ids in
          Condition(
            sql: "id IN (SELECT CAST(key AS bigint) FROM json_each(?))",
            values: [.text(Condition.keys(ids))])
        },
        Condition.any(
          books.map {
            Condition(
              sql: "book BETWEEN ? AND ?", values: [.int($0.lowerBound), .int($0.upperBound)])
          }),
        .isOne("instrument_type_parsed", of: types.map { .text($0) }),
        .isNone("instrument_type_parsed", of: excludedTypes.map { .text($0) }),
        .isOne("download_priority", of: priorities.map { .int($0) }),
        .isOne("source", of: sources.map { .text($0) }),
        // Whether the column is a date, a time or a text: the database reads the day as its type.
        since.map { Condition(sql: "file_date >= ?", values: [.text($0.description)]) },
        until?.next.map { Condition(sql: "file_date < ?", values: [.text($0.description)]) },
      ].compactMap(\.self))
  }

  /// The failed ones that the selection brings back.
  var failed: Condition {
    let statuses = includesSkipped ? "IN ('failed', 'skipped')" : "= 'failed'"
    return .all(
      [Condition(sql: "download_status \(statuses)"), ofErrorClasses ?? .always, documents])
  }

  /// The same, or the first of them in the order of claims.
  func failed(first limit: Int?) -> Condition {
    guard let limit else { return failed }
    let first = Condition(
      sql: """
        id IN (SELECT id FROM index_documents WHERE \(failed.sql)
          ORDER BY download_priority, book, page, id LIMIT ?)
        """, values: failed.values + [.int(limit)])
    return .all([first, failed])
  }

  /// Documents of another status whatever their error was.
  var countable: Condition {
    .all(
      [documents]
        + [ofErrorClasses].compactMap(\.self).map { classes in
          Condition(
            sql: "(download_status <> 'failed' OR \(classes.sql))", values: classes.values)
        })
  }

  private var ofErrorClasses: Condition? {
    .isOne(
      "COALESCE(error_class, 'unclassified')", of: errorClasses.map { .text($0) })
  }

  /// Those that wait to be worked on, now or later. A stage that tries failed documents again takes
  /// only those that it revived itself, so that an interrupted run of it resumes.
  var pending: Condition {
    .all([
      Condition(sql: "download_status = 'pending'"),
      Condition(sql: retriesFailed ? "retrying" : Condition.always.sql),
      documents,
    ])
  }

  /// Those that a run would work on: the pending ones and, for a stage that tries failed documents
  /// again, the failed ones, which it has yet to revive.
  var upcoming: Condition {
    guard retriesFailed else { return pending }
    return .any([failed, pending]) ?? .always
  }
}

extension Run {
  /// The pending documents that this run may claim.
  var mayClaim: Condition {
    claimsOnlyReturning
      ? Condition(sql: "lease_owner = ?", values: [.text(owner)]) : .always
  }
}
