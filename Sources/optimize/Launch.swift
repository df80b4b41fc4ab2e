import CProcess
import Glibc

/// A child process: its program, its descriptors and its limits. See `cprocess_start` for what
/// holds for all of them.
struct Launch {
  /// How a process ended.
  enum End: Sendable, Equatable {
    case status(Int32)
    case signal(Int32)
  }

  /// The system's reason why a process could not be started.
  struct Failure: Error, Sendable, Equatable {
    let code: Int32
  }

  var path: String
  /// The arguments, the program's name first.
  var arguments: [String]
  /// All of its environment.
  var environment: [String]
  var directory: String?
  var input: Int32
  var output: Int32
  var errors: Int32
  var leadsGroup = false
  var isChildless = false
  /// Limits; 0 leaves them as they are.
  var processorSeconds = 0
  var memory = 0
  var fileSize = 0
  var openFiles = 0

  /// Starts it and returns its process id. It dies with the calling thread.
  func start() throws(Failure) -> pid_t {
    var launch = cprocess_launch()
    launch.standard_input = input
    launch.standard_output = output
    launch.standard_error = errors
    launch.leads_group = leadsGroup ? 1 : 0
    launch.is_childless = isChildless ? 1 : 0
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
  static func makePipe() throws(Failure) -> (output: Int32, input: Int32) {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { throw Failure(code: errno) }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    return (ends[0], ends[1])
  }

  /// Waits until the process has ended.
  static func wait(for pid: pid_t) -> End {
    var status: Int32 = 0
    while waitpid(pid, &status, 0) < 0, errno == EINTR {}
    let signal = cprocess_signal(status)
    return signal == 0 ? .status(cprocess_exit_status(status)) : .signal(signal)
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
