import Common
import Glibc

/// Why a result, or a file, is not taken.
struct Rejection: Error, Sendable, Equatable, CustomStringConvertible {
  let reason: RejectionReason
  /// What is special about this document.
  var detail: String?

  init(_ reason: RejectionReason, _ detail: String? = nil) {
    self.reason = reason
    self.detail = detail.flatMap { $0.isEmpty ? nil : $0 }
  }

  var description: String { reason.rawValue + (detail.map { ": \($0)" } ?? "") }

  /// The same without the private directory's path in its detail: it says the same wherever the work was done.
  func without(directory: String) -> Rejection {
    Rejection(reason, detail?.replacing("\(directory)/", with: ""))
  }
}

/// A result of an engine that was not taken.
struct RejectedResult: Sendable, Equatable {
  let engine: Engine
  let rejection: Rejection
  /// Its size, where there was a whole result and it is smaller than the original.
  var bytes: Int?

  /// Whether it was, or could have become, smaller than so many bytes.
  func mightBeat(_ best: Int) -> Bool {
    bytes.map { $0 < best } ?? !rejection.reason.rejectsResult
  }

  /// Of several, the one that would have saved most, or else the last one.
  static func costliest(_ results: [RejectedResult]) -> RejectedResult? {
    results.filter { $0.bytes != nil }.min { ($0.bytes ?? 0) < ($1.bytes ?? 0) } ?? results.last
  }
}

/// How long the steps of the work on a document took, by the clock. Of one thread.
final class StepTimes {
  /// A step: a check, or the work of an engine.
  enum Step: String, Sendable, CaseIterable {
    case source, images, ghostscript, structure, inventory, text, drawing
  }

  /// Nanoseconds of each step that was taken.
  private(set) var taken: [Step: Int64] = [:]
  private var inner: Int64 = 0

  /// Runs a step and adds its time, without that of steps inside of it.
  func measure<Result, Failure: Error>(
    _ step: Step, _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let (start, before) = (Time.monotonic(), inner)
    inner = 0
    defer {
      let whole = Time.monotonic() - start
      taken[step, default: 0] += whole - inner
      inner = before + whole
    }
    return try body()
  }
}

/// What a worker process found out about a document.
struct Findings: Sendable, Equatable {
  var verdict: JobVerdict
  /// The result that an engine made, or was to make, and that was not taken.
  var rejected: RejectedResult?
  /// Seconds of each step.
  var seconds: [StepTimes.Step: Double] = [:]
}

extension Rejection {
  var json: JSON {
    .object(["reason": .string(reason.rawValue), "detail": detail.map(JSON.string)])
  }

  init?(json: JSON) {
    guard let reason = json["reason"]?.string.flatMap(RejectionReason.init) else { return nil }
    self.init(reason, json["detail"]?.string)
  }
}

extension RejectedResult {
  var json: JSON {
    .object([
      "engine": .string(engine.rawValue), "reason": .string(rejection.reason.rawValue),
      "detail": rejection.detail.map(JSON.string), "bytes": bytes.map(JSON.int),
    ])
  }

  init?(json: JSON) {
    guard let engine = json["engine"]?.string.flatMap(Engine.init),
      let rejection = Rejection(json: json)
    else { return nil }
    self.init(engine: engine, rejection: rejection, bytes: json["bytes"]?.int)
  }
}

extension Findings {
  /// The times in seconds, to the microsecond, in the order of the steps.
  var times: JSON {
    var object = JSONObject()
    for step in StepTimes.Step.allCases {
      object[step.rawValue] = seconds[step].map { .decimal($0, 6) }
    }
    return .object(object)
  }

  static func seconds(_ json: JSON?) -> [StepTimes.Step: Double] {
    var seconds: [StepTimes.Step: Double] = [:]
    for step in StepTimes.Step.allCases { seconds[step] = json?[step.rawValue]?.double }
    return seconds
  }
}
