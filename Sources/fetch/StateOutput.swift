import Limiter
import Checkpoint
import Common
import Glibc

/// What `--limiter-status` and `--checkpoint-status` print. Asking creates no file.
enum StateOutput {
  static func limiter(_ place: String) throws(Fatal) -> [String] {
    let location = try LimiterLocation(place)
    if case .file(let path) = location { try requireFile(path, "limiter") }
    return try Limiter(at: location).status().map { status in
      JSON.object([
        "host": .string(status.host), "next_slot_seconds": .decimal(status.nextSlot),
        "pause_seconds": .decimal(status.pause),
        "last_start_seconds_ago": status.lastStart.map { .decimal($0) },
        "refusals": .int(status.refusals),
      ]).description
    }
  }

  static func checkpoint(_ path: String) throws(Fatal) -> [String] {
    try requireFile(path, "checkpoint")
    let summary = try Checkpoint(path: path).summary()
    var errors = JSONObject()
    for (kind, count) in summary.errors { errors[kind] = .int(count) }
    return [
      JSON.object([
        "fetched": .int(summary.fetched), "bytes": .int(summary.bytes), "errors": .object(errors),
      ]).description
    ]
  }

  private static func requireFile(_ path: String, _ what: String) throws(Fatal) {
    guard access(path, F_OK) == 0 else {
      throw Fatal(.inputOutput, "there is no \(what) at \(path); name its directory with --state")
    }
  }
}
