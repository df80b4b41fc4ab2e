import ArgumentParser
import CLI
import Common
import Glibc
import Limiter
import Logging

/// `fetch limiter`, or `conveyor limiter`: how the hosts are asked, and the operator's orders.
struct LimiterCommand: Tool {
  enum Action: String, CaseIterable, ExpressibleByArgument {
    case show, pause, resume, set, hours, clear
  }

  static let configuration = CommandConfiguration(
    commandName: "limiter",
    abstract: "Show how hosts are asked; pause or slow one.",
    usage: """
      fetch limiter [show] [OPTION]…
      fetch limiter pause HOST [--for TIME] [--why TEXT]
      fetch limiter resume HOST
      fetch limiter set HOST --delay TIME
      fetch limiter hours HOST "22:00-06:00 America/Chicago"
      fetch limiter clear HOST
      """,
    discussion: """
      Orders hold for every run that shares the limiter, within a second, and until they are taken back: resume
      ends a pause, hours always ends hours, clear ends all. No document pays: its lease is kept, and no attempt is
      used up. A HOST without port is found among those that were asked.

        fetch limiter pause portal.example.org --for 2h --why "clerk's office called"
        fetch limiter set portal.example.org --delay 1s --limiter postgres://db/madison

      \(ToolExit.table)
      """)

  @Argument(help: "What to do.")
  var action = Action.show

  @Argument(help: ArgumentHelp("Whom it is about, as show prints it.", valueName: "host"))
  var host: String?

  @Argument(
    help: ArgumentHelp("Hours of the day and their time zone, or always.", valueName: "hours"))
  var hours: String?

  @Option(
    name: .customLong("for"),
    help: ArgumentHelp("Pause for this long. (default: until resume)", valueName: "time"))
  var span: TimeSpan?

  @Option(help: ArgumentHelp("Say why, to all who meet the pause.", valueName: "text"))
  var why: String?

  @Option(help: ArgumentHelp("Let this much time pass between requests.", valueName: "time"))
  var delay: TimeSpan?

  @Flag(help: .json)
  var json = false

  @OptionGroup var place: StateOptions
  @OptionGroup var log: LogOptions

  func perform(stop: ShutdownSignal, logger: Logger) throws -> ToolExit {
    let folder = try place.folder()
    let location = try LimiterLocation(place.limiter(in: folder))
    guard action != .show else {
      guard location.isThere else {
        throw Fatal(
          .inputOutput,
          "there is no limiter yet: nothing was asked. Or name its place with --limiter.")
      }
      let hosts = try Limiter(at: location, stop: stop).status()
      let shown = try host.map { try [HostName.find($0, among: hosts.map(\.host))] }
      return try stop.print(
        hosts.filter { shown?.contains($0.host) ?? true }
          .flatMap { json ? [$0.json.description] : $0.lines })
    }
    let change = try change()
    // An order may come before the first run.
    umask(0o077)
    try place.makeLimiterFolder(folder)
    let limiter = try Limiter(at: location, stop: stop)
    guard let host else { throw Fatal(.usage, "which host? `fetch limiter show` lists them.") }
    let name = try HostName.find(host, among: try limiter.status().map(\.host))
    _ = try limiter.steer(host: name, change)
    let status = try limiter.status().filter { $0.host == name }
    let lines = status.flatMap { json ? [$0.json.description] : $0.lines }
    return try stop.print(lines.isEmpty && !json ? ["\(name): no orders"] : lines)
  }

  /// What the command line orders. Throws with exit code 64 where something of it is missing.
  private func change() throws(Fatal) -> @Sendable (inout Steering) -> Void {
    switch action {
    case .pause:
      let until = span.map { Time.wall() + Int64($0.seconds * 1e9) }
      let why = Format.printable(why ?? "")
      return { $0.pause = Steering.Pause(until: until, why: why) }
    case .resume: return { $0.pause = nil }
    case .set:
      guard let delay else { throw Fatal(.usage, "how slowly? --delay TIME, such as 1s") }
      return { $0.delay = delay.seconds }
    case .hours:
      guard let hours else { throw Fatal(.usage, "which hours? \(OpeningHours.form)") }
      guard hours != "always" else { return { $0.hours = nil } }
      guard let parsed = OpeningHours(hours) else {
        throw Fatal(.usage, "\(Format.quoted(hours)) are no hours. \(OpeningHours.form)")
      }
      return { $0.hours = parsed }
    case .clear, .show: return { $0 = Steering() }
    }
  }
}

/// What an operator calls a host, and its name in the limiter, which has its port. Pure.
enum HostName {
  /// Throws with exit code 64 where it is not known, or may be several.
  static func find(_ text: String, among known: [String]) throws(Fatal) -> String {
    let name = text.lowercased()
    if known.contains(name) { return name }
    let found = known.filter { $0.prefix { $0 != ":" } == name }
    if found.count == 1 { return found[0] }
    // With a port it is a name of its own, for a host that will be asked.
    let port = name.split(separator: ":", omittingEmptySubsequences: false)
    if port.count == 2, !port[0].isEmpty, UInt16(port[1]) != nil { return name }
    let list = (found.isEmpty ? known : found).joined(separator: ", ")
    let shown = Format.quoted(text)
    throw Fatal(
      .usage,
      found.isEmpty
        ? "no host \(shown) was asked\(list.isEmpty ? "" : " (there are: \(list))"). "
          + "To order something in advance, give its port, too: HOST:443."
        : "\(shown) may be \(list). Say which.")
  }
}

extension Limiter.HostStatus {
  /// For people.
  fileprivate var lines: [String] {
    let asked =
      pause > 0 ? "paused for \(Format.duration(seconds: pause)), as it asked (429 or 503)" : nil
    let now = steering.closure(at: Time.wall()) ?? asked ?? "may be asked"
    var lines = ["\(host): \(now)"]
    if let delay = steering.delay {
      lines.append("  ordered: \(Format.decimal(delay, 3)) s between requests")
    }
    if let hours = steering.hours { lines.append("  ordered: hours \(hours)") }
    if refusals > 0 {
      lines.append("  \(Format.counted(refusals, "refusal")) since its last good answer")
    }
    if let lastStart {
      lines.append("  last asked \(Format.duration(seconds: lastStart)) ago")
    }
    return lines
  }
}
