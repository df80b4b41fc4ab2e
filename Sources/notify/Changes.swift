import Common

/// What is news in a look at a stage, compared with the look before. Pure.
///
/// A look is what `validate monitor --notify` sees; `state` is what was kept of the one before. Without one, what went
/// on before is no news, but what is wrong now is.
struct Changes: Sendable, Equatable {
  /// Nanoseconds between two digests of failed documents.
  static let betweenDigests: Int64 = 900 * 1_000_000_000
  /// A milestone is reached at each so many percent.
  private static let step = 10
  /// Ids that a digest names at most.
  private static let idsOfDigest = 10

  private(set) var events: [Event] = []
  /// What to keep for the next look.
  private(set) var state = JSONObject()

  private let look: JSON
  private let before: JSON?
  private let now: Int64
  private let common: [String: JSON?]

  init(_ look: JSON, since before: JSON?, now: Int64, run: String?, machine: String) {
    (self.look, self.before, self.now) = (look, before, now)
    common = [
      "stage": look["stage"], "run": run.map(JSON.string), "machine": .string(machine),
    ]
    addHealth()
    addOutages()
    addMilestone()
    addDigest()
  }

  private mutating func add(_ kind: Event.Kind, _ members: JSONObject) {
    var data = JSONObject()
    for name in ["stage", "run", "machine"] { data[name] = common[name] ?? nil }
    for member in members.members { data[member.name] = member.value }
    events.append(Event(kind, .object(data), time: now))
  }

  /// Critical is told once, and taken back only when what was critical is good again: what goes to and fro between
  /// critical and not so good makes no events.
  private mutating func addHealth() {
    var levels: [String: String] = [:]
    for check in look["checks"]?.array ?? [] {
      guard let name = check["name"]?.string, let level = check["level"]?.string else { continue }
      if levels[name] != "critical" { levels[name] = level }
    }
    let was = Set((before?["critical"]?.array ?? []).compactMap(\.string))
    let began = Set(levels.filter { $0.value == "critical" }.keys).subtracting(was)
    let ended = was.filter { levels[$0, default: "good"] == "good" }
    func data(_ names: Set<String>) -> JSONObject {
      let checks = (look["checks"]?.array ?? []).filter { names.contains($0["name"]?.string ?? "") }
      return ["checks": .array(checks), "errors_last_hour": look["errors_last_hour"]]
    }
    if !began.isEmpty { add(.healthCritical, data(began)) }
    let left = was.subtracting(ended).union(began)
    if !ended.isEmpty, left.isEmpty { add(.healthRecovered, data(ended)) }
    state["critical"] = .array(left.sorted().map(JSON.string))
  }

  private mutating func addOutages() {
    func byName(_ json: JSON?) -> [String: JSON] {
      let outages = (json?["outages"]?.array ?? []).compactMap { outage in
        outage["name"]?.string.map { ($0, outage) }
      }
      return Dictionary(outages) { first, _ in first }
    }
    let (was, outages) = (byName(before), byName(look))
    for (name, outage) in outages.sorted(by: { $0.key < $1.key }) where was[name] == nil {
      add(
        .outageBegan,
        [
          "name": .string(name), "reason": outage["reason"], "advice": outage["advice"],
          "since": outage["since"],
        ])
    }
    for (name, outage) in was.sorted(by: { $0.key < $1.key }) where outages[name] == nil {
      add(.outageEnded, ["name": .string(name), "since": outage["since"]])
    }
    state["outages"] = .array(outages.sorted { $0.key < $1.key }.map(\.value))
  }

  private mutating func addMilestone() {
    let documents = look["documents"]
    let total = documents?["total"]?.int ?? 0
    let done = documents?["done"]?.int ?? 0
    guard total > 0 else { return }
    let share = (Double(done) / Double(total) * 100).rounded(.down)
    let reached = min(100, max(0, Int(nearest: share))) / Self.step * Self.step
    let last = before?["milestone"]?.int ?? reached
    if reached > last {
      add(.milestone, ["percent": .int(reached), "documents": documents])
    }
    state["milestone"] = .int(reached)
  }

  private mutating func addDigest() {
    let counts = Self.counts(look["failures"])
    let told = before.map { Self.counts($0["told"]) } ?? counts
    // What was tried again and failed once more is new again.
    let kept = told.filter { counts[$0.key] != nil }.merging(counts) { min($0, $1) }
      .filter { told[$0.key] != nil }
    let new = counts.map { ($0.key, $0.value.subtractingClamped(kept[$0.key, default: 0])) }.filter
    { $0.1 > 0 }
    .sorted { ($1.1, $0.0) < ($0.1, $1.0) }
    let last = before?["digest"]?.int.map(Int64.init) ?? 0
    let sum = new.reduce(0) { $0.addingClamped($1.1) }
    guard sum > 0, last > now || now.subtractingClamped(last) >= Self.betweenDigests else {
      state["told"] = Self.json(kept)
      state["digest"] = .int(Int(last))
      return
    }
    let ids = (look["newest_failures"]?.array ?? []).prefix(min(Self.idsOfDigest, sum))
    let classes = new.map { JSON.object(["class": .string($0.0), "count": .int($0.1)]) }
    add(
      .documentsFailed,
      [
        "count": .int(sum), "classes": .array(classes), "ids": .array(Array(ids)),
        "next_step": .string("conveyor why ID; conveyor retry --class CLASS"),
      ])
    state["told"] = Self.json(counts)
    state["digest"] = .int(Int(now))
  }

  private static func counts(_ json: JSON?) -> [String: Int] {
    let pairs = (json?.object?.members ?? []).compactMap { member in
      member.value.int.map { (member.name, max(0, $0)) }
    }
    return Dictionary(pairs) { first, _ in first }
  }

  private static func json(_ counts: [String: Int]) -> JSON {
    var object = JSONObject()
    for (name, count) in counts.sorted(by: { $0.key < $1.key }) { object[name] = .int(count) }
    return .object(object)
  }
}
