import Glibc

/// An outage that a tool waits for, as another program reads of it in the tool's ``OutageNotice``.
package struct OutageReport: Sendable, Equatable {
  package let tool: String
  /// What does not answer: `the portal mid (https://portal.example.org, look-up)`.
  package let name: String
  package let reason: String
  /// What to do; empty where there is nothing but to wait.
  package let advice: String
  /// When it began, in nanoseconds since 1970.
  package let since: Int64
  /// When it is tried again, likewise; past while a try is under way.
  package let nextTry: Int64
  /// When the run gives up, likewise.
  package let ends: Int64

  /// An outage, with times in nanoseconds since 1970.
  package init(
    tool: String, name: String, reason: String = "", advice: String = "", since: Int64,
    nextTry: Int64, ends: Int64 = .max
  ) {
    self.tool = tool
    self.name = name
    self.reason = reason
    self.advice = advice
    self.since = since
    self.nextTry = nextTry
    self.ends = ends
  }
}

extension OutageReport {
  /// All outages that living tools note in a folder, the longest first. What a killed program left behind is
  /// no outage: its process is gone, or another has its number, or nothing was heard for too long.
  package static func current(in folder: String, now: Int64 = Time.wall()) -> [OutageReport] {
    var reports: [OutageReport] = []
    for json in ProcessNote.current(in: folder) {
      let tool = json["tool"]?.string ?? ""
      reports += (json["outages"]?.array ?? []).compactMap { OutageReport($0, tool, now: now) }
    }
    return reports.sorted { ($0.since, $0.name) < ($1.since, $1.name) }
  }

  /// `the portal mid does not answer since 15:42; next try in 40 s`: for a line that has little room.
  package func short(now: Int64 = Time.wall()) -> String {
    let name = name.split(separator: "(").first.map(String.init) ?? name
    return words(name.hasSuffix(" ") ? String(name.dropLast()) : name, "", now)
  }

  /// The same with the address and with what is said there.
  package func text(now: Int64 = Time.wall()) -> String {
    words(name, reason.isEmpty ? "" : " (\(reason))", now)
  }

  private func words(_ name: String, _ reason: String, _ now: Int64) -> String {
    let seconds = Double(nextTry - now) / 1e9
    let next =
      seconds <= 0
      ? "trying now"
      : "next try in "
        + (seconds < 60 ? "\(Int(seconds.rounded(.up))) s" : Format.duration(seconds: seconds))
    return "\(name) does not answer since \(Self.clock(since, now))\(reason); \(next)"
  }

  /// The time of day here, and the day where that was not today.
  private static func clock(_ time: Int64, _ now: Int64) -> String {
    func parts(_ nanoseconds: Int64) -> tm {
      var seconds = time_t(nanoseconds / 1_000_000_000)
      var parts = tm()
      localtime_r(&seconds, &parts)
      return parts
    }
    func two(_ number: Int32) -> String { Format.padded("\(number)", 2) }
    let (then, today) = (parts(time), parts(now))
    let clock = "\(two(then.tm_hour)):\(two(then.tm_min))"
    let isToday = then.tm_yday == today.tm_yday && then.tm_year == today.tm_year
    return isToday
      ? clock
      : "\(then.tm_year + 1900)-\(two(then.tm_mon + 1))-\(two(then.tm_mday)) \(clock)"
  }

  private init?(_ json: JSON, _ tool: String, now: Int64) {
    guard let name = json["name"]?.string, let since = Self.time(json["since"]),
      let valid = Self.time(json["valid_until"]), valid > now
    else { return nil }
    self.tool = Format.printable(tool)
    self.name = Format.printable(name)
    reason = Format.printable(json["reason"]?.string ?? "")
    advice = Format.printable(json["advice"]?.string ?? "")
    self.since = since
    nextTry = Self.time(json["next_try"]) ?? now
    ends = Self.time(json["ends"]) ?? .max
  }

  /// ``Time/timestamp(_:)`` read back, to the millisecond.
  package static func time(_ json: JSON?) -> Int64? {
    guard let text = json?.string, text.hasSuffix("Z") else { return nil }
    let numbers = text.dropLast().split { "-T:.".contains($0) }.compactMap { Int32($0) }
    guard numbers.count == 7 else { return nil }
    var parts = tm()
    (parts.tm_year, parts.tm_mon, parts.tm_mday) = (numbers[0] - 1900, numbers[1] - 1, numbers[2])
    (parts.tm_hour, parts.tm_min, parts.tm_sec) = (numbers[3], numbers[4], numbers[5])
    // Years of another file may be too many to be nanoseconds.
    return Int64(timegm(&parts)).multipliedClamped(by: 1_000_000_000)
      .addingClamped(Int64(numbers[6]) * 1_000_000)
  }
}
