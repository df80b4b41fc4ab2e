/// How an answer goes out: what to send, when to wait, how to end. Decided here, done by
/// `Connection`.
struct Delivery: Sendable, Equatable {
  enum Step: Sendable, Equatable {
    case send(ArraySlice<UInt8>)
    /// A byte, a pause, a byte, …
    case drip(ArraySlice<UInt8>)
    case wait(seconds: Double)
    /// Ends the connection with RST, as a crashing server or a firewall does.
    case reset
  }

  let steps: [Step]
  /// The status that the client gets to see, if it gets to see one.
  let status: Int?
  let keepsAlive: Bool

  /// `response` for a request, or what `fault` leaves of it. A stall takes `stall` seconds.
  init(_ response: Response, fault: Fault?, isHead: Bool, keepsAlive: Bool, stall: Double) {
    let body = isHead ? [] : response.body
    let wantsMore = keepsAlive && fault.map { $0.kind == .drip || $0.kind.isPage } ?? true
    // The head promises what was asked for; a client learns of the trouble only as it comes.
    let head = Step.send(response.head(keepsAlive: keepsAlive)[...])
    self.keepsAlive = wantsMore
    switch (fault?.kind, fault?.cut(body.count)) {
    case (.reset, nil), (.stall, nil): status = nil
    default: status = response.status
    }
    let all: [Step] =
      switch (fault?.kind, fault?.cut(body.count)) {
      case (.reset, nil): [.reset]
      case (.reset, let cut?): [head, .send(body.prefix(cut)), .reset]
      case (.stall, nil): [.wait(seconds: stall)]
      case (.stall, let cut?): [head, .send(body.prefix(cut)), .wait(seconds: stall)]
      case (.short, let cut): [head, .send(body.prefix(cut ?? 0))]
      case (.drip, _): [head, .drip(body)]
      default: [head, .send(body)]
      }
    steps = all.filter { $0 != .send([]) && $0 != .drip([]) }
  }
}
