/// How a program of ours ends: one table for all of them (each shows it with `--help`).
/// The numbers from 64 on are those of sysexits.h.
package enum ToolExit: Int32, Sendable, CaseIterable {
  case success = 0
  case other = 1
  case documentsFailed = 3
  case usage = 64
  case notRecords = 65
  case unavailable = 69
  case inputOutput = 74
  case permission = 77
  case configuration = 78
  case interrupted = 130

  /// What it means, in a few words.
  package var meaning: String {
    switch self {
    case .success: "ok"
    case .other: "other"
    case .documentsFailed: "documents failed"
    case .usage: "usage"
    case .notRecords: "not JSON lines"
    case .unavailable: "unavailable"
    case .inputOutput: "I/O"
    case .permission: "permission"
    case .configuration: "configuration"
    case .interrupted: "interrupted"
    }
  }

  /// All codes in one line, which every `--help` has.
  package static let table =
    "EXIT CODES: " + allCases.map { "\($0.rawValue) \($0.meaning)" }.joined(separator: " · ")
}

/// The run cannot go on. What a tool throws when no single document is at fault.
package struct Fatal: Error, Sendable, Equatable, CustomStringConvertible {
  /// How the process is to end.
  package let code: ToolExit
  /// One line: what was wrong, what was expected, what to do.
  package let message: String

  /// A reason to end the run with `code`.
  package init(_ code: ToolExit, _ message: String) {
    self.code = code
    self.message = SecretRedactor.message(message)
  }

  package var description: String { message }
}

extension Fatal {
  /// Any error, as the end of a run.
  package init(describing error: any Error) {
    self = error as? Fatal ?? Fatal(.other, Format.reason(error))
  }
}
