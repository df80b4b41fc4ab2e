import CLI
import Common
import Index
import Limiter
import Logging
import Page

/// What the dashboard can be told to do, where it was started with `--allow-control`: the operator's orders of `conveyor
/// limiter`, `retry` and `skip`. Each is asked about on a page of its own, and logged.
struct Control: Sendable, Equatable {
  enum Kind: String, Sendable, CaseIterable {
    case pause, resume, set, hours, clear, retry, skip
  }

  /// What is ordered.
  enum Order: Sendable, Equatable {
    case pause(host: String, seconds: Double?, why: String)
    case resume(host: String)
    case set(host: String, delay: Double)
    case hours(host: String, OpeningHours?)
    case clear(host: String)
    case retry(id: Int)
    case retryClass(String)
    case skip(id: Int, why: String)
  }

  let order: Order

  /// Reads a form. Throws with exit code 64 where something of it is missing or wrong.
  init(_ form: [String: String]) throws(Fatal) {
    func text(_ name: String) -> String { form[name] ?? "" }
    guard let kind = Kind(rawValue: text("action")) else {
      throw Fatal(.usage, "there is no action \(Format.quoted(text("action")))")
    }
    let host = text("host").lowercased()
    let why = Format.printable(String(text("why").prefix(200)))
    if [.pause, .resume, .set, .hours, .clear].contains(kind) {
      guard Self.isHost(host) else {
        throw Fatal(
          .usage, "\(Format.quoted(host)) is no host with its port, like portal.example.org:443")
      }
    }
    switch kind {
    case .pause:
      let span = text("for")
      let seconds = span.isEmpty ? nil : TimeSpan(parsing: span)?.seconds
      guard span.isEmpty || seconds != nil else { throw Fatal(.usage, TimeSpan.form) }
      order = .pause(host: host, seconds: seconds, why: why)
    case .resume: order = .resume(host: host)
    case .set:
      guard let delay = TimeSpan(parsing: text("delay")), delay.seconds <= 3600 else {
        throw Fatal(.usage, "which delay? \(TimeSpan.form) An hour is the longest.")
      }
      order = .set(host: host, delay: delay.seconds)
    case .hours:
      let hours = text("hours")
      guard hours == "always" || OpeningHours(hours) != nil else {
        throw Fatal(.usage, "which hours? \(OpeningHours.form) Or: always.")
      }
      order = .hours(host: host, OpeningHours(hours))
    case .clear: order = .clear(host: host)
    case .retry:
      if let id = Int(text("id")) {
        order = .retry(id: id)
      } else if let known = ErrorClass(rawValue: text("class")) {
        order = .retryClass(known.rawValue)
      } else {
        throw Fatal(.usage, "what is to be tried again? An id, or a class of errors.")
      }
    case .skip:
      guard let id = Int(text("id")), !why.isEmpty else {
        throw Fatal(.usage, "which document is not wanted, and why?")
      }
      order = .skip(id: id, why: why)
    }
  }

  /// `portal.example.org:443`, `[::1]:8080`: what a limiter has as a host.
  private static func isHost(_ text: String) -> Bool {
    guard let colon = text.lastIndex(of: ":"), text.count <= 260 else { return false }
    let name = text[..<colon]
    return !name.isEmpty && UInt16(text[text.index(after: colon)...]) != nil
      && name.utf8.allSatisfy {
        (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || ".-:[]_".utf8.contains($0)
      }
  }

  /// Does it, logs it, and says in one sentence what was done.
  func perform(_ sources: Sources, _ logger: Logger) throws -> String {
    let done = try act(sources)
    logger.notice("by the dashboard: \(done)")
    return done
  }

  private func act(_ sources: Sources) throws -> String {
    func steer(_ host: String, _ change: @Sendable (inout Steering) -> Void) throws {
      let limiter = try sources.limiter() ?? Limiter(at: sources.location)
      _ = try limiter.steer(host: host, change)
    }
    switch order {
    case .pause(let host, let seconds, let why):
      let until = seconds.map { Time.wall() + Int64($0 * 1e9) }
      try steer(host) { $0.pause = Steering.Pause(until: until, why: why) }
      let span = seconds.map { " for \(Format.duration(seconds: $0))" } ?? " until it is resumed"
      return "paused \(host)\(span)" + (why.isEmpty ? "" : ": \(why)")
    case .resume(let host):
      try steer(host) { $0.pause = nil }
      return "resumed \(host)"
    case .set(let host, let delay):
      try steer(host) { $0.delay = delay }
      return "set \(Format.decimal(delay, 3)) s between requests to \(host)"
    case .hours(let host, let hours):
      try steer(host) { $0.hours = hours }
      return "set the hours of \(host): \(hours?.description ?? "always")"
    case .clear(let host):
      try steer(host) { $0 = Steering() }
      return "took back all orders for \(host)"
    case .retry(let id):
      var selection = Selection()
      selection.ids = [id]
      selection.retriesFailed = true
      let count = try sources.index.requeueFailed(selection)
      return "set \(Format.counted(count, "failed document")) back to pending (\(id))"
    case .retryClass(let kind):
      var selection = sources.selection
      selection.errorClasses = [kind]
      selection.retriesFailed = true
      let count = try sources.index.requeueFailed(selection)
      return "set \(Format.counted(count, "failed document")) of class \(kind) back to pending"
    case .skip(let id, let why):
      let count = try sources.index.skip([id], why: why)
      return "marked \(Format.counted(count, "document")) as skipped (\(id)): \(why)"
    }
  }

  /// The form that asks what exactly is meant, and whether. `given` are the fields that are known already.
  static func form(_ given: [String: String]) -> String? {
    guard let kind = Kind(rawValue: given["action"] ?? "") else { return nil }
    let about = ["host", "id", "class"].compactMap { given[$0] }.first { !$0.isEmpty } ?? ""
    let hidden = ["action", "host", "id", "class"].compactMap { name in
      given[name].map {
        "<input type=\"hidden\" name=\"\(name)\" value=\"\(HTMLText.escaped($0))\">"
      }
    }
    let fields = kind.fields.map { field in
      "<label>\(field.label)<br><input name=\"\(field.name)\" size=\"32\" "
        + "placeholder=\"\(field.example)\"\(field.isNeeded ? " required" : "")></label>"
    }
    return """
      <h2>\(kind.question) <em>\(HTMLText.escaped(about))</em>?</h2>
      <p class="muted">\(kind.meaning)</p>
      <form method="post" action="/control">
      \((hidden + fields).joined(separator: "\n"))
      <p><button type="submit">Yes, \(kind.button)</button> <a href="/">No, back</a></p>
      </form>
      """
  }
}

extension Control.Kind {
  /// A field that the operator fills in.
  struct Field {
    let name: String
    let label: String
    let example: String
    let isNeeded: Bool
  }

  var fields: [Field] {
    switch self {
    case .pause:
      [
        Field(
          name: "for", label: "For how long? Left empty: until it is resumed.", example: "2h",
          isNeeded: false),
        Field(
          name: "why", label: "Why? Shown to all who meet the pause.",
          example: "the clerk's office called", isNeeded: false),
      ]
    case .set:
      [
        Field(
          name: "delay", label: "How much time between two requests?", example: "1s",
          isNeeded: true)
      ]
    case .hours:
      [
        Field(
          name: "hours", label: "When may it be asked? Or: always.",
          example: "22:00-06:00 America/Chicago", isNeeded: true)
      ]
    case .skip:
      [
        Field(
          name: "why", label: "Why is it not wanted?", example: "sealed by the court",
          isNeeded: true)
      ]
    case .resume, .clear, .retry: []
    }
  }

  fileprivate var question: String {
    switch self {
    case .pause: "Pause"
    case .resume: "Resume"
    case .set: "Change the delay of"
    case .hours: "Set the hours of"
    case .clear: "Take back all orders for"
    case .retry: "Try again"
    case .skip: "Mark as not wanted"
    }
  }

  fileprivate var meaning: String {
    switch self {
    case .pause, .resume, .set, .hours, .clear:
      "It holds for every run that shares the limiter, within a second, and until it is taken back. "
        + "No document loses an attempt."
    case .retry: "Failed documents become pending again, their attempts counted from 0."
    case .skip: "Only what is pending or failed can be skipped."
    }
  }

  fileprivate var button: String {
    switch self {
    case .pause: "pause it"
    case .resume: "resume it"
    case .set: "change it"
    case .hours: "set them"
    case .clear: "take them back"
    case .retry: "try again"
    case .skip: "mark it"
    }
  }
}
