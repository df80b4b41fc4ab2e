import CLI
import Common
import Glibc

/// `conveyor doctor`: what is installed, what is reachable, and what is missing, a line each.
struct Doctor {
  /// What came of one check. Pure.
  struct Finding: Sendable, Equatable {
    enum State: Sendable, Equatable {
      case fine
      /// The exit code that a run would end with.
      case missing(Int32)
      /// Not asked, or not needed by everybody.
      case open
    }

    let title: String
    let state: State
    let text: String

    init(_ title: String, _ state: State, _ text: String = "") {
      (self.title, self.state) = (title, state)
      self.text = text.split(separator: "\n").joined(separator: "; ")
    }

    /// What could not be checked, and why.
    init(_ title: String, _ error: any Error) {
      let fatal = Fatal(describing: error)
      self.init(title, .missing(fatal.code.rawValue), Format.printable(fatal.message))
    }

    /// `ok       index: 5,280`.
    var line: String {
      let mark =
        switch state {
        case .fine: "ok"
        case .missing: "MISSING"
        case .open: "-"
        }
      return Format.padRight(mark, 9) + title + (text.isEmpty ? "" : ": \(text)")
    }

    /// The exit code of all: that of the first that is missing.
    static func code(of findings: [Finding]) -> Int32 {
      for finding in findings { if case .missing(let code) = finding.state { return code } }
      return 0
    }
  }

  /// A run keeps a few hundred documents on this disk at a time, of a megabyte or so each.
  static let leastSpace = 256 << 20

  let preflight: Preflight
  private var settings: RunSettings { preflight.settings }
  private var programs: Programs { preflight.programs }

  /// Makes all checks in order; `show` gets each finding at once. Returns the exit code.
  func run(_ show: (Finding) throws -> Void) rethrows -> Int32 {
    var findings: [Finding] = []
    func note(_ finding: Finding) throws {
      findings.append(finding)
      try show(finding)
    }
    for tool in Programs.tools { try note(version(of: tool)) }
    for finding in checkConfiguration() { try note(finding) }
    try note(needed("gs", "ghostscript", "optimize needs it"))
    try note(
      needed("xlsx2csv", "xlsx2csv", "only the import of spreadsheets needs it", isOptional: true))
    try note(check("Ghostscript") { try programs.run("optimize", ["status"], .captured) })
    let stages = Preflight.stageNames(in: preflight.stagesFolder)
    try note(
      stages.isEmpty
        ? Finding(
          "stages", .missing(ToolExit.configuration.rawValue),
          "there are no stage files in \(preflight.stagesFolder). `conveyor init NAME` makes one.")
        : Finding("stages", .fine, stages.joined(separator: " ")))
    try note(space())
    // A stage that cannot be read keeps the destination from being tried as that stage would have it.
    var readable: String?
    if let stage = settings.stage {
      readable = try checkStage(stage, note) ? stage : nil
    }
    try note(checkIndex())
    if settings.fleet != nil { try note(checkFleet()) }
    try note(checkDestination(readable ?? "stage-0-test"))
    try note(checkReceivers())
    return Finding.code(of: findings)
  }

  /// Whether a tool is there, and of the same build as the others.
  private func version(of tool: String) -> Finding {
    let finding = check(tool) { try programs.run(tool, ["--version"], .captured) }
    guard finding.state == .fine else { return finding }
    let line = finding.text.split(separator: ";").first.map(String.init)
    guard let difference = Version.difference(line, of: tool) else {
      return Finding(tool, .fine, Version.number)
    }
    return Finding(
      tool, .missing(ToolExit.configuration.rawValue),
      "\(difference). Install all programs of one version, or build them again with `make build`.")
  }

  /// What `conveyor.env` sets, and what is set and read by nothing.
  private func checkConfiguration() -> [Finding] {
    guard let site = try? Driver.site.get() else { return [] }
    let first =
      site.file.map { file in
        Finding("settings", .fine, "\(file), \(Format.counted(site.settings.count, "setting"))")
      }
      ?? Finding(
        "settings", .open, "no conveyor.env here, in ~/.config/conveyor or in /etc/conveyor")
    let set = Set(programs.environment.keys.filter { $0.hasPrefix("CONVEYOR_") })
    let known = programs.variables()
    let unknown = set.subtracting(known).sorted().map { name in
      let near = NearestName.of(name, among: known.sorted()).map { " Did you mean \($0)?" } ?? ""
      return Finding(
        "settings", .missing(ToolExit.configuration.rawValue),
        "\(Format.printable(name)) is set, and nothing reads it.\(near)")
    }
    return [first] + unknown
  }

  /// Returns whether the stage's file can be read.
  private func checkStage(
    _ stage: String, _ note: (Finding) throws -> Void
  ) rethrows -> Bool {
    let shown = SecretRedactor.setting(stage)
    let names: [String]
    do { names = try preflight.pipeline(stage) } catch {
      try note(Finding("stage \(shown)", error))
      return false
    }
    try note(Finding("stage \(shown)", .fine, names.joined(separator: " → ")))
    try note(
      check("pipeline of \(shown)") {
        try nothing(preflight.paths(of: ["enqueue"] + names + ["validate"]))
      })
    let portals = check("portals of \(shown)") {
      try preflight.portals(stage, state: nil, .captured)
    }
    try note(portals)
    if settings.usesNetwork, portals.state == .fine {
      try note(check("answers of the portals") { try probe(stage) })
    }
    return true
  }

  private func checkIndex() -> Finding {
    guard settings.index != nil else {
      return Finding("index", .open, "not named (--index URL, or CONVEYOR_INDEX)")
    }
    return check("index") {
      try programs.run("enqueue", ["count"], .captured, with: settings.environment)
    }
  }

  private func checkFleet() -> Finding {
    let finding = check("fleet") { try preflight.queue(.captured) }
    guard finding.state == .fine, let queue = try? JSON(parsing: finding.text) else {
      return finding
    }
    return Self.fleet(queue)
  }

  /// What the queue of a fleet says of itself, in words. Pure.
  static func fleet(_ queue: JSON) -> Finding {
    let workers = Format.counted(queue["workers"]?.array?.count ?? 0, "worker")
    let text =
      "\(workers), \(queue["waiting"]?.int ?? 0) waiting, \(queue["in_flight"]?.int ?? 0) in flight"
    guard queue["persistent"]?.bool == false else { return Finding("fleet", .fine, text) }
    return Finding(
      "fleet", .open,
      "\(text); Redis forgets what it has when it stops (appendonly no): pauses that portals asked for are "
        + "lost, and documents fetched again. Set appendonly yes, as deploy/redis.conf has it.")
  }

  private func checkDestination(_ stage: String) -> Finding {
    guard settings.usesNetwork else {
      return Finding("answers of the portals, destination", .open, "not asked (--no-network)")
    }
    guard let to = settings.to else {
      return Finding("destination", .open, "not named (--to URL, or CONVEYOR_TO)")
    }
    return check("destination \(SecretRedactor.setting(to))") {
      try preflight.destination(to, stage, .captured)
    }
  }

  /// Who is told of runs: whether keys and addresses can be read, and what waits.
  private func checkReceivers() -> Finding {
    let notice = Notice(programs: programs, settings: settings)
    guard notice.isWanted else {
      return Finding("webhooks and pings", .open, "not named (--webhook URL, --ping URL)")
    }
    return check("webhooks and pings") { try notice.status() }
  }

  /// One polite request to each portal, within the budget of the runs.
  private func probe(_ stage: String) throws -> Programs.Finished {
    let location = try? location()
    let place = location.map { ["--state", $0.state] } ?? []
    let limiter = settings.limiter == nil ? location.map { ["--limiter", $0.limiter] } ?? [] : []
    return try programs.run(
      "fetch",
      ["probe", "--stage", stage] + place + limiter + settings.words("fetch", "probe"),
      .captured, with: settings.environment)
  }

  /// Where a run would have its state; without an index, where those of all indexes are.
  private func location() throws -> (state: String, limiter: String) {
    if settings.index != nil, let found = try? preflight.location(.dropped) { return found }
    let folder = try StateFolder(named: settings.state)
    return (folder.path, folder.limiter)
  }

  /// How much room there is where the state is, or will be.
  private func space() -> Finding {
    guard let path = (try? location())?.state else {
      return check("disk space") { try nothing(location()) }
    }
    var folder = path.hasPrefix("/") ? path : "./\(path)"
    var status = statvfs()
    while statvfs(folder, &status) != 0, errno == ENOENT, let slash = folder.lastIndex(of: "/") {
      folder = slash == folder.startIndex ? "/" : String(folder[..<slash])
    }
    guard access(folder, W_OK) == 0 else {
      return Finding(
        "disk space", .missing(ToolExit.permission.rawValue),
        "cannot write to \(folder) for the state folder \(path): \(String(cString: strerror(errno))). Name "
          + "another folder with --state.")
    }
    // A file system that has no end may say what does not fit (statvfs(3)).
    let (free, isBeyond) = UInt64(status.f_bavail).multipliedReportingOverflow(
      by: UInt64(status.f_frsize))
    return Self.space(isBeyond ? .max : Int(clamping: free), at: path)
  }

  /// What so many free bytes mean for a run. Pure.
  static func space(_ free: Int, at path: String) -> Finding {
    let text = "\(Format.bytes(free)) free for the state folder \(path)"
    guard free < leastSpace else { return Finding("disk space", .fine, text) }
    return Finding(
      "disk space", .missing(ToolExit.inputOutput.rawValue),
      "\(text); a run needs \(Format.bytes(leastSpace)). Make room, or name another disk with --state."
    )
  }

  /// A program of the system, or the command that installs it.
  private func needed(
    _ program: String, _ package: String, _ purpose: String, isOptional: Bool = false
  ) -> Finding {
    if programs.installed(program) != nil { return Finding(program, .fine) }
    return Finding(
      program, isOptional ? .open : .missing(ToolExit.configuration.rawValue),
      "not installed, and \(purpose). Install it with: sudo apt-get install \(package) "
        + "(Debian, Ubuntu), or: make deps")
  }

  /// For checks that print nothing.
  private func nothing(_ result: some Any) -> Programs.Finished? { nil }

  /// What came of a check; of a tool's, with what it printed.
  private func check(_ title: String, _ work: () throws -> Programs.Finished?) -> Finding {
    do {
      guard let finished = try work() else { return Finding(title, .fine) }
      let state = finished.status == 0 ? Finding.State.fine : .missing(finished.status)
      return Finding(title, state, finished.text)
    } catch { return Finding(title, error) }
  }
}
