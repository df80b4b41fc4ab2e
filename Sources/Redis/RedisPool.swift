import Common

/// Connections to a Redis, opened when they are needed and made again when they broke.
package final class RedisPool: Sendable {
  private let settings: RedisSettings
  private let purpose: String
  private let report: @Sendable (String) -> Void
  private let connections: ConnectionPool<RedisConnection>
  private let retryTimeout: Double

  /// What messages call the server.
  package var name: String { settings.description }

  /// Up to `size` connections to what `url` and the environment say; a server that went away is waited for, for
  /// `retryTimeout` seconds, less once `stop` is requested, and `report` gets a sentence about it. `purpose` is what
  /// it is for, in errors: "limiter". Throws with exit code 64 for a URL that says nothing, and 77 or 78 for a
  /// password file that cannot be used.
  package init(
    url: String, for purpose: String, size: Int, retryTimeout: Double, stop: ShutdownSignal?,
    report: @escaping @Sendable (String) -> Void = { _ in }
  ) throws(Fatal) {
    let settings = try RedisSettings(url: url, for: purpose)
    self.settings = settings
    self.purpose = purpose
    self.report = report
    self.retryTimeout = retryTimeout
    connections = ConnectionPool(size: size, retryTimeout: retryTimeout, stop: stop) { timeout in
      let connection = try RedisConnection(settings, timeout: timeout)
      if let policy = connection.evicts {
        throw Fatal(
          .configuration,
          "the \(purpose) \(settings) cannot be used: the server throws keys away when its memory is full "
            + "(maxmemory-policy \(policy)). Set maxmemory-policy noeviction.")
      }
      return connection
    }
  }

  /// Runs `body` with a connection, and again where the connection broke or the server asks for it. `body` is told
  /// whether an earlier try may have had its effect although its answer was lost: it has to be safe to repeat.
  package func use<T: Sendable>(
    retryTimeout: Double? = nil,
    _ body: @Sendable (_ connection: RedisConnection, _ isRepeat: Bool) throws -> T
  ) throws(Fatal) -> T {
    do {
      return try connections.use(
        retryTimeout: retryTimeout,
        waits: { error in
          let time = Format.duration(seconds: retryTimeout ?? self.retryTimeout)
          report(
            "the \(purpose) \(name) does not answer: \(error). Waiting for it for up to \(time).")
        }, body)
    } catch let error as RedisError {
      throw Fatal(error, name, purpose)
    } catch {
      throw error as? Fatal ?? Fatal(.other, "the \(purpose) \(name): \(Format.reason(error))")
    }
  }
}
