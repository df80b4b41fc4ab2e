import Common
import Support

/// The sample portal, on a free port, as long as this lives.
final class SamplePortal {
  private let program: Program
  private let log: String
  /// Its address.
  let base: String

  /// Starts it with `options`; its files are `portal.…` in `folder`.
  init(in folder: String, _ options: [String]) throws {
    let port = "\(folder)/portal.port"
    log = "\(folder)/portal.jsonl"
    program = try Program(
      "portal", ["--listen", "127.0.0.1:0", "--port-file", port, "--log", log] + options)
    guard eventually({ !Files.lines(port).isEmpty }), let base = Files.lines(port).first
    else { throw Fatal(.unavailable, "the portal did not start: \(program.errors)") }
    self.base = base.hasSuffix("/") ? String(base.dropLast()) : base
  }

  /// The address of a PDF.
  var scan: String { "\(base)/court-house-search/pdf-records.php?image=100004" }

  /// All requests so far.
  var requests: [JSON] { Files.lines(log).compactMap { try? JSON(parsing: $0) } }

  /// How often each scan was sent as a whole, by its query.
  var scansSent: [String: Int] {
    var sent: [String: Int] = [:]
    for request in requests
    where request["path"]?.string?.hasSuffix("pdf-records.php") == true
      && request["status"]?.int == 200 && (request["fault"] ?? .null) == .null
    {
      sent[request["query"]?.string ?? "", default: 0] += 1
    }
    return sent
  }
}
