import CLI
import Common
import Config
import Files
import Glibc

/// What has to be there before a run, each by the command of the tool that knows it. The first that is not
/// there ends the preflight with that tool's exit status and message.
struct Preflight {
  let settings: RunSettings
  var programs: Programs
  let stagesFolder: String

  /// What a run has before its index is asked: a name for the stage, the index and the destination, where its
  /// state is, and every program of its pipeline.
  func plan() throws -> RunPlan {
    guard let stage = settings.stage else { throw whichStage }
    guard settings.index != nil else { throw whichIndex }
    guard let to = settings.to else { throw whereTo }
    let location = try location()
    let middle = try pipeline(stage)
    let isHead = settings.fleet != nil
    return RunPlan(
      settings: settings, role: isHead ? .head : .alone, stage: stage, to: to,
      state: location.state, limiter: location.limiter, middle: middle,
      paths: try paths(of: ["enqueue"] + (isHead ? ["queue"] : middle) + ["validate"]))
  }

  /// The same for a machine that works for a head: it needs no index, and shares the limiter of all.
  func workerPlan() throws -> RunPlan {
    guard let stage = settings.stage else { throw whichStage }
    guard let fleet = settings.fleet else {
      throw Fatal(.usage, "which fleet? --fleet redis://HOST/0, or CONVEYOR_FLEET")
    }
    guard let to = settings.to else { throw whereTo }
    var settings = settings
    settings.limiter = settings.limiter ?? fleet
    let folder = try StateFolder(named: settings.state)
    let middle = try pipeline(stage)
    return RunPlan(
      settings: settings, role: .worker, stage: stage, to: to, state: folder.path,
      limiter: folder.limiter, middle: middle, paths: try paths(of: ["queue"] + middle))
  }

  /// Asks the portals' files, the store and the queue.
  func checkWorker(_ plan: RunPlan) throws {
    _ = try demand(portals(plan.stage, state: plan.state))
    _ = try demand(destination(plan.to, plan.stage))
    _ = try demand(queue())
  }

  /// What the queue of a fleet says.
  func queue(_ messages: Programs.Messages = .shown) throws -> Programs.Finished {
    let name = settings.queue ?? settings.stage ?? "default"
    return try programs.run(
      "queue", ["status", "--queue", name], messages, with: settings.environment)
  }

  private var whichStage: Fatal {
    let known = Self.stageNames(in: stagesFolder).joined(separator: " ")
    return Fatal(.usage, "which stage? --stage NAME; there are: \(known)")
  }

  private var whichIndex: Fatal { Fatal(.usage, "which index? --index URL, or CONVEYOR_INDEX") }

  private var whereTo: Fatal { Fatal(.usage, "where to? --to URL, or CONVEYOR_TO") }

  /// Asks the portals' files, the store and the index; returns how many documents there are to do.
  func check(_ plan: RunPlan) throws -> Int {
    // The workers of a fleet ask the portals.
    if plan.role == .head {
      _ = try demand(queue())
    } else {
      _ = try demand(portals(plan.stage, state: plan.state))
    }
    _ = try demand(destination(plan.to, plan.stage))
    let dryRun = settings.isDryRun ? ["--dry-run"] : []
    let index = try programs.run(
      "enqueue",
      ["preflight", "--stage", plan.stage] + settings.words("enqueue", "preflight") + dryRun,
      isInteractive: true, with: settings.environment)
    let answer = try demand(index).lines.last.flatMap { Int($0) }
    guard let answer else { throw Fatal(.other, "enqueue preflight printed no number") }
    return answer
  }

  /// Where the state of a run is: what is named, and belongs to no other index, or the user's own place.
  func location(
    _ messages: Programs.Messages = .shown
  ) throws -> (state: String, limiter: String) {
    let named = settings.state.map { ["--state", $0] } ?? []
    let lines = try demand(
      programs.run("enqueue", ["paths"] + named, messages, with: settings.environment)
    ).lines
    guard lines.count == 2 else { throw Fatal(.other, "enqueue paths printed no folder") }
    return (lines[0], lines[1])
  }

  /// The stage's programs between `enqueue` and `validate`. Throws where one has a name that no tool has.
  func pipeline(_ stage: String) throws -> [String] {
    let names = try Stage(named: stage, in: stagesFolder).pipeline
    for name in names {
      guard Programs.isName(name), !["enqueue", "validate", "queue", "portal"].contains(name) else {
        throw Fatal(
          .configuration, "the pipeline names \(Format.quoted(name)), which cannot be part of one")
      }
    }
    return settings.leavesOutOptimize ? names.filter { $0 != "optimize" } : names
  }

  /// Where the programs of a pipeline are. Throws with exit code 78 where one, or what it needs, is missing.
  func paths(of names: [String]) throws -> [String: String] {
    var paths: [String: String] = [:]
    for name in names { paths[name] = try programs.find(name) }
    if names.contains("optimize"), settings.value("optimize", "engine") != "images",
      !settings.has("optimize", "gs"), programs.installed("gs") == nil
    {
      throw Fatal(
        .configuration,
        "optimize needs Ghostscript (gs): install it, or take optimize out of the pipeline")
    }
    return paths
  }

  /// With an empty input, fetch reads the files of the stage and of its portals, and has nothing to do.
  func portals(
    _ stage: String, state: String?, _ messages: Programs.Messages = .shown
  ) throws -> Programs.Finished {
    let folder = state.map { ["--state", $0] } ?? []
    return try programs.run(
      "fetch", ["--stage", stage] + folder + settings.words("fetch") + ["--dry-run"], messages,
      with: settings.environment)
  }

  /// Writes an object of its own and removes it, but for a dry run.
  func destination(
    _ to: String, _ stage: String, _ messages: Programs.Messages = .shown
  ) throws -> Programs.Finished {
    let quiet = messages == .shown ? ["--quiet"] : []
    let dryRun = settings.isDryRun ? ["--dry-run"] : []
    return try programs.run(
      "upload",
      ["check", "--to", to, "--stage", stage] + settings.words("upload", "check") + quiet + dryRun,
      messages, with: settings.environment)
  }

  /// Removes from the spool what a killed run left there that had nothing else left to do.
  func sweep(_ plan: RunPlan) throws {
    var status = stat()
    guard stat(plan.spool, &status) == 0, !settings.has("validate", "keep-local") else { return }
    let quietly = ["--no-records", "--quiet", "--progress", "never"]
    _ = try demand(
      programs.run(
        "validate", ["--settle", "--spool", plan.spool] + quietly, .dropped,
        with: settings.environment))
  }

  /// Prints what fetch expects of a run, whose documents enqueue counts.
  func forecast() throws {
    guard let stage = settings.stage else { throw whichStage }
    guard settings.index != nil else { throw whichIndex }
    let place = try location()
    let counted = try demand(
      programs.run(
        "enqueue", ["count", "--stage", stage] + settings.words("enqueue", "count"),
        with: settings.environment))
    guard let all = counted.lines.last.flatMap({ Int($0) }) else {
      throw Fatal(.other, "enqueue count printed no number")
    }
    let limit = settings.value("enqueue", "limit").flatMap { Int($0) } ?? .max
    let limiter = settings.limiter == nil ? ["--limiter", place.limiter] : []
    let json = settings.printsJSON ? ["--json"] : []
    let answer = try demand(
      programs.run(
        "fetch",
        ["plan", "--stage", stage, "--state", place.state, "--documents", "\(min(all, limit))"]
          + limiter + json + settings.words("fetch", "plan"), with: settings.environment))
    try Console.answer(answer.text)
  }

  /// What a tool printed, or its exit status as the end: it has said why.
  private func demand(_ finished: Programs.Finished) throws -> Programs.Finished {
    guard finished.status == 0 else { throw Ended(status: finished.status) }
    return finished
  }

  /// A tool said why the run cannot begin; the driver ends as it did.
  struct Ended: Error, CustomStringConvertible {
    let status: Int32
    var description: String { "a tool ended with exit code \(status)" }
  }

  /// All stages in some folders, but for what others extend.
  static func stageNames(in folders: String) -> [String] {
    SearchPath(folders).names.filter { $0 != "common" }
  }
}
