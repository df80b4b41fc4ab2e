import ArgumentParser
import CLI
import Common
import Config
import Glibc
import Index
import Limiter
import Logging

/// The command `dashboard`: its options, and what they mean.
@main
struct Dashboard: Tool {
  static let configuration = CommandConfiguration(
    commandName: "dashboard",
    abstract: "Show how the runs of an index fare, in a browser.",
    usage: "dashboard --index URL [OPTION]…",
    discussion: """
      Prints the address to open, with a token that lets you in. The same as JSON at /api/status, for Prometheus at /metrics.

        dashboard --index postgres: --stage stage-1
        dashboard --index sqlite:index.db --allow-control

      \(ToolExit.table)
      """)

  @Option(help: .index)
  var index: String

  @OptionGroup var stages: StageOptions

  @Option(help: .state)
  var state: String?

  @Option(help: .limiter)
  var limiter: String?

  @Option(help: ArgumentHelp("Listen here; port 0 is any free one.", valueName: "host:port"))
  var listen = "127.0.0.1:8800"

  @Flag(help: "Also let viewers pause and slow hosts, retry and skip documents.")
  var allowControl = false

  @Option(
    help: ArgumentHelp(
      "Take the token from this file. (default: a new one at each start)", valueName: "file"))
  var tokenFile: String?

  @Option(
    help: ArgumentHelp(
      "Be known by this address, of a proxy that speaks https. Needed to listen elsewhere.",
      valueName: "url"))
  var behindProxy: String?

  @OptionGroup var pool: PoolOptions
  @OptionGroup var log: LogOptions

  func perform(stop: ShutdownSignal, logger: Logger) throws -> ToolExit {
    let address = try address()
    let token = try token()
    let stage = try stages.load()
    let folder = try StateFolder(named: state, index: try IndexURL(index).folderName)
    let sources = Sources(
      // Whoever looks is told soon that the index is away, and it is asked again.
      index: try openIndex(index, connections: pool.dbPool, patience: 2, stop: stop),
      selection: stage?.selection ?? Selection(), folder: folder.path,
      location: try LimiterLocation(limiter ?? folder.limiter))
    let (socket, port) = try address.listen()
    let access = Access(host: address.host, port: port, token: token, proxy: behindProxy)
    let sampler = try Sampler(sources)
    let viewers = try Viewers { sampler.setViewers($0) }
    let slow = try SlowRequests()
    let site = Site(
      access: access, sampler: sampler, viewers: viewers, slow: slow, sources: sources,
      subject: stage?.name ?? "All documents", hints: CommandHints(stage: stage?.name),
      hasControl: allowControl, logger: logger)
    let server = HTTPServer(
      handler: { site.answer($0) }, didConnect: { viewers.noteConnection() },
      didUpgrade: { viewers.add($0) })
    try server.start(socket)
    try announce(address, port, token)
    return try serve(server, site, sampler, viewers, slow, stop)
  }

  /// Three threads beside the server's: one looks at the run, one serves the sockets, one answers what takes its time.
  private func serve(
    _ server: HTTPServer, _ site: Site, _ sampler: Sampler, _ viewers: Viewers,
    _ slow: SlowRequests,
    _ stop: ShutdownSignal
  ) throws -> ToolExit {
    withThreads(3) { number in
      switch number {
      case 1: sampler.run(until: stop) { viewers.show(site.fragments($0)) }
      case 2: viewers.run(until: stop) { server.enforceDeadlines(now: $0) }
      default: slow.run(until: stop)
      }
    }
    return try stop.exitCode()
  }

  /// On stdout, where no secret is hidden: it is for whoever started it.
  private func announce(_ address: Address, _ port: Int, _ token: String) throws {
    let own = address.host.contains(":") ? "[\(address.host)]" : address.host
    let base = behindProxy ?? "http://\(own):\(port)"
    try Console.answer(tokenFile == nil ? "\(base)/?token=\(token)\n" : "\(base)/\n")
  }

  /// Where to listen. Throws with exit code 64 where that would let others in without what protects them.
  private func address() throws(Fatal) -> Address {
    guard let address = Address(listen) else {
      throw Fatal(
        .usage,
        "--listen must be an address and a port like 127.0.0.1:8800; it is \(Format.quoted(listen))"
      )
    }
    if let behindProxy {
      let rest = behindProxy.lowercased().hasPrefix("https://") ? behindProxy.dropFirst(8) : ""
      guard !rest.isEmpty, !rest.contains(where: { "/?#@ ".contains($0) }) else {
        throw Fatal(
          .usage, "--behind-proxy must be an address like https://dash.example.org, without a path")
      }
    }
    guard address.isLoopback || (tokenFile != nil && behindProxy != nil) else {
      throw Fatal(
        .usage,
        "\(address) can be reached from other machines: give --token-file FILE and "
          + "--behind-proxy https://NAME, too, and let a proxy speak https. Or listen on 127.0.0.1."
      )
    }
    return address
  }

  /// The token of the file, or a new one. Throws with exit code 77 or 78 where the file is none for a secret.
  private func token() throws(Fatal) -> String {
    guard let tokenFile else { return Access.newToken() }
    let bytes = try SecretFile.read(
      tokenFile, "the token file \(tokenFile)", hiddenFrom: .group)
    let token = String(decoding: bytes, as: UTF8.self).filter { !$0.isWhitespace }
    guard token.utf8.count >= 32, token.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
      throw Fatal(
        .configuration,
        "the token file \(tokenFile) must hold 32 or more letters and digits. Make one: "
          + "(umask 077; openssl rand -hex 32 > \(tokenFile))")
    }
    return token
  }
}
