import CMemory
import Glibc

/// The memory that this process may have, where that is limited (`ulimit -v`, strict overcommitment).
///
/// Neither Swift nor most libraries can tell that an allocation failed: they crash. So a process that has
/// nothing left ends with a line and 74, and no document pays for it.
package enum AddressSpace {
  /// Bytes without which nothing works any more: what fails is seldom the last byte, but a block.
  private static let least = 16 << 20
  /// Bytes that a run needs to begin: stacks of the threads that no run can do without, connections, databases.
  /// With less, libdispatch waits for ever for a thread (_dispatch_temporary_resource_shortage).
  private static let beginning = 64 << 20
  /// Bytes that threads leave to the work that they do.
  private static let reserve = 128 << 20

  /// Whether there is next to nothing left.
  package static var isUsedUp: Bool { cmemory_has_room(least) == 0 }

  /// Whether another thread leaves room for what the threads are to do.
  static var takesMoreThreads: Bool {
    cmemory_is_limited() == 0 || cmemory_has_room(reserve) != 0
  }

  /// To be called in `main`, once, before any thread is started. Throws where there is too little to begin
  /// with. From then on, an allocation that fails ends the process with 74.
  package static func watch(tool: String) throws(Fatal) {
    // The handler needs the message for as long as the process lives.
    guard let message = strdup("\(tool): \(Fatal.noMemory.message)\n") else { return }
    cmemory_watch(least, message, ToolExit.inputOutput.rawValue)
    if cmemory_has_room(beginning) == 0 { throw .noMemory }
  }

  /// Gives the system what was freed and the heap has kept (malloc_trim(3)): after work that took much memory and
  /// comes again only later.
  package static func giveBackFreed() { malloc_trim(0) }
}

extension Fatal {
  /// The process has no memory left.
  static let noMemory = Fatal(
    .inputOutput,
    "no memory is left for this process: raise its limit (ulimit -v) or use fewer workers, and run the "
      + "same command again")
}

/// The limit on the size of the files that this process writes (setrlimit(2), RLIMIT_FSIZE).
package enum FileSizeLimit {
  /// What to add to a library's error that does not tell its reason, where there is a limit; else nothing.
  package static var hint: String {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0,
      limit.rlim_cur != ~0
    else { return "" }
    return
      "; files may have \(Format.bytes(Int(clamping: limit.rlim_cur))) at most (ulimit -f): raise that"
  }
}
