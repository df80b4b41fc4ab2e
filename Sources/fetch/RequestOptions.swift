import Limiter
import ArgumentParser
import CLI
import Common
import Config
import HTTP

/// Which portals are asked, and how.
struct RequestOptions: ParsableArguments {
  @OptionGroup var stages: StageOptions
  @OptionGroup var portals: PortalOptions
  @OptionGroup var access: PortalAccessOptions

  @Option(
    help: .rare("Ask a host at this rate instead, like 5/15s: five requests in 15 seconds."),
    transform: RateLimit.init(parsing:))
  var rate: RateLimit?

  @Option(
    help: .rare("Allow this many requests back to back after an idle period.", valueName: "n"))
  var burst = 1

  @Option(
    help: .rare("Wait this long before the first retry, twice as long before each more."))
  var retryBase = TimeSpan(seconds: 2)

  @Option(help: .rare("Abort a transfer after this time.", valueName: "time"))
  var timeout = TimeSpan(seconds: 600)

  @Option(help: .rare("Give up connecting after this time.", valueName: "time"))
  var connectTimeout = TimeSpan(seconds: 30)

  @Option(
    help: .rare("Abort transfers slower than this (bytes/s) for --low-speed-time.", valueName: "n"))
  var lowSpeedLimit = ByteCount(100)

  @Option(
    help: .rare("Abort transfers slower than --low-speed-limit after this time.", valueName: "time")
  )
  var lowSpeedTime = TimeSpan(seconds: 60)

  @Option(help: .rare("Refuse larger documents.", valueName: "size"))
  var maxFilesize = ByteCount(256 << 20)

  @Option(help: .rare("Use this proxy. (default: curl's environment variables)", valueName: "url"))
  var proxy: String?

  @Option(help: .rare("Trust the certificates in this file instead.", valueName: "file"))
  var cacert: String?

  @Option(help: .rare("Send this User-Agent. (default: Conveyor, with the contact)"))
  var userAgent: String?

  @Option(
    help: ArgumentHelp("Give the portal's owner this address.", valueName: "text")
  )
  var contact: String?

  @Option(
    help: .rare("Send this header field too, \"Name: value\"; repeatable.", valueName: "field"),
    transform: HeaderField.init(parsing:))
  var header: [HeaderField] = []

  @Option(help: .rare("Present this client certificate (PEM).", valueName: "file"))
  var cert: String?

  @Option(help: .rare("Use this key of the client certificate (PEM).", valueName: "file"))
  var certKey: String?

  @Flag(help: .rare("Use HTTP/1.1 even where the server offers HTTP/2."))
  var disableHttp2 = false

  func validate() throws {
    guard rate == nil || access.rateLimitDelay == nil else {
      throw ValidationError("--rate and --rate-limit-delay cannot be combined.")
    }
    guard (1...1000).contains(burst) else {
      throw ValidationError("--burst must be from 1 to 1000; it is \(burst).")
    }
    guard maxFilesize.bytes > 0 else { throw ValidationError("--max-filesize must not be 0.") }
    let fields = [userAgent, contact].compactMap { $0 }.joined()
    guard fields.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) else {
      throw ValidationError("--user-agent and --contact must be printable ASCII.")
    }
  }

  /// The settings of a run of `stage`. Throws where a portal's file is missing or wrong.
  func settings(
    _ stage: Stage?, secrets: Portal.SecretSource = PortalSecrets.find
  ) throws(Fatal) -> FetchSettings {
    var settings = FetchSettings()
    for name in portals.names(stage) {
      settings.portals.append(
        try Portal(
          named: name, in: portals.portalsDir, base: access.portalBase, secrets: secrets))
    }
    let explicit = rate?.delay ?? access.rateLimitDelay?.seconds
    settings.paceIsExplicit = explicit != nil
    settings.pace = RateLimit(
      delay: explicit ?? stage?.rateLimitDelay ?? settings.pace.delay, burst: burst)
    settings.retry = RetryPolicy(retries: settings.retry.retries, base: retryBase.seconds)
    settings.transfer.connectTimeout = connectTimeout.seconds
    settings.transfer.totalTimeout = timeout.seconds
    settings.transfer.lowSpeedLimit = lowSpeedLimit.bytes
    settings.transfer.lowSpeedTime = Int(lowSpeedTime.seconds.rounded(.up))
    settings.transfer.maximumBody = maxFilesize.bytes
    settings.transfer.proxy = proxy
    settings.transfer.caFile = cacert
    settings.transfer.headers = header.map { ($0.name, $0.value) }
    settings.transfer.certificate = cert
    settings.transfer.key = certKey
    settings.transfer.usesHTTP2 = !disableHttp2
    settings.transfer.userAgent =
      userAgent ?? "Conveyor/\(Version.number)" + (contact.map { " (\($0))" } ?? "")
    return settings
  }
}

/// One field of a request's header.
struct HeaderField: Sendable {
  let name: String
  let value: String

  /// RFC 9110, section 5.6.2: token.
  static func isPartOfName(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte & 0xDF)
      || "!#$%&'*+-.^_`|~".utf8.contains(byte)
  }

  /// A field as curl takes it. What is no field is not shown: it may be the secret that belongs into one.
  init(parsing text: String) throws {
    let colon = text.firstIndex(of: ":") ?? text.endIndex
    let (name, value) = (text[..<colon], text[colon...].dropFirst())
    guard colon < text.endIndex, !name.isEmpty, name.utf8.allSatisfy(Self.isPartOfName) else {
      throw ValidationError("a header field is written with its name and a colon: Name: value")
    }
    guard value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
      throw ValidationError("the value of the header field \(name) has control characters")
    }
    self.name = String(name)
    self.value = String(value.drop { $0 == " " })
  }
}

extension RateLimit {
  fileprivate init(parsing text: String) throws {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    let unit = parts.count == 2 ? Time.span(parts[1]) ?? Time.span("1" + parts[1]) : nil
    guard let count = Double(parts[0]), count > 0, count.isFinite, let unit, unit > 0 else {
      throw ValidationError("it must be a rate like 2/s, 5/15s or 100/h")
    }
    self.init(delay: unit / count)
  }
}
