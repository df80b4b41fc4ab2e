import Common
import Glibc

/// An operator's order to claim no more documents of a stage, wherever its pipelines run. It is a row of the index, holds
/// for runs that are under way and for those that begin later, and lasts until it is lifted.
package struct StopOrder: Sendable, Equatable {
  /// The stage; empty for all runs on the index, also those without a stage.
  package let stage: String
  /// When it was given, by the database's clock, and who gave it, for people.
  package let time: String
  package let author: String
  /// May be empty.
  package let why: String

  package init(stage: String, time: String, author: String, why: String) {
    (self.stage, self.time, self.author, self.why) = (stage, time, author, why)
  }

  /// Who gives one from here: the user, and the machine.
  package static var author: String {
    let user = getpwuid(geteuid()).map { String(cString: $0.pointee.pw_name) } ?? "\(geteuid())"
    return Format.printable("\(user)@\(LeaseOwner.thisHost)")
  }

  /// What it says to those who meet it.
  package var text: String {
    let what = stage.isEmpty ? "all runs on this index were" : "the stage \(stage) was"
    let reason = why.isEmpty ? "" : ": \(why)"
    return Format.printable("\(what) stopped at \(time) by \(author)\(reason)")
  }

  /// How it is taken back.
  package var advice: String {
    "Lift it with: conveyor stop --lift" + (stage.isEmpty ? "" : " --stage \(stage)")
  }
}

/// The statements, which are the same in both databases but for the time. The table is made when the first order is
/// given: an index without orders needs no migration for it.
enum StopOrders {
  static let table = "conveyor_stops"

  static func create(now: String) -> String {
    """
    CREATE TABLE \(table) (
      stage text PRIMARY KEY, ordered_at text NOT NULL DEFAULT (\(now)),
      author text NOT NULL, why text NOT NULL)
    """
  }

  static let give = """
    INSERT INTO \(table) (stage, author, why) VALUES (?, ?, ?) ON CONFLICT (stage) DO UPDATE
    SET ordered_at = excluded.ordered_at, author = excluded.author, why = excluded.why
    """

  static let lift = "DELETE FROM \(table) WHERE stage = ?"

  static let all = "SELECT stage, ordered_at, author, why FROM \(table) ORDER BY stage"

  /// The orders of rows of ``all``.
  static func read(_ rows: [[String?]]) -> [StopOrder] {
    rows.map {
      StopOrder(stage: $0[0] ?? "", time: $0[1] ?? "", author: $0[2] ?? "", why: $0[3] ?? "")
    }
  }
}

extension [StopOrder] {
  /// The one that a run of a stage, or of none, has to obey.
  package func order(for stage: String?) -> StopOrder? {
    first { $0.stage.isEmpty || $0.stage == stage }
  }
}
