import CProcess
import Glibc

/// A child process: its program, its descriptors and its limits. See `cprocess_start` for what
/// holds for all of them.
package struct Launch {
  package enum End: Sendable, Equatable {
    /// It ended by itself.
    case status(Int32)
    /// A signal ended it.
    case signal(Int32)

    /// What wait(2) says.
    fileprivate init(_ status: Int32) {
      let signal = cprocess_signal(status)
      self = signal == 0 ? .status(cprocess_exit_status(status)) : .signal(signal)
    }
  }

  /// What the system offers to keep a process in: names of layers that are at work here.
  package static var layers: (isOffline: Bool, isConfined: Bool) {
    (cprocess_can_be_offline() != 0, cprocess_can_be_confined() != 0)
  }

  /// The system's reason why a process could not be started.
  package struct Failure: Error, Sendable, Equatable, CustomStringConvertible {
    /// The `errno`.
    package let code: Int32
    package var description: String { String(cString: strerror(code)) }

    package init(code: Int32) { self.code = code }
  }

  private let path: String
  private let arguments: [String]
  private let environment: [String]
  private let directory: String?
  private let input: Int32
  private let output: Int32
  private let errors: Int32
  private let leadsGroup: Bool
  private let isChildless: Bool
  private let isOffline: Bool
  private let isConfined: Bool
  private let processorSeconds: Int
  private let memory: Int
  private let fileSize: Int
  private let openFiles: Int

  /// A process that is not started yet.
  ///
  /// - Parameters:
  ///   - path: the program.
  ///   - arguments: its name first.
  ///   - environment: all of it.
  ///   - directory: its working directory; `nil` for ours.
  ///   - leadsGroup: whether it leads a process group of its own.
  ///   - isChildless: whether it may start no process and no thread.
  ///   - isOffline: whether it is to have no network, where the system allows us that.
  ///   - isConfined: whether it may change nothing outside of its working directory, where the
  ///     system has Landlock.
  ///   - processorSeconds: a limit, as those that follow; 0 leaves them as they are.
  ///   - memory: bytes of address space.
  ///   - fileSize: bytes of the largest file that it may write.
  ///   - openFiles: highest number of open files.
  package init(
    path: String, arguments: [String], environment: [String], directory: String? = nil,
    input: Int32, output: Int32, errors: Int32, leadsGroup: Bool = false,
    isChildless: Bool = false, isOffline: Bool = false, isConfined: Bool = false,
    processorSeconds: Int = 0, memory: Int = 0, fileSize: Int = 0,
    openFiles: Int = 0
  ) {
    self.path = path
    self.arguments = arguments
    self.environment = environment
    self.directory = directory
    self.input = input
    self.output = output
    self.errors = errors
    self.leadsGroup = leadsGroup
    self.isChildless = isChildless
    self.isOffline = isOffline
    self.isConfined = isConfined
    self.processorSeconds = processorSeconds
    self.memory = memory
    self.fileSize = fileSize
    self.openFiles = openFiles
  }

  /// Starts it and returns its process id. It dies with the calling thread.
  package func start() throws(Failure) -> pid_t {
    var launch = cprocess_launch()
    launch.standard_input = input
    launch.standard_output = output
    launch.standard_error = errors
    launch.leads_group = leadsGroup ? 1 : 0
    launch.is_childless = isChildless ? 1 : 0
    launch.is_offline = isOffline ? 1 : 0
    launch.is_confined = isConfined ? 1 : 0
    launch.cpu_seconds = UInt64(processorSeconds)
    launch.address_space = UInt64(memory)
    launch.file_size = UInt64(fileSize)
    launch.open_files = UInt64(openFiles)
    let pid = Self.withCStrings(arguments) { arguments in
      Self.withCStrings(environment) { environment in
        Self.withCStrings([path, directory].compactMap { $0 }) { paths in
          launch.path = UnsafePointer(paths[0])
          // The list ends with nil, which is what a missing directory is to be.
          launch.directory = UnsafePointer(paths[1])
          launch.arguments = UnsafePointer(arguments)
          launch.environment = UnsafePointer(environment)
          return cprocess_start(&launch)
        }
      }
    }
    if pid < 0 { throw Failure(code: -pid) }
    return pid
  }

  /// A pipe, its end to read from first. (No child inherits it: a launch closes all but three.)
  package static func makePipe() throws(Failure) -> (output: Int32, input: Int32) {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { throw Failure(code: errno) }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    return (ends[0], ends[1])
  }

  /// Runs a program to its end: what it printed, `nil` where that was more than `limit` bytes, and how it
  /// ended. `make` describes the launch with what it is given as standard output, and, as its other two
  /// descriptors, with one of /dev/null.
  package static func output(
    limit: Int, _ make: (_ nowhere: Int32, _ output: Int32) -> Launch
  ) throws(Failure) -> (bytes: [UInt8]?, end: End) {
    let pipe = try makePipe()
    defer { close(pipe.output) }
    let nowhere = open("/dev/null", O_RDWR | O_CLOEXEC)
    let started = Result { () throws(Failure) in try make(nowhere, pipe.input).start() }
    close(nowhere)
    close(pipe.input)
    let pid = try started.get()
    let bytes = read(pipe.output, limit: limit)
    // Who writes more than that is ended, or the wait would have no end.
    if bytes == nil { kill(pid, SIGKILL) }
    return (bytes, wait(for: pid))
  }

  /// All that comes from a descriptor, if it is not more than `limit` bytes.
  private static func read(_ descriptor: Int32, limit: Int) -> [UInt8]? {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 14)
    while bytes.count <= limit {
      let count = buffer.withUnsafeMutableBytes {
        Glibc.read(descriptor, $0.baseAddress, $0.count)
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return bytes }
      bytes += buffer[..<count]
    }
    return nil
  }

  /// Waits until the process has ended.
  package static func wait(for pid: pid_t) -> End {
    var status: Int32 = 0
    while waitpid(pid, &status, 0) < 0, errno == EINTR {}
    return End(status)
  }

  /// How the process ended; `nil` while it runs.
  package static func end(of pid: pid_t) -> End? {
    var status: Int32 = 0
    return waitpid(pid, &status, WNOHANG) == 0 ? nil : End(status)
  }

  /// Lends a list of C strings that ends with nil.
  private static func withCStrings<Result>(
    _ strings: [String], _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Result
  ) -> Result {
    let list = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(
      capacity: strings.count + 1)
    for (index, string) in strings.enumerated() {
      (list + index).initialize(to: strdup(string))
    }
    (list + strings.count).initialize(to: nil)
    defer {
      for index in strings.indices { free(list[index]) }
      list.deallocate()
    }
    return body(list)
  }
}

extension Launch.End: CustomStringConvertible {
  /// `was ended by signal 11`.
  package var description: String {
    switch self {
    case .status(let status): "ended with exit status \(status)"
    case .signal(let number): "was ended by signal \(number)"
    }
  }
}

/// Where programs are that others wrote.
package enum ProgramPath {
  /// Where `name` may be by a search path; relative directories do not count.
  package static func candidates(_ name: String, _ path: String?) -> [String] {
    (path ?? "/usr/local/bin:/usr/bin:/bin").split(separator: ":")
      .filter { $0.hasPrefix("/") }.map { "\($0)/\(name)" }
  }

  /// The first that is there and may be run, absolute and without links.
  package static func find(_ candidates: [String]) -> String? {
    for candidate in candidates {
      guard let resolved = realpath(candidate, nil) else { continue }
      defer { free(resolved) }
      let path = String(cString: resolved)
      if isProgram(path) { return path }
    }
    return nil
  }

  /// The folder of the program that runs.
  package static var ownFolder: String {
    guard let path = realpath("/proc/self/exe", nil) else { return "." }
    defer { free(path) }
    let text = String(cString: path)
    return text.lastIndex(of: "/").map { String(text[..<$0]) } ?? "."
  }

  /// Whether a path leads to a regular file that may be run.
  package static func isProgram(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
      && access(path, X_OK) == 0
  }
}
