import Common
import Glibc
import Subprocesses

/// A program that prints credentials as JSON, named in a file of the user's own.
struct CredentialProgram: Sendable, Equatable {
  private static let maximumBytes = 1 << 20

  /// Its name and arguments.
  let words: [String]
  /// Where it was named, for people.
  let place: String
  /// Seconds that it may take.
  let timeout: Double

  /// A command line as a shell would split it into words (POSIX, 2.2 Quoting): no shell runs.
  init(_ command: String, place: String, timeout: Double) throws(Fatal) {
    guard let words = Self.split(command), !words.isEmpty else {
      throw Fatal(.configuration, "the command in \(place) cannot be read: a quote has no end")
    }
    self.words = words
    self.place = place
    self.timeout = timeout
  }

  /// What it prints. Throws ``RetryableFailure`` where it failed, and ``Fatal`` where it cannot be run.
  func run(
    adding variables: [String: String] = [:], _ settings: StoreSettings
  ) throws -> JSON {
    let name = words[0]
    let candidates =
      name.contains("/")
      ? [name] : ProgramPath.candidates(name, settings.variable("PATH"))
    guard let path = ProgramPath.find(candidates) else {
      throw Fatal(
        .configuration, "the program \(Format.quoted(name)), which \(place) names, is not there")
    }
    let (bytes, end) = try output(of: path, variables, settings.stop)
    guard end == .status(0) else {
      throw RetryableFailure(reason: "\(Format.quoted(name)), which \(place) names, \(end)")
    }
    guard let json = try? JSON(parsing: bytes), json.object != nil else {
      throw RetryableFailure(
        reason: "\(Format.quoted(name)), which \(place) names, printed no JSON object")
    }
    return json
  }

  private func output(
    of path: String, _ variables: [String: String], _ stop: ShutdownSignal
  ) throws -> (bytes: [UInt8], end: Launch.End) {
    let environment = KnownSecrets.environment().merging(variables) { $1 }
    let nowhere = open("/dev/null", O_RDWR | O_CLOEXEC)
    defer { close(nowhere) }
    do throws(Launch.Failure) {
      let pipe = try Launch.makePipe()
      defer { close(pipe.output) }
      let started = Result { () throws(Launch.Failure) in
        try Launch(
          path: path, arguments: words, environment: environment.map { "\($0)=\($1)" },
          input: nowhere, output: pipe.input, errors: nowhere, leadsGroup: true
        ).start()
      }
      close(pipe.input)
      let pid = try started.get()
      let deadline = Time.monotonic() + Int64(timeout * 1e9)
      if let bytes = read(pipe.output, deadline, stop),
        let end = Self.end(of: pid, deadline, stop)
      {
        return (bytes, end)
      }
      // It has said too much, or not ended in time, or there is no time left.
      kill(-pid, SIGKILL)
      _ = Launch.wait(for: pid)
    } catch {
      throw RecordError(
        .local, "the program \(Format.quoted(words[0])) cannot be started: \(error)")
    }
    if stop.isRequested { throw RecordError.stopped }
    throw RetryableFailure(
      reason: "\(Format.quoted(words[0])), which \(place) names, did not end within "
        + Format.duration(seconds: timeout))
  }

  /// How it ended, where it does that in time: closing its output is not yet the end of a program.
  private static func end(
    of pid: pid_t, _ deadline: Int64, _ stop: ShutdownSignal
  ) -> Launch.End? {
    while true {
      if let end = Launch.end(of: pid) { return end }
      let left = Double(deadline - Time.monotonic()) / 1e9
      guard left > 0, stop.sleep(seconds: min(left, 0.02)) else { return nil }
    }
  }

  private func read(_ descriptor: Int32, _ deadline: Int64, _ stop: ShutdownSignal) -> [UInt8]? {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 14)
    while bytes.count <= Self.maximumBytes, !stop.isRequested {
      let left = deadline - Time.monotonic()
      guard left > 0 else { return nil }
      var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      guard poll(&entry, 1, Int32(min(left / 1_000_000 + 1, 1000))) > 0 else { continue }
      let count = buffer.withUnsafeMutableBytes {
        Glibc.read(descriptor, $0.baseAddress, $0.count)
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return bytes }
      bytes += buffer[..<count]
    }
    return nil
  }

  /// Words of a command line; `nil` where a quote has no end.
  static func split(_ command: String) -> [String]? {
    var words: [String] = []
    var word: String?
    var quote: Character?
    var isEscaped = false
    for character in command {
      if isEscaped {
        // Between double quotes, a backslash stands for itself before most characters.
        if quote == "\"", character != "\"", character != "\\" { word?.append("\\") }
        word = (word ?? "") + String(character)
        isEscaped = false
      } else if character == "\\", quote != "'" {
        isEscaped = true
        word = word ?? ""
      } else if let open = quote {
        if character == open { quote = nil } else { word?.append(character) }
      } else if character == "'" || character == "\"" {
        quote = character
        word = word ?? ""
      } else if character.isWhitespace {
        if let done = word { words.append(done) }
        word = nil
      } else {
        word = (word ?? "") + String(character)
      }
    }
    if let word { words.append(word) }
    return quote == nil && !isEscaped ? words : nil
  }
}
