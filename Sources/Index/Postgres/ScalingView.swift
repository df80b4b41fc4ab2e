import Common

/// A view that says how many pipelines of a stage are worth having: never more than the portals' budgets keep busy, and
/// none where there is nothing to do (docs/kubernetes.md). KEDA reads it, as a role that may read nothing else.
///
/// It is printed and not made: who owns the table runs it. Pure.
package struct ScalingView: Sendable {
  /// Threads of fetch that a pipeline counts for.
  package static let threads = 5
  /// Documents that make another pipeline worth its start.
  package static let documents = 100
  /// More than so many are not counted: a million rows would be read each minute for a number that is cut anyway.
  package static let mostCounted = 10_000
  /// Hosts that were not asked on the last day of a stage's work are no longer its hosts.
  static let memory = "1 day"

  package let stage: String
  let selection: Selection

  /// Throws for a selection of failed documents: those that fail again would be selected for ever.
  package init(stage: String, _ selection: Selection) throws(Fatal) {
    guard !selection.retriesFailed else {
      throw Fatal(
        .configuration,
        "the stage \(stage) tries failed documents again, and so never runs out of them. Run it once, as a Job."
      )
    }
    (self.stage, self.selection) = (stage, selection)
  }

  /// `conveyor_scaling_` and the stage's name in letters, digits and underscores, as long as PostgreSQL takes it.
  package var name: String {
    let word = stage.lowercased().unicodeScalars.map { scalar in
      scalar.isASCII && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar))
        ? String(scalar) : "_"
    }
    return String(("conveyor_scaling_" + word.joined()).prefix(63))
  }

  /// The statements, each of which may be run again.
  package var sql: String {
    let stage = Self.literal(.text(stage))
    let due = "(next_attempt_at IS NULL OR next_attempt_at <= now())"
    let begun = Condition.all([
      Condition(sql: "download_status = 'in_progress'"), selection.documents,
    ])
    return """
      -- How many pipelines of \(Format.quoted(self.stage)) are worth having; the owner of index_documents runs this once.
      -- Then: GRANT SELECT, INSERT, UPDATE ON conveyor_paces TO the role of the runs;
      --       GRANT SELECT ON \(name) TO the role of KEDA.
      CREATE TABLE IF NOT EXISTS conveyor_paces (
        stage text, host text,
        delay double precision NOT NULL,    -- between two requests, in seconds
        latency double precision NOT NULL,  -- of good answers, in seconds, a moving mean
        noted_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (stage, host));
      CREATE OR REPLACE VIEW \(name) AS
      SELECT claimable, in_progress, useful_workers,
        CASE WHEN claimable + in_progress = 0 THEN 0
          ELSE GREATEST(1, LEAST(ceil(useful_workers / \(Self.threads).0),
            ceil((claimable + in_progress) / \(Self.documents).0))) END::integer AS useful_pipelines
      FROM (
        SELECT COALESCE(sum(CASE WHEN delay > 0 THEN ceil(latency / delay) + 1
          ELSE \(Self.threads) END), \(Self.threads)) AS useful_workers
        FROM conveyor_paces WHERE stage = \(stage) AND noted_at >= (
          SELECT max(noted_at) - INTERVAL '\(Self.memory)' FROM conveyor_paces WHERE stage = \(stage))
      ) AS budgets, (
        SELECT count(*) AS claimable FROM (
          SELECT FROM index_documents WHERE \(Self.inlined(selection.pending))
            AND \(due) LIMIT \(Self.mostCounted)) AS due
      ) AS waiting, (
        SELECT count(*) AS in_progress FROM (
          SELECT FROM index_documents WHERE \(Self.inlined(begun)) LIMIT \(Self.mostCounted)) AS begun
      ) AS working;
      """
  }

  /// A condition with its values in their places: a view takes no parameters.
  private static func inlined(_ condition: Condition) -> String {
    var values = condition.values[...]
    return condition.sql.map { $0 == "?" ? values.popFirst().map(literal) ?? "NULL" : String($0) }
      .joined()
  }

  /// An escape string constant, which means the same whatever standard_conforming_strings is (PostgreSQL manual,
  /// 4.1.2.2).
  private static func literal(_ value: Condition.Value) -> String {
    switch value {
    case .int(let number): String(number)
    case .text(let text): "E'" + text.replacing("\\", with: "\\\\").replacing("'", with: "''") + "'"
    }
  }
}
