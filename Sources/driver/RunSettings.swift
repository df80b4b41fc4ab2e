import CLI
import Common

/// What the command line of `conveyor run`, or of a command that takes the same options, says. Pure.
struct RunSettings: Sendable, Equatable {
  /// The commands that take the options of a run.
  enum Command: String { case run, work, doctor, plan }

  /// An option of one tool, and the value that it was given.
  struct Given: Sendable, Equatable {
    let option: ToolOption
    let value: String?
  }

  /// An option that is the driver's own business.
  enum Own: String, CaseIterable {
    case stage, index, to, state, limiter, fleet, queue, window, idle, webhook, ping, yes, json
    case inFlight = "in-flight"
    case webhookSecretFile = "webhook-secret-file"
    case dryRun = "dry-run"
    case noNetwork = "no-network"
    case noOptimize = "no-optimize"
    /// Read before all others (``Site``), so that it never comes here.
    case config

    var takesValue: Bool { ![.yes, .dryRun, .noNetwork, .noOptimize, .json].contains(self) }

    /// Whether a command has it.
    func isOption(of command: Command) -> Bool {
      switch self {
      case .index, .dryRun, .yes, .webhook, .webhookSecretFile, .ping: command != .work
      case .window: command == .run || command == .plan
      case .json: command == .plan
      case .inFlight, .idle: command == .work
      case .config: true
      case .noNetwork: command == .doctor
      default: true
      }
    }

    var spellings: [String] {
      switch self {
      case .yes: ["--yes", "-y"]
      case .dryRun: ["--dry-run", "-n"]
      default: ["--\(rawValue)"]
      }
    }
  }

  var stage: String?
  var index: String?
  var to: String?
  var state: String?
  /// The limiter that was asked for, in an option or in the environment.
  var limiter: String?
  /// The Redis by which other machines work.
  var fleet: String?
  /// The name of the queue in it, where it is not the stage's.
  var queue: String?
  /// How much a head has in the queue, and a worker in hand, at most; how long a worker waits for something to do.
  var window: String?
  var inFlight: String?
  var idle: String?
  /// Who is told of the run: what `notify` is given, by the name of its option.
  private(set) var receivers: [String: String] = [:]
  var assumesYes = false
  var isDryRun = false
  var usesNetwork = true
  /// Whether PDFs are stored as they came, whatever the stage's pipeline has.
  var leavesOutOptimize = false
  var printsJSON = false
  private(set) var given: [Given] = []

  /// The command line's settings, and the environment's where it is silent. Throws with exit code 64 where an
  /// option is not known, or has a value that is none of its own.
  init(
    _ arguments: [String], for command: Command, _ table: OptionTable, environment: [String: String]
  ) throws(Fatal) {
    let known = Own.allCases.filter { $0.isOption(of: command) }
    func variable(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
    (stage, index) = (variable("CONVEYOR_STAGE"), variable("CONVEYOR_INDEX"))
    (to, state) = (variable("CONVEYOR_TO"), variable("CONVEYOR_STATE"))
    limiter = variable("CONVEYOR_FETCH_LIMITER") ?? variable("CONVEYOR_LIMITER")
    (fleet, queue) = (variable("CONVEYOR_FLEET"), variable("CONVEYOR_QUEUE"))
    var rest = arguments[...]
    while let argument = rest.popFirst() {
      let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let isJoined = argument.hasPrefix("--") && parts.count == 2
      let spelling = isJoined ? String(parts[0]) : argument
      let own = known.first { $0.spellings.contains(spelling) }
      let options = own == nil ? try table.find(spelling, besides: known.flatMap(\.spellings)) : []
      guard own?.takesValue ?? options.contains(where: \.takesValue) else {
        guard !isJoined else { throw Fatal(.usage, "\(spelling) takes no value") }
        if let own { take(own) } else { given += options.map { Given(option: $0, value: nil) } }
        continue
      }
      guard let value = isJoined ? String(parts[1]) : rest.popFirst() else {
        throw Fatal(.usage, "\(spelling) lacks its value")
      }
      if let own { take(own, value) } else { try take(options, spelling, value) }
    }
  }

  private mutating func take(_ own: Own) {
    switch own {
    case .yes: assumesYes = true
    case .dryRun: isDryRun = true
    case .noNetwork: usesNetwork = false
    case .noOptimize: leavesOutOptimize = true
    case .json: printsJSON = true
    default: break
    }
  }

  private mutating func take(_ own: Own, _ value: String) {
    switch own {
    case .stage: stage = value
    case .index: index = value
    case .to: to = value
    case .state: state = value
    case .limiter: limiter = value
    case .fleet: fleet = value
    case .queue: queue = value
    case .window: window = value
    case .inFlight: inFlight = value
    case .idle: idle = value
    case .webhook:
      let before = receivers[own.rawValue].map { "\($0) " } ?? ""
      receivers[own.rawValue] = before + value
    case .ping, .webhookSecretFile: receivers[own.rawValue] = value
    case .yes, .dryRun, .noNetwork, .noOptimize, .config, .json: break
    }
  }

  private mutating func take(
    _ options: [ToolOption], _ spelling: String, _ value: String
  ) throws(Fatal) {
    if let values = options.first?.values, !values.isEmpty, !values.contains(value) {
      throw Fatal(
        .usage,
        "\(spelling) must be one of \(values.joined(separator: ", ")); it is \(Format.quoted(value))"
      )
    }
    for option in options {
      // fetch finds a number by itself, and enqueue needs none to claim by.
      if option.tool == "enqueue", option.name == "workers", value == "auto" { continue }
      given.append(Given(option: option, value: value))
    }
  }

  /// The tools that a head of a fleet runs, and those of a worker.
  private static let tools = (
    head: ["enqueue", "validate"], worker: ["fetch", "optimize", "upload"]
  )

  /// The tools whose options mean something to this machine.
  static func tools(of command: Command, inFleet: Bool) -> [String] {
    if command == .work { return tools.worker }
    return inFleet && command == .run ? tools.head : OptionTable.tools
  }

  /// What to say of options that mean something to another machine of the fleet alone, a sentence each.
  func withoutEffect(for command: Command) -> [String] {
    let here = Self.tools(of: command, inFleet: fleet != nil)
    let own =
      command == .run && fleet != nil && leavesOutOptimize
      ? ["--no-optimize has no effect here. Give it to conveyor work."] : []
    return own
      + Set(given.map(\.option.name)).sorted().compactMap { name in
        let tools = given.filter { $0.option.name == name }.map(\.option.tool)
        guard !tools.contains(where: here.contains) else { return nil }
        let place = command == .work ? "conveyor run --fleet" : "conveyor work"
        return "--\(name) has no effect here: it is an option of \(tools[0]). Give it to \(place)."
      }
  }

  /// What was given to a tool.
  func given(_ tool: String) -> [Given] { given.filter { $0.option.tool == tool } }

  /// The last value of a tool's option.
  func value(_ tool: String, _ name: String) -> String? {
    given(tool).last { $0.option.name == name }?.value
  }

  func has(_ tool: String, _ name: String) -> Bool {
    given(tool).contains { $0.option.name == name }
  }

  /// The words for a tool, or for its subcommand, which gets what it knows. A value that may hold a secret is not
  /// among them: ps(1) shows them to everybody, so that it goes where ``environment`` has it.
  func words(_ tool: String, _ subcommand: String? = nil) -> [String] {
    let known = given(tool).filter { given in
      !isPrivate(given) && subcommand.map(given.option.subcommands.contains) ?? true
    }
    return known.flatMap { given in
      let name = "--\(given.option.name)"
      guard let value = given.value else { return [name] }
      return value.hasPrefix("-") ? ["\(name)=\(value)"] : [name, value]
    }
  }

  /// Variables that all tools of a run get.
  var environment: [String: String] {
    var variables: [String: String] = [:]
    variables["CONVEYOR_INDEX"] = index
    variables["CONVEYOR_LIMITER"] = limiter
    variables["CONVEYOR_FLEET"] = fleet
    for (name, value) in receivers { variables[EnvironmentDefaults.variable(name)] = value }
    for given in given where isPrivate(given) {
      variables[EnvironmentDefaults.variable(given.option.name, of: given.option.tool)] =
        given.value
    }
    return variables
  }

  /// A variable holds one value, so that an option that was given several times stays an argument.
  private func isPrivate(_ given: Given) -> Bool {
    guard let value = given.value,
      SecretRedactor.looksSecret(value) || given.option.name == "header"
    else { return false }
    return self.given(given.option.tool).count { $0.option.name == given.option.name } == 1
      || !given.option.isRepeating
  }
}
