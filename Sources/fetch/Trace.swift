import Common
import Files
import Glibc
import HTTP
import PDF
import Synchronization

/// What a fetch has asked and been answered, for `fetch explain`; and answers that were saved, which take the
/// place of a network.
final class Trace: Sendable {
  /// One request and its answer.
  struct Exchange: Sendable {
    let step: PortalStep
    let request: Request
    let head: ResponseHead
    let body: [UInt8]
    /// How long it took; `nil` where that was not saved.
    let seconds: Double?
    /// What the answer meant, and by which rule.
    var verdict = ""
    /// What differs between this request and the one whose saved answer was taken.
    var difference: String?
  }

  /// Bytes of a body that are kept.
  static let maximumBody = 64 << 20

  private let exchanges = Mutex<[Exchange]>([])
  private let saved: SavedAnswers?
  /// Requests that are made at most.
  private let most: Int
  private let unused: Mutex<[SavedAnswers.Saved]>
  /// What hides secrets in texts that are shown or saved.
  private let secrets: HeaderSecrets

  /// What ends a fetch that has made as many requests as it may.
  static let enough = RecordError(.internal, "enough was asked for", isRetryable: false)

  init(saved: SavedAnswers? = nil, most: Int = .max, secrets: HeaderSecrets) {
    self.saved = saved
    self.secrets = secrets
    self.most = most
    unused = Mutex(saved?.answers ?? [])
  }

  /// All of them, in order.
  var all: [Exchange] { exchanges.withLock { $0 } }

  /// Saved answers that were not asked for.
  var rest: [SavedAnswers.Saved] { saved == nil ? [] : unused.withLock { $0 } }

  func note(_ exchange: Exchange) { exchanges.withLock { $0.append(exchange) } }

  /// What the last answer meant.
  func judge(_ verdict: String) {
    exchanges.withLock { exchanges in
      guard let last = exchanges.indices.last else { return }
      exchanges[last].verdict = verdict
    }
  }

  /// The saved answer to a request, into `sink`; `nil` where there is a network. Throws where none fits.
  func answer(
    _ request: Request, _ step: PortalStep, into sink: any BodySink
  ) throws -> Response? {
    guard exchanges.withLock({ $0.count }) < most else { throw Self.enough }
    guard let saved else { return nil }
    let wanted = SavedAnswers.text(of: request, secrets)
    let found = unused.withLock { unused -> SavedAnswers.Saved? in
      let same = unused.firstIndex { $0.request == wanted }
      let line = wanted.first ?? ""
      guard let index = same ?? unused.firstIndex(where: { $0.request.first == line }) else {
        return nil
      }
      return unused.remove(at: index)
    }
    guard let found else {
      throw Fatal(
        .configuration,
        """
        \(saved.directory) has no answer to \(wanted.first ?? ""); it has \
        \(unused.withLock { $0.compactMap(\.request.first) }.joined(separator: ", ")). Ask the portal, and \
        save what it says with --save.
        """)
    }
    var exchange = Exchange(
      step: step, request: request, head: found.head, body: found.body, seconds: found.seconds)
    exchange.difference = SavedAnswers.difference(wanted, from: found.request)
    note(exchange)
    guard sink.begin(found.head), found.body.withUnsafeBytes({ $0.isEmpty || sink.receive($0) })
    else {
      throw RecordError(.local, "cannot take the saved answer \(found.number)")
    }
    return Response(head: found.head, bytes: found.body.count, address: nil)
  }
}

/// Hands a body on, and keeps it.
final class KeepingSink: BodySink {
  private let sink: any BodySink
  private(set) var bytes: [UInt8] = []

  init(_ sink: any BodySink) { self.sink = sink }

  func begin(_ head: ResponseHead) -> Bool {
    bytes = []
    return sink.begin(head)
  }

  func receive(_ more: UnsafeRawBufferPointer) -> Bool {
    bytes.append(contentsOf: more.prefix(Trace.maximumBody - bytes.count))
    return sink.receive(more)
  }
}

/// Requests with their answers in a folder, in the form in which people can read and write them:
/// `1-request.txt`, `1-answer.txt` with status and header fields, `1-body.html`.
struct SavedAnswers: Sendable {
  struct Saved: Sendable {
    let number: Int
    /// The lines of the request.
    let request: [String]
    let head: ResponseHead
    let body: [UInt8]
    let seconds: Double?
  }

  /// Files that are read, and bytes of each.
  private static let maximumAnswers = 1000

  let directory: String
  let answers: [Saved]

  /// Reads a folder. Throws with exit code 78 where a file is missing or none is there.
  init(in directory: String) throws(Fatal) {
    self.directory = directory
    let names = Folders.names(in: directory)
    var answers: [Saved] = []
    for number in 1...Self.maximumAnswers {
      let requestName = "\(number)-request.txt"
      guard names.contains(requestName) else { break }
      let request = try Self.lines("\(directory)/\(requestName)")
      let answer = try Self.lines("\(directory)/\(number)-answer.txt")
      let body = names.first { $0.hasPrefix("\(number)-body.") }
      // `200 in 0.412 s`, or the status alone.
      let words = (answer.first ?? "").split(separator: " ")
      guard let status = words.first.flatMap({ Int($0) }) else {
        throw Fatal(
          .configuration, "\(directory)/\(number)-answer.txt does not begin with a status")
      }
      var fields = answer.dropFirst().compactMap { line -> (name: String, value: String)? in
        guard let colon = line.firstIndex(of: ":") else { return nil }
        let value = line[line.index(after: colon)...].drop { $0 == " " }
        return (String(line[..<colon]), String(value))
      }
      // An answer that ended with its connection says so; any other came whole.
      if !fields.contains(where: {
        ["content-length", "connection"].contains($0.name.lowercased())
      }) {
        fields.append(("Content-Length", "0"))
      }
      answers.append(
        Saved(
          number: number, request: request, head: ResponseHead(status: status, headers: fields),
          body: try body.map { name throws(Fatal) in try Self.bytes("\(directory)/\(name)") } ?? [],
          seconds: words.count > 2 ? Double(words[2]) : nil))
    }
    guard !answers.isEmpty else {
      throw Fatal(
        .configuration,
        "there are no saved answers in \(directory). Make them with fetch explain --save.")
    }
    self.answers = answers
  }

  static func bytes(_ path: String) throws(Fatal) -> [UInt8] {
    guard let file = fopen(path, "re") else {
      throw Fatal(.configuration, "cannot read \(path): \(String(cString: strerror(errno)))")
    }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 64 << 10)
    while bytes.count < Trace.maximumBody {
      let count = fread(&chunk, 1, chunk.count, file)
      if count == 0 { break }
      bytes += chunk.prefix(count)
    }
    return bytes
  }

  private static func lines(_ path: String) throws(Fatal) -> [String] {
    var lines = String(decoding: try bytes(path), as: UTF8.self)
      .split(separator: "\n", omittingEmptySubsequences: false)
      .map { String($0.last == "\r" ? $0.dropLast() : $0) }
    while lines.last == "" { lines.removeLast() }
    return lines
  }

  /// A request for people: method and address, its own header fields, and a line for each field of a form.
  static func text(of request: Request, _ secrets: HeaderSecrets) -> [String] {
    // Cookies are libcurl's, and conditions this program's; the rest is what the file says.
    let fields = request.headers.filter {
      !["range", "if-range", "if-none-match", "if-modified-since", "referer"]
        .contains($0.name.lowercased())
    }
    // A token that a log-in gave is as good as its password.
    let shown = fields.map { field in
      let isSecret = ["authorization", "cookie", "x-api-key"].contains(field.name.lowercased())
      return "\(field.name): \(isSecret ? "***" : field.value)"
    }
    var lines = ["\(request.method) \(request.url)"] + shown
    let bytes = request.body.chunks.flatMap { chunk -> [UInt8] in
      if case .bytes(let bytes) = chunk { bytes } else { [] }
    }
    if !bytes.isEmpty {
      let body = String(decoding: bytes, as: UTF8.self)
      let isForm = fields.contains { $0.value == "application/x-www-form-urlencoded" }
      lines.append("")
      lines += isForm ? body.split(separator: "&").map(String.init) : [body]
    }
    return lines.map { secrets.hidden(in: $0).replacing("%2A%2A%2A", with: "***") }
  }

  /// What is not the same, line by line; `nil` where all is.
  static func difference(_ lines: [String], from saved: [String]) -> String? {
    let more = lines.filter { !saved.contains($0) }
    let less = saved.filter { !lines.contains($0) }
    guard !more.isEmpty || !less.isEmpty else { return nil }
    func shown(_ lines: [String]) -> String {
      lines.map { Format.quoted($0, limit: 60) }.joined(separator: ", ")
    }
    let parts = [
      more.isEmpty ? nil : "now sends \(shown(more))",
      less.isEmpty ? nil : "was saved with \(shown(less))",
    ]
    return parts.compactMap(\.self).joined(separator: "; ")
  }

  /// Writes exchanges into a folder. Throws with exit code 74.
  static func save(
    _ exchanges: [Trace.Exchange], in directory: String, _ secrets: HeaderSecrets
  ) throws(Fatal) {
    for (index, exchange) in exchanges.enumerated() {
      let place = "\(directory)/\(index + 1)"
      let request = text(of: exchange.request, secrets)
      try write(request.joined(separator: "\n") + "\n", to: place + "-request.txt")
      var answer = "\(exchange.head.status)"
      if let seconds = exchange.seconds { answer += " in \(Format.fixed(seconds, 3)) s" }
      answer += "\n"
      for field in exchange.head.fields {
        // What a cookie proves is nobody else's to know, and to play back it is not needed.
        let isCookie = field.name.lowercased().contains("cookie")
        answer += "\(field.name): \(isCookie ? "***" : secrets.hidden(in: field.value))\n"
      }
      if !exchange.head.announcesEnd { answer += "Connection: close\n" }
      try write(answer, to: place + "-answer.txt")
      guard !exchange.body.isEmpty else { continue }
      let kind = ContentKind(exchange.body)
      let ending =
        switch kind {
        case .pdf: "pdf"
        case .page: "html"
        case .json: "json"
        case .text: "txt"
        case .other(let name):
          ["a TIFF image": "tif", "a JPEG image": "jpg", "a PNG image": "png"][name] ?? "bin"
        case .unknown: "bin"
        }
      var bytes = exchange.body
      if let text = String(validating: bytes, as: UTF8.self), !text.hasPrefix("%PDF-") {
        bytes = Array(secrets.hidden(in: text).utf8)
      }
      try write(bytes, to: "\(place)-body.\(ending)")
    }
  }

  static func write(_ text: String, to path: String) throws(Fatal) {
    try write(Array(text.utf8), to: path)
  }

  private static func write(_ bytes: [UInt8], to path: String) throws(Fatal) {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw Fatal(.inputOutput, "\(FileError("open", path))") }
    defer { close(descriptor) }
    errno = writeAll(bytes, to: descriptor)
    guard errno == 0 else { throw Fatal(.inputOutput, "\(FileError("write", path))") }
  }
}
