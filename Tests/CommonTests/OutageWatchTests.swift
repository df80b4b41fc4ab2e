import Common
import Testing

/// One cause is one cause, a document's own trouble its own (promise P15): the decisions, without a clock.
@Suite struct OutageWatchTests {
  private static let second: Int64 = 1_000_000_000
  private let policy = OutagePolicy(
    threshold: 3, firstDistance: 5, longestDistance: 20, limit: 300, limitBeforeAnythingGood: 60)
  private let blocked = Refusal("status 403")

  private func at(_ seconds: Int64) -> Int64 { seconds * Self.second }

  /// A watch where document 0 was good, from second 0 to 1.
  private func goodWatch() -> OutageWatch {
    var watch = OutageWatch(policy)
    _ = watch.succeeded(began: 0, now: at(1))
    return watch
  }

  @Test func oneDocumentAloneIsNoOutage() {
    var watch = OutageWatch(policy)
    for second in 1..<100 {
      let isOutage = watch.refused("a", blocked, now: at(Int64(second)), hasSample: false)
      #expect(!isOutage)
    }
    #expect(watch.outage == nil)
    let step = watch.next(holding: at(99), now: at(99), isQuiet: true, hasSample: false)
    #expect(step == .own)
  }

  @Test func aRefusalIsHeldUntilAnotherDocumentIsGood() {
    var watch = goodWatch()
    _ = watch.refused("a", blocked, now: at(10), hasSample: true)
    let held = watch.next(holding: at(10), now: at(11), isQuiet: false, hasSample: true)
    #expect(held == .wait(until: .max))
    // This one was asked for before, and only came later: it says nothing.
    _ = watch.succeeded(began: at(9), now: at(12))
    let still = watch.next(holding: at(10), now: at(12), isQuiet: false, hasSample: true)
    #expect(still == .wait(until: .max))
    _ = watch.succeeded(began: at(11), now: at(13))
    let own = watch.next(holding: at(10), now: at(13), isQuiet: false, hasSample: true)
    #expect(own == .own)
  }

  @Test func severalInARowAreAnOutageOnceTheSampleIsRefusedToo() {
    var watch = goodWatch()
    for (number, id) in ["a", "b", "c"].enumerated() {
      let isSure = watch.refused(id, blocked, now: at(10 + Int64(number)), hasSample: true)
      #expect(!isSure)
    }
    let first = watch.next(holding: at(10), now: at(12), isQuiet: false, hasSample: true)
    let others = watch.next(holding: at(11), now: at(12), isQuiet: false, hasSample: true)
    #expect(first == .askSample && others == .wait(until: .max))
    let isSure = watch.sampleRefused(blocked, now: at(13))
    #expect(isSure && watch.outage?.since == at(10) && watch.outage?.nextTry == at(18))
    // Documents that were not asked for yet wait, too.
    let fresh = watch.next(holding: nil, now: at(14), isQuiet: false, hasSample: true)
    #expect(fresh == .wait(until: at(18)))
    let ownTry = watch.next(holding: nil, now: at(18), isQuiet: false, hasSample: true)
    #expect(ownTry == .ask(isTry: true))
    let ended = watch.succeeded(began: at(18), now: at(19), isTry: true)
    #expect(ended?.since == at(10))
    let again = watch.next(holding: at(11), now: at(19), isQuiet: false, hasSample: true)
    #expect(again == .ask(isTry: false), "refused in the outage: asked again, and not failed")
  }

  @Test func aGoodSampleMeansThatTheDocumentsAreAtFault() {
    var watch = goodWatch()
    for id in ["a", "b", "c"] { _ = watch.refused(id, blocked, now: at(10), hasSample: true) }
    let step = watch.next(holding: at(10), now: at(11), isQuiet: false, hasSample: true)
    #expect(step == .askSample)
    let ended = watch.succeeded(began: at(11), now: at(12), isTry: true)
    #expect(ended == nil, "it was none, and nobody was told of one")
    let own = watch.next(holding: at(10), now: at(12), isQuiet: false, hasSample: true)
    #expect(own == .own && watch.outage == nil)
  }

  @Test func theLastDocumentsOfARunAreJudgedByTheSample() {
    var watch = goodWatch()
    _ = watch.refused("last", blocked, now: at(10), hasSample: true)
    let step = watch.next(holding: at(10), now: at(11), isQuiet: true, hasSample: true)
    #expect(step == .askSample)
    let isSure = watch.sampleRefused(blocked, now: at(12))
    #expect(isSure)
  }

  @Test func triesGrowApartAndTheLastComesWithTheLimit() {
    var watch = OutageWatch(policy)
    for id in ["a", "b", "c"] { _ = watch.refused(id, blocked, now: 0, hasSample: false) }
    var tries: [Int64] = []
    var now: Int64 = 0
    while true {
      let step = watch.next(holding: 0, now: now, isQuiet: true, hasSample: false)
      if case .wait(let time) = step {
        now = time
      } else if case .ask(isTry: true) = step {
        tries.append(now / Self.second)
        _ = watch.refused("a", blocked, now: now, hasSample: false, isTry: true)
      } else {
        #expect({ if case .giveUp = step { true } else { false } }())
        break
      }
    }
    // Nothing was ever good: a minute, and not the longer limit.
    #expect(tries == [5, 15, 35, 55, 60])
  }

  @Test func whatIsNeverADocumentsFaultIsAnOutageAtOnceWhereNothingWasGood() {
    var watch = OutageWatch(policy)
    let nobody = Refusal("connection refused", isNeverTheDocuments: true)
    let isSure = watch.refused("a", nobody, now: 0, hasSample: false)
    #expect(isSure)
    var later = goodWatch()
    let isSureLater = later.refused("a", nobody, now: at(2), hasSample: true)
    #expect(!isSureLater)
  }

  @Test func aHopelessRefusalEndsTheRunAtOnce() {
    var watch = OutageWatch(policy)
    let certificate = Refusal("certificate", isNeverTheDocuments: true, isHopeless: true)
    _ = watch.refused("a", certificate, now: at(1), hasSample: false)
    let step = watch.next(holding: at(1), now: at(1), isQuiet: false, hasSample: false)
    #expect({ if case .giveUp = step { true } else { false } }())
  }

  @Test func aTryThatCameToNothingIsTakenByAnother() {
    var watch = OutageWatch(policy)
    for id in ["a", "b", "c"] { _ = watch.refused(id, blocked, now: 0, hasSample: false) }
    let first = watch.next(holding: 0, now: at(5), isQuiet: true, hasSample: false)
    watch.tryAbandoned()
    let second = watch.next(holding: 0, now: at(5), isQuiet: true, hasSample: false)
    #expect(first == .ask(isTry: true) && second == first)
  }

  @Test func aDocumentsOwnTroubleAfterAnOutageIsItsOwn() {
    var watch = goodWatch()
    for id in ["a", "b", "c"] { _ = watch.refused(id, blocked, now: at(10), hasSample: false) }
    _ = watch.succeeded(began: at(16), now: at(17), isTry: true)
    let isOutage = watch.refused("b", blocked, now: at(18), hasSample: true)
    _ = watch.succeeded(began: at(19), now: at(20))
    let step = watch.next(holding: at(18), now: at(20), isQuiet: false, hasSample: true)
    #expect(!isOutage && step == .own)
  }
}
