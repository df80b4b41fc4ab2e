import Testing

@testable import portal

@Suite struct FaultTests {
  @Test func `faults come in their shares and the same way for a seed`() {
    let rules = [
      FaultRule(kind: .tooMany, share: 0.05), FaultRule(kind: .reset, share: 0.2),
      FaultRule(kind: .login, share: 0.1),
    ]
    let plan = FaultPlan(rules: rules, seed: 3)
    let drawn = (1...10_000).map(plan.fault(request:))
    for rule in rules {
      let share = Double(drawn.count { $0?.kind == rule.kind }) / 10_000
      #expect(abs(share - rule.share) < 0.02)
    }
    #expect(drawn == (1...10_000).map(FaultPlan(rules: rules, seed: 3).fault(request:)))
    #expect(drawn != (1...10_000).map(FaultPlan(rules: rules, seed: 4).fault(request:)))
    #expect(FaultPlan(rules: [], seed: 3).fault(request: 1) == nil)
    let all = FaultPlan(rules: [FaultRule(kind: .html, share: 1)], seed: 3)
    #expect((1...1000).allSatisfy { all.fault(request: $0)?.kind == .html })
  }

  @Test(arguments: [
    ("429=0.05", FaultKind.tooMany, 0.05), ("reset=5%", .reset, 0.05), ("drip=1", .drip, 1),
    ("500=0", .internalError, 0),
  ])
  func `rules are read`(text: String, kind: FaultKind, share: Double) throws {
    #expect(try FaultRule(parsing: text) == FaultRule(kind: kind, share: share))
  }

  @Test(arguments: ["reset", "reset=", "reset=x", "reset=2", "reset=-1", "reset=101%", "foo=1"])
  func `what is no rule is refused`(text: String) {
    #expect(throws: FaultRuleError.self) { try FaultRule(parsing: text) }
  }

  @Test func `the point of a fault is before the head or inside the body`() {
    #expect(Fault(kind: .reset, point: 0.49).cut(1000) == nil)
    #expect(Fault(kind: .reset, point: 0.5).cut(1000) == 0)
    #expect(Fault(kind: .reset, point: 0.75).cut(1000) == 500)
    #expect(Fault(kind: .reset, point: 0.999_999).cut(1000) == 999)
  }
}

@Suite struct DeliveryTests {
  private let response = Response(200, "application/pdf", body: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10])

  private func delivery(
    _ kind: FaultKind?, at point: Double = 0.75, isHead: Bool = false, keepsAlive: Bool = true
  ) -> Delivery {
    Delivery(
      response, fault: kind.map { Fault(kind: $0, point: point) }, isHead: isHead,
      keepsAlive: keepsAlive, stall: 9)
  }

  @Test func `a whole answer is head and body`() {
    let delivery = delivery(nil)
    #expect(delivery.steps.count == 2)
    #expect(delivery.steps.last == .send(response.body))
    #expect(delivery.keepsAlive && delivery.status == 200)
    #expect(!self.delivery(nil, keepsAlive: false).keepsAlive)
    #expect(self.delivery(nil, isHead: true).steps.count == 1)
  }

  @Test func `a page in place of the answer leaves the connection alone`() {
    #expect(delivery(.html).keepsAlive && delivery(.tooMany).keepsAlive)
  }

  @Test func `broken answers break off and end the connection`() {
    #expect(delivery(.reset, at: 0.1).steps == [.reset])
    #expect(delivery(.reset, at: 0.1).status == nil)
    #expect(delivery(.reset).steps.dropFirst() == [.send([1, 2, 3, 4, 5]), .reset])
    #expect(delivery(.reset).status == 200)
    #expect(delivery(.stall, at: 0.1).steps == [.wait(seconds: 9)])
    #expect(delivery(.stall).steps.last == .wait(seconds: 9))
    #expect(delivery(.short).steps.dropFirst() == [.send([1, 2, 3, 4, 5])])
    #expect(delivery(.short, at: 0).steps.count == 1)
    for kind in [FaultKind.reset, .stall, .short] { #expect(!delivery(kind).keepsAlive) }
  }

  @Test func `a dripping answer is whole in the end`() {
    #expect(delivery(.drip).steps.last == .drip(response.body))
    #expect(delivery(.drip).keepsAlive)
  }

  @Test func `the head promises the whole length, whatever comes`() {
    for kind in [FaultKind?.none, .short, .reset, .drip] {
      guard case .send(let head)? = delivery(kind).steps.first else {
        Issue.record("no head")
        continue
      }
      let text = String(decoding: head, as: UTF8.self)
      #expect(text.hasPrefix("HTTP/1.1 200 OK\r\n") && text.hasSuffix("\r\n\r\n"))
      #expect(text.contains("\r\nContent-Length: 10\r\n"))
    }
  }
}

@Suite struct BehaviourTests {
  private let behaviour = Behaviour(
    seed: 1, latency: 0.2, jitter: 0.1, stall: 60, retryAfter: 0,
    faults: FaultPlan(rules: [], seed: 1))

  @Test(arguments: [
    (FaultKind.tooMany, 429), (.unavailable, 503), (.internalError, 500), (.html, 200),
    (.login, 200), (.empty, 200),
  ])
  func `troubles that are pages have their status`(kind: FaultKind, status: Int) throws {
    let page = try #require(behaviour.page(for: kind))
    #expect(page.status == status && kind.isPage)
    #expect(page.body.isEmpty == (kind == .empty))
    let asksToWait = page.headers.contains { $0 == ("Retry-After", "0") }
    #expect(asksToWait == (status == 429 || status == 503))
  }

  @Test func `troubles of the connection are no pages`() {
    for kind in [FaultKind.reset, .stall, .short, .drip] {
      #expect(behaviour.page(for: kind) == nil && !kind.isPage)
    }
  }

  @Test func `each answer waits for latency and some jitter`() {
    let waits = (1...1000).map(behaviour.wait(request:))
    #expect(waits.allSatisfy { (0.2...0.3).contains($0) })
    #expect(waits.max()! - waits.min()! > 0.09)
  }
}
