import Glibc

/// Starts `count` threads, runs `body` in each with its number (from 1) and waits for all of them.
///
/// Blocking C libraries need real threads: a task group runs as many blocking jobs at a time as
/// there are cores. Because the threads are joined before this returns, `body` need not escape.
package func withThreads(_ count: Int, _ body: @Sendable (Int) -> Void) {
  withoutActuallyEscaping(body) { body in
    var threads: [pthread_t] = []
    for number in 1...max(1, count) {
      if number > 1, !AddressSpace.takesMoreThreads { break }
      guard let thread = newThread(stackSize: nil, { body(number) }) else {
        // Fewer threads than asked for (pthread_create(3): EAGAIN) still do all the work, because
        // threads pull it; without any, this one does. So do fewer that have memory to work with.
        if threads.isEmpty { body(number) }
        break
      }
      threads.append(thread)
    }
    for thread in threads { pthread_join(thread, nil) }
  }
}

/// Runs `body` here and `companion` in a thread beside it, and returns when both have ended; `body` sees to it
/// that `companion` does. Throws what `body` throws, or, where the system has no thread left, a ``Fatal``
/// before either has begun: two that need each other cannot make do with one.
package func withCompanion<T>(
  _ companion: @Sendable () -> Void, _ body: () throws -> T
) throws -> T {
  try withoutActuallyEscaping(companion) { companion in
    guard let thread = newThread(stackSize: nil, companion) else {
      throw Fatal.noThread
    }
    defer { pthread_join(thread, nil) }
    return try body()
  }
}

extension Fatal {
  /// The system has no thread left (pthread_create(3): EAGAIN) that the run cannot do without.
  static let noThread = Fatal(
    .inputOutput,
    "no thread is left for this process: raise its limits on threads and memory (ulimit -u, ulimit -v), "
      + "and run the same command again")
}

/// Starts one thread that nobody waits for, with a stack of the usual size or of `stackSize` bytes. False
/// where the system has none left.
package func startThread(stackSize: Int? = nil, _ body: @escaping @Sendable () -> Void) -> Bool {
  guard let thread = newThread(stackSize: stackSize, body) else { return false }
  pthread_detach(thread)
  return true
}

private func newThread(stackSize: Int?, _ body: @escaping () -> Void) -> pthread_t? {
  let attributes = UnsafeMutablePointer<pthread_attr_t>.allocate(capacity: 1)
  pthread_attr_init(attributes)
  defer {
    pthread_attr_destroy(attributes)
    attributes.deallocate()
  }
  if let stackSize { pthread_attr_setstacksize(attributes, stackSize) }
  let job = Unmanaged.passRetained(Job(body))
  var thread = pthread_t()
  let failure = pthread_create(
    &thread, attributes,
    { raw in
      guard let raw else { return nil }
      Unmanaged<Job>.fromOpaque(raw).takeRetainedValue().body()
      return nil
    }, job.toOpaque())
  guard failure == 0 else {
    job.release()
    return nil
  }
  return thread
}

private final class Job {
  let body: () -> Void
  init(_ body: @escaping () -> Void) { self.body = body }
}
