import Common
import Glibc
import Synchronization

/// What all connections to the portal share.
final class ServerContext: Sendable {
  let site: Site
  let behaviour: Behaviour
  let log: RequestLog?
  let outage: OutageClock?
  private let requests = Atomic<Int>(0)

  init(site: Site, behaviour: Behaviour, log: RequestLog?, outage: Outage? = nil) {
    self.outage = outage.map(OutageClock.init)
    self.site = site
    self.behaviour = behaviour
    self.log = log
  }

  /// The number of the next request, from 1.
  func nextRequest() -> Int { requests.add(1, ordering: .relaxed).newValue }
}

/// One connection: reads requests, one after the other, and does what is decided for each.
struct Connection: Sendable {
  /// Seconds that a connection may stay silent.
  static let idle: Double = 75
  /// Seconds between two bytes of a dripping answer.
  static let drip: Double = 0.05

  /// POLLRDHUP of poll(2), which the module Glibc leaves out.
  private static let peerClosed: Int32 = 0x2000

  let number: Int
  let socket: Socket
  let server: Server
  let context: ServerContext

  /// Serves until either side has enough.
  func serve() {
    var buffer = HeadBuffer()
    while true {
      var start = Time.monotonic()
      guard !buffer.isEmpty || receive(into: &buffer, at: &start) else { return }
      var entry = RequestLog.Entry(start: start, connection: number)
      let isAlive: Bool
      do throws(BadRequest) {
        guard let request = try nextRequest(&buffer) else { return }
        isAlive = answer(request, &entry)
      } catch {
        var response = Response(error.status, html: Pages.failure(error.reason))
        if error.status == 405 { response = response.adding("Allow", "GET, HEAD") }
        isAlive = deliver(
          Delivery(response, fault: nil, isHead: false, keepsAlive: false, stall: 0), &entry)
      }
      context.log?.append(entry)
      guard isAlive else { return }
    }
  }

  /// False at the end of the connection.
  private func receive(into buffer: inout HeadBuffer, at time: inout Int64) -> Bool {
    guard server.wait(socket.descriptor, seconds: Self.idle) else { return false }
    let bytes = socket.receive(at: &time)
    buffer.append(bytes)
    return !bytes.isEmpty
  }

  private func nextRequest(_ buffer: inout HeadBuffer) throws(BadRequest) -> Request? {
    while true {
      if let head = try buffer.next() { return try withBody(Request(parsing: head), &buffer) }
      var later: Int64 = 0
      guard receive(into: &buffer, at: &later) else { return nil }
    }
  }

  /// The request with its body; `nil` where the connection ends in it.
  private func withBody(_ request: Request, _ buffer: inout HeadBuffer) -> Request? {
    var request = request
    while true {
      if let body = buffer.body(request.bodyLength) {
        request.body = body
        return request
      }
      var later: Int64 = 0
      guard receive(into: &buffer, at: &later) else { return nil }
    }
  }

  /// Returns whether the connection goes on.
  private func answer(_ request: Request, _ entry: inout RequestLog.Entry) -> Bool {
    let count = context.nextRequest()
    let route = context.site.route(request)
    let outage = context.outage.flatMap { clock in
      clock.strikes(route, now: entry.start) ? clock.outage : nil
    }
    let fault = outage.map(\.fault) ?? context.behaviour.faults.fault(request: count)
    entry.isOutage = outage != nil
    entry.method = request.method.rawValue
    entry.path = request.path
    entry.query = request.query
    entry.document = route.document?.number
    entry.fault = fault?.kind
    guard server.stop.sleep(seconds: context.behaviour.wait(request: count)) else { return false }
    let response =
      outage?.response ?? fault.flatMap { context.behaviour.page(for: $0.kind) }
      ?? context.site.response(to: request, route)
    return deliver(
      Delivery(
        response, fault: fault, isHead: request.isHead, keepsAlive: request.keepsAlive,
        stall: outage?.seconds ?? context.behaviour.stall), &entry)
  }

  /// Takes the steps. Returns whether the connection goes on.
  private func deliver(_ delivery: Delivery, _ entry: inout RequestLog.Entry) -> Bool {
    entry.status = delivery.status
    for (index, step) in delivery.steps.enumerated() {
      switch step {
      case .send(let bytes):
        let next = delivery.steps.dropFirst(index + 1).first
        let hasMore = if case .send = next { true } else { false }
        let sent = socket.send(bytes, more: hasMore)
        entry.bytes += sent
        guard sent == bytes.count else { return false }
      case .drip(let bytes):
        for position in bytes.indices {
          guard socket.send(bytes[position...position], more: false) == 1 else { return false }
          entry.bytes += 1
          guard server.stop.sleep(seconds: Self.drip) else { return false }
        }
      case .wait(let seconds):
        // Wakes up early if the client has enough of waiting.
        _ = server.wait(socket.descriptor, seconds: seconds, for: Self.peerClosed)
      case .reset:
        socket.resetOnClose()
        return false
      }
    }
    if !delivery.keepsAlive { socket.finish() }
    return delivery.keepsAlive
  }
}
