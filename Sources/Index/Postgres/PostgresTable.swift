import Common
import Postgres

/// The users' table in PostgreSQL as the catalogue describes it, and whether we can work on it.
struct PostgresTable: Sendable {
  struct Column: Sendable {
    let name: String
    /// As the server names it, without a length: `character varying`.
    let type: String
    /// How many characters it holds, where it is limited.
    let length: Int?
    let isGenerated: Bool
  }

  let schema: String
  let owner: String
  /// pg_class.relkind: `r` a table, `p` a partitioned one, `v` a view, `m` a materialized one, `f` foreign.
  let kind: String
  /// Whether it is one relation, without partitions or tables that inherit from it.
  let isPlain: Bool
  /// Who asks, and whether that role may change the table (is the owner, or a member of it).
  let role: String
  let mayAlter: Bool
  let columns: [String: Column]

  var isPartitioned: Bool { kind == "p" }

  /// Characters of an error's text that are kept.
  var longestMessage: Int { min(1000, columns["download_error"]?.length ?? 1000) }

  /// The table that the name means with this role's search_path; `nil` where there is none.
  init?(_ connection: Connection) throws(PostgresError) {
    let rows = try connection.query(
      """
      SELECT n.nspname, pg_get_userbyid(c.relowner), c.relkind,
        c.relkind = 'r' AND NOT c.relhassubclass, current_user,
        pg_has_role(current_user, c.relowner, 'USAGE') AND has_schema_privilege(n.oid, 'CREATE')
      FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
      WHERE c.oid = to_regclass('index_documents')
      """)
    guard let row = rows.values.first else { return nil }
    schema = row[0] ?? ""
    owner = row[1] ?? ""
    kind = row[2] ?? ""
    isPlain = row[3] == "t"
    role = row[4] ?? ""
    mayAlter = row[5] == "t"
    // attgenerated came with PostgreSQL 12; as JSON it may be missing.
    let attributes = try connection.query(
      """
      SELECT attname, format_type(atttypid, NULL),
        CASE WHEN atttypid IN ('varchar'::regtype, 'bpchar'::regtype) AND atttypmod > 4
          THEN atttypmod - 4 END,
        COALESCE(to_jsonb(a) ->> 'attgenerated', '') <> ''
      FROM pg_attribute AS a
      WHERE attrelid = to_regclass('index_documents') AND attnum > 0 AND NOT attisdropped
      """)
    var columns: [String: Column] = [:]
    for row in attributes.values {
      guard let name = row[0] else { continue }
      columns[name] = Column(
        name: name, type: row[1] ?? "", length: row[2].flatMap { Int($0) },
        isGenerated: row[3] == "t")
    }
    self.columns = columns
  }

  /// What to say where the name means no table: perhaps it is in another schema.
  static func missing(_ connection: Connection, in name: String) throws(PostgresError) -> Fatal {
    let rows = try connection.query(
      """
      SELECT n.nspname, current_setting('search_path') FROM pg_class AS c
      JOIN pg_namespace AS n ON n.oid = c.relnamespace
      WHERE c.relname = 'index_documents' AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
      ORDER BY 1
      """)
    guard let row = rows.values.first, let schema = row[0] else {
      return Fatal(
        .configuration, "\(name) has no table index_documents. Create it with: enqueue init")
    }
    let all = rows.values.compactMap { $0[0] }.joined(separator: ", ")
    return Fatal(
      .configuration,
      Format.printable(
        "\(name) has index_documents in the schema \(all), which this role does not search "
          + "(search_path: \(row[1] ?? "")); add ?options=-csearch_path%3D\(schema) to the URL, or ALTER "
          + "ROLE … SET search_path = \(schema)"))
  }

  /// Throws where columns are missing.
  func check(_ names: [String], in name: String, _ advice: String) throws(Fatal) {
    let missing = names.filter { columns[$0] == nil }
    guard missing.isEmpty else {
      throw Fatal(
        .configuration,
        "the table index_documents in \(name) lacks the columns "
          + missing.joined(separator: ", ") + advice)
    }
  }

  /// Throws where it is not a table of the form that we can work on, whatever its columns are.
  func checkShape(in name: String) throws(Fatal) {
    if let rejection { throw Fatal(.configuration, "index_documents in \(name) \(rejection)") }
  }

  private var rejection: String? {
    let kinds = ["v": "a view", "m": "a materialized view", "f": "a foreign table"]
    if let what = kinds[kind] {
      return
        "is \(what): documents can be claimed only in a table. Set search_path to the schema of the "
        + "table, or connect to the database that has it."
    }
    let wholeNumbers = ["bigint", "integer", "smallint"]
    if let column = Self.numbers.compactMap({ columns[$0] }).first(where: {
      !wholeNumbers.contains($0.type)
    }) {
      return column.name == "id"
        ? "has ids of type \(column.type): Conveyor needs whole numbers. Add a bigint column to the "
          + "table and rename it to id."
        : "has the column \(column.name) of type \(column.type): Conveyor needs whole numbers. Run: "
          + "ALTER TABLE index_documents ALTER COLUMN \(column.name) TYPE integer USING "
          + "\(column.name)::integer"
    }
    if let column = Self.written.compactMap({ columns[$0] }).first(where: \.isGenerated) {
      return
        "generates the column \(column.name), which Conveyor must write. Drop its expression: "
        + "ALTER TABLE index_documents ALTER COLUMN \(column.name) DROP EXPRESSION"
    }
    for (column, needed) in Self.lengths.sorted(by: { $0.key < $1.key }) {
      if let length = columns[column]?.length, length < needed {
        return
          "has only \(length) of \(needed) characters in the column \(column). Widen it: ALTER TABLE "
          + "index_documents ALTER COLUMN \(column) TYPE varchar(\(needed))"
      }
    }
    return nil
  }

  /// What the longest value of a closed vocabulary, or of our own making, takes.
  private static let lengths = [
    "download_status": 11, "lease_token": 32, "last_lease_token": 32, "lease_owner": 200,
    "content_sha256": 64, "content_md5": 32, "error_class": 20, "optimize_outcome": 11,
    "optimize_reason": RejectionReason.allCases.map(\.rawValue.count).max() ?? 0,
  ]

  /// Columns that are compared and counted as whole numbers: of texts, 1000 would come before 238.
  private static let numbers = [
    "id", "book", "page", "download_priority", "download_attempts", "lost_leases",
  ]

  /// The columns that claims and settlements write.
  private static let written =
    PostgresSchema.added + [
      "download_status", "download_attempts", "download_error", "downloaded_at", "gcs_path",
      "actual_book", "actual_page", "book_page_mismatch",
    ]
}
