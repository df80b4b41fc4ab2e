import ArgumentParser
import CLI
import Common
import Glibc
import Logging

/// `queue send`: the head.
struct SendCommand: Tool {
  static let configuration = CommandConfiguration(
    commandName: "send",
    abstract: "Let workers work on records, and write them when they are answered.",
    usage: "queue send URL [OPTION]…",
    discussion: """
      Keeps at most a window of records in the queue. What Redis loses is sent again. When it is stopped, it takes
      back what waits, and waits six seconds for what is being worked on.

        enqueue … | queue send redis://head/0 --queue mid | validate --settle …

      \(ToolExit.table)
      """)

  @OptionGroup var place: QueueOptions

  @Option(help: ArgumentHelp("Have at most this many records in the queue.", valueName: "n"))
  var window = 2000

  @OptionGroup var log: LogOptions

  func validate() throws {
    guard (1...1_000_000).contains(window) else {
      throw ValidationError("--window must be from 1 to 1000000; it is \(window).")
    }
  }

  func perform(stop: ShutdownSignal, logger: Logger) throws -> ToolExit {
    let queue = try place.open(stop, logger)
    if !(try queue.isPersistent()) {
      logger.warning(
        "Redis forgets what it has when it stops (appendonly no); it would be sent again. See docs/fleet.md."
      )
    }
    let head = Head(queue: queue, window: window, stop: stop, logger: logger)
    return try head.run(input: STDIN_FILENO, output: STDOUT_FILENO)
  }
}
