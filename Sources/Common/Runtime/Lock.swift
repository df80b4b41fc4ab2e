import Glibc

/// A value that one thread at a time may touch; for what all threads of a stage meet at for every document.
///
/// `Synchronization.Mutex` is, on Linux, a lock of the kernel's with priority inheritance: once two threads
/// met, it is handed from each to the next (futex(2), FUTEX_LOCK_PI), with a system call and a change of
/// threads each time. Threads that hold it for a microsecond spent 20 to 30 % of all time on that. This one
/// is open to whoever comes first; where it does not matter, `Mutex` stays the lock to take.
package struct Lock<Value: ~Copyable>: ~Copyable {
  // Both lie where they are, at one address, until the end: pthread_mutex_t must not be moved.
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private let value: UnsafeMutablePointer<Value>

  /// Takes a value that nobody else holds.
  package init(_ initial: consuming sending Value) {
    mutex = .allocate(capacity: 1)
    value = .allocate(capacity: 1)
    pthread_mutex_init(mutex, nil)
    value.initialize(to: initial)
  }

  deinit {
    value.deinitialize(count: 1)
    value.deallocate()
    pthread_mutex_destroy(mutex)
    mutex.deallocate()
  }

  /// Runs `body` while no other thread does; not to be called again from within `body`, which would wait
  /// for itself.
  package borrowing func withLock<Result: ~Copyable, Failure: Error>(
    _ body: (inout sending Value) throws(Failure) -> sending Result
  ) throws(Failure) -> sending Result {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return try body(&value.pointee)
  }
}

/// The proof: the value came in as nobody's (`sending`), is reached only between locking and unlocking, and
/// leaves `withLock` only as something of its own (`sending`).
extension Lock: @unchecked Sendable where Value: ~Copyable {}
